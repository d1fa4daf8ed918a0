"""The poststart hooks of a container that is deleted while they run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from runjd.container import poststart
from runjd.container.hooks import nothing
from runjd.container.state import State
from runjd.container.stdio import Fifos
from runjd.container.store import Store
from runjd.errors import RunjdError
from tests.container.hooked import Hooked
from tests.container.jails import Jails, wait

HANG = "echo $$ >LOG/hanging; exec sleep 60"


@pytest.fixture
def running(plain: Jails) -> Iterator[tuple[Hooked, State]]:
    """Return a container that runs, and whose poststart hook was not run yet."""
    hooked = Hooked(plain)
    bundle = hooked.bundle(["sleep", "60"], {"poststart": [hooked.hook("poststart", HANG)]})
    io = plain.keep(Fifos("init", stdin=False))
    state = plain.operations.create("web", bundle, io, runtime="plain")
    yield hooked, state
    plain.operations.delete("web", force=True)
    wait(state.pid)


def test_what_was_called_off_comes_to_nothing(running: tuple[Hooked, State]) -> None:
    """A starter who comes late runs no hook."""
    hooked, state = running
    store = Store(hooked.jails.state_dir)
    with store.hold("web") as place:
        assert poststart.call_off(place, state).due == ()

        with pytest.raises(RunjdError, match="run the poststart hooks: the container was deleted meanwhile"):
            poststart.run(place, state, nothing)

    assert hooked.phases() == []


def test_a_starter_that_was_stopped_is_not_waited_for_without_end(running: tuple[Hooked, State]) -> None:
    """The container is deleted all the same."""
    hooked, state = running
    store = Store(hooked.jails.state_dir)
    starter = os.fork()
    if starter == 0:
        try:
            with store.look("web") as place:
                poststart.run(place, state, nothing)
        finally:
            os._exit(1)
    hook = int(hooked.wait_for("hanging"))
    os.kill(starter, signal.SIGSTOP)
    with store.hold("web") as place:
        began = time.monotonic()
        poststart.call_off(place, state, patience=0.1)

        assert 0.1 <= time.monotonic() - began < 5
    os.kill(starter, signal.SIGCONT)
    assert wait(starter) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(hook, 0)
