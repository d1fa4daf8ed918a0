"""
Who hears what is found out about one jail by those who look after a part of it, and does what is to be done.

One object for all of them: a jail has a dozen such parts, and a callable for each thing that each of them may find
out would take more memory than the parts themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from twisted.python.failure import Failure

from runjd.errors import RunjdError
from runjd.policy.facts import ExitRecord


class Emitter(Protocol):
    """Who tells the events of a jail."""

    def emit(self, ev: str, details: Mapping[str, object]) -> None:
        """Tell an event: its word and its keys."""


class Expectant(Protocol):
    """Who waits for a run to be ready."""

    def ready(self) -> None:
        """It became ready."""

    def late(self, error: RunjdError) -> None:
        """It was not ready in time, for this reason."""


class Told(Emitter, Expectant, Protocol):
    """Provided by :class:`runjd.supervise.consequences.Consequences`."""

    # --- of a run -----------------------------------------------------------------------

    def unwell(self, action: str, why: str) -> None:
        """
        It became unhealthy.

        :param action: what its health rule wants: restart, stop or kill.
        """

    def paused(self, is_paused: bool, by: str) -> None:
        """It was paused, or goes on; by nobody: its stop let it go on."""

    # --- of its end ---------------------------------------------------------------------

    def step(self, step: Mapping[str, object]) -> None:
        """The next step of its stop was taken, with what is known of it."""

    def overdue(self) -> None:
        """It had its time to stop."""

    def taken_away(self) -> None:
        """Somebody removes the jail while its init process lives."""

    def seen_to_end(self, record: ExitRecord) -> None:
        """Its init process ended, and no keeper will tell that."""

    def ended(self, record: ExitRecord) -> None:
        """Its init process ended; told once, when what it wrote before is logged."""

    def over(self) -> None:
        """All that it wrote is logged, behind :meth:`ended`."""

    # --- of what follows ----------------------------------------------------------------

    def due(self) -> None:
        """It is to be started again."""

    def again(self) -> None:
        """It is to be started once it is down, where that is still wanted."""

    def forget(self) -> None:
        """Nothing is left of it, and it is to be forgotten."""

    def broken(self, failure: Failure) -> None:
        """There is a fault of ours."""
