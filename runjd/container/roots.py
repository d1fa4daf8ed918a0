"""
Roots that several containers have in common.

What a container made in its root (mount points that were missing) is taken away
with it, but never under another one: on Linux, since 3.18, rmdir(2) of a
directory on which another namespace has mounted something succeeds, and the
mount is gone.  So whoever creates holds a shared lock on the state directory
until his record names the root; whoever takes mount points away holds it alone,
and hands them to a container that uses the root.
"""

from __future__ import annotations

import fcntl
import os
import time

from runjd.errors import RunjdError
from runjd.kernel.process import boot_id, is_alive
from runjd.runtime.undoing import FILES, made_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from runjd.container.state import State
    from runjd.container.store import Place, Store


class RootGuard:
    """
    A context in which nobody starts to use the root of a container that goes.

    :param place: the container's, held.
    """

    def __init__(self, store: Store, place: Place, state: State) -> None:
        self._store = store
        self._place = place
        self._state = state
        self._fd = -1

    def __enter__(self) -> Self:
        if self._state.undo and self._state.root:
            self._fd = self._store.open_root()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            os.close(self._fd)
            self._fd = -1

    def removable(self) -> State:
        """Return the record of the container, less what has to stay for others."""
        if self._fd < 0:
            return self._state
        self._place.stop_creating()
        if not self._lock():
            # somebody is stuck who may want our root
            return self._without_files()
        heir = self._heir()
        if heir is None:
            return self._state
        self._hand_over(heir)
        return self._without_files()

    def _lock(self) -> bool:
        """Wait until everybody who creates is on record with his root, which takes no more than a moment."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(_PAUSE)
            else:
                return True

    def _without_files(self) -> State:
        return self._state._replace(undo=tuple(each for each in self._state.undo if each.action not in FILES))

    def _heir(self) -> str | None:
        """Return the id of another container that lives in the same root."""
        now = boot_id()
        for id in self._store.ids():
            if id == self._place.id:
                continue
            try:
                with self._store.look(id) as place:
                    state = place.read()
                    is_made = state is not None and state.status == "creating" and place.is_busy()
            except RunjdError:
                continue
            if (
                state is not None
                and state.root == self._state.root
                and state.boot_id == now
                and (is_made or is_alive(state.pid, state.start_time))
            ):
                return id
        return None

    def _hand_over(self, id: str) -> None:
        """Let another container take the mount points away at its own end; where it is busy they stay for good."""
        files = made_files(self._state.undo)
        try:
            with self._store.look(id) as place:
                if place.try_lock() and (state := place.read()) is not None:
                    place.write(state._replace(undo=(*state.undo, *files)))
        except RunjdError:
            return


#: seconds
_PATIENCE = 5.0
_PAUSE = 0.0005
