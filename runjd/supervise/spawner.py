"""What the supervisor needs of the keeper; its client gives it, and a double in the tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.internet.defer import Deferred

from runjd.protocols.keeperreplies import Launched


class Spawner(Protocol):
    """Makes jails and processes; see :class:`runjd.protocols.keeperclient.KeeperClient`, whose methods these are."""

    def run(
        self,
        jail: str,
        bundle: str,
        runtime: str,
        *,
        stdin: bool,
        size: tuple[int, int] | None,
        note: Mapping[str, object],
        ready: str = "",
    ) -> Deferred[Launched]:
        """Create and start a jail."""

    def exec(
        self,
        jail: str,
        exec_id: str,
        process: Mapping[str, object],
        *,
        stdin: bool,
        size: tuple[int, int] | None,
        note: Mapping[str, object],
    ) -> Deferred[Launched]:
        """Run another process in a jail."""

    def signal(self, jail: str, signum: int, *, exec_id: str = "", everyone: bool = False) -> Deferred[None]:
        """Signal one process, or everyone in the jail."""

    def change(self, jail: str, change: str) -> Deferred[None]:
        """``pause`` a jail, or ``resume`` it."""

    def delete(self, jail: str, *, force: bool = False) -> Deferred[None]:
        """Remove a jail from the host."""

    def close_stdin(self, jail: str, exec_id: str = "") -> Deferred[None]:
        """Close the keeper's writing end."""

    def stdin(self, jail: str, exec_id: str = "") -> Deferred[int]:
        """Return a writing end of standard input."""

    def process(self, jail: str) -> Deferred[Mapping[str, object]]:
        """Return ``process`` of the jail's config.json."""

    def hold(self, jail: str, pid: int, terminal: Callable[[], int]) -> None:
        """Hand over the terminal of an init process."""

    def settle(self, jail: str, pid: int) -> None:
        """Say that an init process is ready."""

    def ack(self, jail: str, exec_id: str, pid: int) -> None:
        """Say that an exit is dealt with."""

    def shutdown(self) -> Deferred[None]:
        """End the keeper."""
