"""The keeper's socket stays where daemons look for it, also when somebody has removed it."""

from __future__ import annotations

from runjd.errors import RunjdError
from runjd.keeper import directories

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from runjd.keeper.loop import Loop

#: seconds between looks
LOOK = 2.0


class Address:
    """
    Looks whether the socket has its name, and makes another one where it has not.

    :param directory_fd: of the keeper's directory, which is locked.
    :param path: of the same, for messages.
    :param renew: takes the listening socket that is there instead.
    """

    def __init__(
        self,
        loop: Loop,
        directory_fd: int,
        path: str,
        renew: Callable[[_socket.socket], None],
        log: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._directory_fd = directory_fd
        self._path = path
        self._renew = renew
        self._log = log
        self._complaint = ""

    def watch(self) -> None:
        """Look from time to time."""
        self._loop.call_later(LOOK, self._look)

    def _look(self) -> None:
        if directories.has_socket(self._directory_fd):
            self._complaint = ""
        else:
            self._make()
        self.watch()

    def _make(self) -> None:
        try:
            self._renew(directories.listen(self._directory_fd, self._path))
        except RunjdError as error:
            self._complain(f"the socket is gone, and cannot be made again: {error}")
        else:
            self._log("the socket was removed, and is made again")

    def _complain(self, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            self._log(complaint)
