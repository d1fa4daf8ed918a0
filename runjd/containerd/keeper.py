"""What tasks need of the keeper; :class:`runjd.protocols.keeperclient.KeeperClient`, whose methods these are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred

from runjd.protocols.keeperreplies import Launched


class TaskKeeper(Protocol):
    """Makes jails and processes, and takes them away."""

    def create(
        self,
        jail: str,
        bundle: str,
        runtime: str,
        *,
        stdio: Mapping[str, object],
        mounts: Sequence[Mapping[str, object]],
        note: Mapping[str, object],
        scopes: bool,
    ) -> Deferred[Launched]:
        """Create a jail that waits for its start; with ``scopes`` systemd makes its control groups."""

    def start(self, jail: str) -> Deferred[None]:
        """Execute its program."""

    def change(self, jail: str, change: str, changes: Mapping[str, object] | None = None) -> Deferred[None]:
        """Pause, resume or update it."""

    def exec(
        self,
        jail: str,
        exec_id: str,
        process: Mapping[str, object],
        *,
        stdin: bool,
        size: tuple[int, int] | None,
        note: Mapping[str, object],
        stdio: Mapping[str, object] | None = None,
    ) -> Deferred[Launched]:
        """Run another process in it."""

    def signal(
        self, jail: str, signum: int, *, exec_id: str = "", everyone: bool = False, once: str = ""
    ) -> Deferred[None]:
        """Signal one process, or everyone; with the same mark once."""

    def delete(self, jail: str, *, force: bool = False, bundle: str = "") -> Deferred[None]:
        """Remove it from the host, and what is mounted on its root."""

    def close_stdin(self, jail: str, exec_id: str = "") -> Deferred[None]:
        """Close the keeper's writing end."""

    def stdin(self, jail: str, exec_id: str = "") -> Deferred[int]:
        """Return a writing end of standard input."""

    def ack(self, jail: str, exec_id: str, pid: int) -> None:
        """Say that an exit is dealt with."""
