"""The parent's side of a child between fork and exec: what ``create`` and ``exec`` have in common."""

from __future__ import annotations

import errno
import os

from runjd.container import init, program, report
from runjd.container.failure import Step
from runjd.container.stdio import Terminal
from runjd.errors import RuntimeFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    import signal as _signal
    from collections.abc import Callable
    from typing import NoReturn

    from runjd.container.init_hooks import InitHooks
    from runjd.container.passing import Passed
    from runjd.container.report import Channel
    from runjd.container.stdio import Io, Streams
    from runjd.errors import RunjdError
    from runjd.runtime.contract import Runtime, Undo
    from runjd.spec.model import Process
else:
    import _signal


class Launch:
    """
    One child, from its fork to its program.

    :param process: what it becomes.
    :param runtime: what it gives up its rights by.
    :param restore: see :class:`runjd.container.init.Job`.
    :ivar pid: 0 before the fork; another one after it has appeared in the jail.
    """

    def __init__(self, process: Process, io: Io, runtime: Runtime, restore: Callable[[], None]) -> None:
        self._process = process
        self._io = io
        self._runtime = runtime
        self._restore = restore
        self.pid = 0

    def fork(
        self,
        fork: Callable[[], int],
        streams: Streams | None,
        enter: Callable[[Callable[[Undo], None], Callable[[int], None]], None],
        opened: Callable[[int], None],
        passed: Passed,
        gate: _socket.socket | None = None,
        hooks: InitHooks | None = None,
    ) -> Channel:
        """
        Fork, and let the child go its way; returns in the parent only.

        :param fork: the runtime's; 0 in the child.
        :param gate: closed here.
        :param passed: descriptors that the program gets as well.
        :param hooks: the child's.
        :return: the conversation with the child, the caller's to close.
        """
        spare = self._open_spare()
        ours, theirs = report.pair()
        try:
            self.pid = fork()
            if self.pid == 0:
                init.run(self._job(theirs, streams, spare, enter, opened, passed, gate, hooks))
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            if gate is not None:
                gate.close()
            for fd in spare:
                os.close(fd)
        return ours

    def become(
        self,
        streams: Streams | None,
        enter: Callable[[Callable[[Undo], None], Callable[[int], None]], None],
        opened: Callable[[int], None],
        passed: Passed,
        leave: Callable[[Channel], None],
        held: tuple[int, ...] = (),
        entered: Callable[[], None] | None = None,
    ) -> NoReturn:
        """
        Be that child ourselves, and spare a fork.

        :param leave: hands the other end of the conversation to whoever is our parent, and lets go of all that
            the process shall not have.
        :param held: and ``entered``: of who gives himself his orders, see :class:`runjd.container.init.Job`.
        :raise RunjdError: before that.
        """
        spare = self._open_spare()
        ours, theirs = report.pair()
        job = self._job(theirs, streams, spare, enter, opened, passed, None, None)
        job = job._replace(held=held, entered=entered)
        leave(ours)
        init.run(job)

    def appeared(self, pid: int) -> None:
        """
        Take note that another process goes on in the child's place, and reap the one before.

        Who goes on can be seen in the jail, and with CAP_SYS_PTRACE be made to say anything: nothing
        but a child of ours is believed.

        :raise RuntimeFailure: it is none.
        """
        try:
            if pid <= 0:
                raise ChildProcessError
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            reason = "somebody inside interfered, or killed it"
            raise RuntimeFailure("enter the container", reason, errno=errno.ESRCH) from None
        before, self.pid = self.pid, pid
        if before != pid:
            os.waitpid(before, 0)

    def end(self) -> None:
        """Kill the child that was never waited for, and wait for it; nothing to do before the fork."""
        if self.pid:
            # ours and not reaped, so nobody else can have the pid
            os.kill(self.pid, _signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0

    def _open_spare(self) -> tuple[int, ...]:
        if not isinstance(self._io, Terminal):
            return ()
        # for the child, too, which cannot import
        from runjd.container import console

        return console.open_spare()

    def _job(
        self,
        channel: Channel,
        streams: Streams | None,
        spare: tuple[int, ...],
        enter: Callable[[Callable[[Undo], None], Callable[[int], None]], None],
        opened: Callable[[int], None],
        passed: Passed,
        gate: _socket.socket | None,
        hooks: InitHooks | None,
    ) -> init.Job:
        return init.Job(
            process=self._process,
            arguments=program.native(self._process.args),
            environment=program.native(self._process.env),
            enter=enter,
            restore=self._restore,
            become=self._runtime.become,
            appear=self._runtime.appear,
            confine=self._runtime.confine,
            opened=opened,
            channel=channel,
            streams=streams,
            console=init.Console(self._io.socket, spare, self._io.size) if isinstance(self._io, Terminal) else None,
            gate=gate,
            passed=passed,
            hooks=hooks,
        )


def open_streams(io: Io, directory_fd: int, process: Process) -> Streams | None:
    """Open what the process gets as 0, 1 and 2."""
    with Step("make the standard streams"):
        return io.open(directory_fd, process)


def give_order(channel: Channel, order: bytes) -> None:
    """
    Give a child that is ready its order.

    :raise RunjdError: it is gone.
    """
    try:
        channel.send(order)
    except BrokenPipeError:
        raise why_lost(channel.receive()) from None


def why_lost(message: report.Message) -> RunjdError:
    """Return the error of a conversation that ended before its time."""
    if message.kind == report.FAILED:
        return message.error()
    return killed_before("it was ready")


def killed_before(what: str) -> RuntimeFailure:
    """Return the error of a child that was killed by somebody else, or by the kernel."""
    reason = f"the process was killed before {what} (memory limit too low?)"
    return RuntimeFailure("enter the container", reason, errno=errno.ESRCH)
