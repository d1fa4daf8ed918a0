"""
What many jails use: one meter for each system, asked by the daemon in a thread, and only when somebody wants to know.

All jails are measured at once, as the table of all processes is read once for all of
those that nothing else counts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runjd.policy.usage import Usage


class Meter(ABC):
    """Measures jails that run."""

    @abstractmethod
    def measure(self, inits: Mapping[str, int]) -> dict[str, Usage]:
        """
        Return what these jails use; those that are gone meanwhile are left out.

        :param inits: the pid of the init process of each, by the id of the jail.
        :raise OSError: the system tells nothing.
        """

    def ran_out(self, id: str, groups: Sequence[str] | None = None) -> bool | None:
        """
        Whether a process of a jail was killed because memory ran out; None where that is not known.

        It is so from the end of the init process until the jail is removed from the host.

        :param groups: its control groups; None: as its record says.
        """
        return None
