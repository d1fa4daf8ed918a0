"""``exec``: one more process in a running container."""

from __future__ import annotations

from runjd.container.failure import Step
from runjd.container.launch import Launch, give_order, killed_before, open_streams, why_lost
from runjd.container.passing import NOTHING
from runjd.container.report import APPEARED, EXECUTE, READY
from runjd.kernel.process import start_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from runjd.container.passing import Passed
    from runjd.container.report import Channel
    from runjd.container.state import State
    from runjd.container.stdio import Io
    from runjd.container.store import Place
    from runjd.runtime.contract import Runtime
    from runjd.spec.model import Process


#: seconds
_PATIENCE = 30.0


def execute(
    runtime: Runtime,
    state: State,
    place: Place,
    process: Process,
    io: Io,
    restore: Callable[[], None],
    passed: Passed,
    patience: float = _PATIENCE,
) -> tuple[int, int]:
    """
    Run the process in the container; returns when its program was executed.

    :param state: of the container, which runs.
    :param place: its state directory, held; let go once the process is on its way, as somebody
        inside can stop it there, and whoever deletes the container must not wait for that.
    :param passed: descriptors that the program gets as well.
    :param patience: seconds for a step of the process, once those inside can stop it.
    :return: pid, and when it started.
    :raise RunjdError: and nothing is left of the process.
    """
    confinement = place.confinement()
    launch = Launch(process, io, runtime, restore)
    try:
        streams = open_streams(io, place.fd, process)
        with Step("enter the container"):
            runtime.join(state.held(), process, confinement)
            channel = launch.fork(
                fork=runtime.fork_joined,
                streams=streams,
                enter=lambda made, hooks: runtime.enter_joined(process),
                opened=_no_console,
                passed=passed,
            )
        place.close()
        try:
            message = channel.receive()
            if message.kind == APPEARED:
                launch.appeared(message.pid())
                # those who see it can stop it
                channel.limit(patience)
                message = channel.receive()
            if message.kind != READY:
                raise why_lost(message)
            started = start_time(launch.pid)
            give_order(channel, EXECUTE)
            if not channel.wait_executed():
                raise killed_before("its program was executed")
        finally:
            channel.close()
    except BaseException:
        launch.end()
        io.close()
        raise
    io.child_opened()
    return launch.pid, started


def become(
    runtime: Runtime,
    state: State,
    place: Place,
    process: Process,
    io: Io,
    restore: Callable[[], None],
    leave: Callable[[Channel], None],
) -> NoReturn:
    """
    Become the process in the container: what a child that :func:`execute` forks does, without that fork.

    :param place: as for :func:`execute`.
    :param leave: hands our parent the other end of the conversation, which goes on as with that child, and
        lets go of what the process shall not have.
    :raise RunjdError: before that; afterwards the conversation tells.
    """
    confinement = place.confinement()
    launch = Launch(process, io, runtime, restore)
    streams = open_streams(io, place.fd, process)
    with Step("enter the container"):
        runtime.join(state.held(), process, confinement)
        place.close()
        launch.become(
            streams=streams,
            enter=lambda made, hooks: runtime.enter_joined(process),
            opened=_no_console,
            passed=NOTHING,
            leave=leave,
        )


def _no_console(terminal: int) -> None:
    """``/dev/console`` stays that of the init process."""
