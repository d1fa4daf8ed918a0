"""The way to the daemon, whichever lives."""

from __future__ import annotations

import _socket

from runjd.keeper.peer import connect_by_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from runjd.keeper.loop import Loop, Timer

    class Link(Protocol):
        """Who wants a connection to the daemon."""

        def linked(self, back: _socket.socket) -> None: ...

    class Presence(Protocol):
        """Who wants to know whether there is a daemon."""

        def absent(self) -> None:
            """A try found no daemon."""

        def present(self) -> None:
            """A daemon answers; told with each answer."""


#: seconds between two tries, the first time and at most
_FIRST, _LONGEST = 0.02, 1.0


class Route:
    """
    Connects those who want it, as soon as there is a daemon.

    :param path: of its socket.
    :param presence: told whether a daemon was found.
    """

    def __init__(self, loop: Loop, path: str, presence: Presence) -> None:
        self._loop = loop
        self._path = path
        self._presence = presence
        self._waiting: dict[Link, None] = {}
        self._timer: Timer | None = None
        self._delay = 0.0

    def want(self, link: Link) -> None:
        """Have somebody ``linked``, at once if a daemon is there."""
        self._waiting[link] = None
        if self._timer is None:
            self._timer = self._loop.call_later(self._delay, self._try)

    def forget(self, link: Link) -> None:
        """Somebody wants no connection any more."""
        self._waiting.pop(link, None)

    def lives(self) -> None:
        """A daemon answers."""
        self._delay = 0.0
        self._presence.present()

    def dropped(self) -> None:
        """A connection ended that a daemon had taken; the next try is not at once, lest both of us do nothing else."""
        self._delay = max(self._delay, _FIRST)

    def _try(self) -> None:
        self._timer = None
        for link in list(self._waiting):
            try:
                back = _connected(self._path)
            except OSError as error:
                self._later(error)
                return
            del self._waiting[link]
            link.linked(back)

    def _later(self, error: OSError) -> None:
        self._delay = min(max(_FIRST, 2 * self._delay), _LONGEST)
        self._timer = self._loop.call_later(self._delay, self._try)
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            self._presence.absent()


def _connected(path: str) -> _socket.socket:
    made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        connect_by_path(made, path)
    except OSError:
        made.close()
        raise
    return made
