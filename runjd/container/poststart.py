"""
The poststart hooks of a container, and their end where it is deleted meanwhile.

Nobody holds the container while they run, so that it can be looked at and deleted.
A deletion calls them off first: it strikes the phase from the record.  Whoever runs
them looks at the record all the time, and ends the hook of a container that is
taken away.  Until then he has a shared lock on the container's ``config.json``, for
which the deletion waits: when it returns, no hook changes the host any more.
"""

from __future__ import annotations

import fcntl
import os
import time

from runjd.container import hooks
from runjd.container.bundle import CONFIG
from runjd.container.destroy import asked_hooks
from runjd.container.failure import Step
from runjd.errors import RunjdError, RuntimeFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.container.state import State
    from runjd.container.store import Place

PHASE = "poststart"

#: seconds that somebody who was told gets to end a hook
_PATIENCE = 10.0
_PAUSE = 0.005
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def run(place: Place, state: State, restore: Callable[[], None]) -> None:
    """
    Run the poststart hooks of a container whose program was executed.

    :param place: the container's, not held.
    :param restore: see :class:`runjd.container.init.Job`.
    :raise RunjdError: one failed, or the container was deleted meanwhile.
    """
    with Step(f"open {place.path}/{CONFIG}"):
        running = os.open(CONFIG, _READ, dir_fd=place.fd)
    try:
        fcntl.flock(running, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if not _is_due(place):
            raise BlockingIOError
        asked = asked_hooks(place).poststart
        document = hooks.document(state, "running", state.pid)
        try:
            surroundings = hooks.Surroundings(state.bundle, restore, is_wanted=lambda: _is_due(place))
            hooks.run(asked, PHASE, document, surroundings)
        finally:
            os.close(document)
    except BlockingIOError:
        raise RuntimeFailure("run the poststart hooks", "the container was deleted meanwhile") from None
    finally:
        os.close(running)


def call_off(place: Place, state: State, patience: float = _PATIENCE) -> State:
    """
    Have the poststart hooks ended that run, and let none begin.

    :param place: the container's, held.
    :param patience: seconds; whoever runs them may be stopped.
    :return: the record without them.
    """
    state = state._replace(due=tuple([each for each in state.due if each != PHASE]))
    try:
        place.write(state)
        running = os.open(CONFIG, _READ, dir_fd=place.fd)
    except (RunjdError, OSError):
        # of a full disk the hook learns by a record that is gone in the end
        return state
    deadline = time.monotonic() + patience
    try:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE)
            else:
                break
    finally:
        os.close(running)
    return state


def _is_due(place: Place) -> bool:
    try:
        state = place.read()
    except RunjdError:
        return False
    return state is not None and PHASE in state.due
