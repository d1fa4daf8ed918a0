"""One call of runj, as its verbs see it."""

from __future__ import annotations

import os
import posix

from runjd.cli.oci.log import tell
from runjd.errors import BadArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.oci.log import Log
    from runjd.cli.options import Given
    from runjd.container.operations import Operations
    from runjd.container.passing import Passed

DEFAULT_ROOT = "/var/run/runj"


class Call:
    """
    What a verb is given.

    :ivar given: the command line.
    :ivar log: where it may say what it does.
    """

    def __init__(self, given: Given, log: Log) -> None:
        self.given = given
        self.log = log
        self._operations: Operations | None = None

    @property
    def id(self) -> str:
        """The container that it is about."""
        return self.given.argument("ID")

    def operations(self) -> Operations:
        """Return what can be done with the containers below ``--root``."""
        import time

        from runjd.container.operations import Operations
        from runjd.runtime.choose import runtimes, wardens

        made = runtimes(
            pivots=not self.given.flag("no-pivot"),
            new_keyring=not self.given.flag("no-new-keyring"),
            scopes=self.given.flag("systemd-cgroup"),
        )
        self._operations = Operations(self.given.value("root") or DEFAULT_ROOT, made, time.time, wardens=wardens())
        return self._operations

    def tell_warnings(self) -> None:
        """Say what went wrong but is no failure."""
        if self._operations is not None and self._operations.warnings:
            tell([f"warning: {each}" for each in self._operations.warnings])

    def passed(self) -> Passed:
        """Return the descriptors that the program gets as well; to be called before anything is opened."""
        from runjd.container.passing import take

        text = self.given.value("preserve-fds", "0")
        if not (text.isascii() and text.isdigit() and len(text) < 6):
            raise BadArgument(f"--preserve-fds {text} is no number of descriptors")
        # os.environ is slow to load
        environment = os.environ if b"LISTEN_PID" in posix.environ else {}
        return take(int(text), environment, os.getpid())
