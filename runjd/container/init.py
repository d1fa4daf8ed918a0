"""
The child between fork and exec.

From the moment it enters the root it imports nothing and opens nothing by a name
that it has not checked; it prints no traceback, as that reads source files, which
would be the jail's.  What goes wrong is reported in one record, and the child is
gone.  Before the program is executed everything that Python or we changed is put
back: dispositions and mask of signals, descriptors, session.
"""

from __future__ import annotations

import os
import sys

from runjd.container import gate, program
from runjd.container.failure import Step
from runjd.container.report import EXECUTE, READY, WAIT
from runjd.errors import RuntimeFailure
from runjd.kernel.closing import close_others
from runjd.kernel.signals import reset_signals
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import NoReturn

    from runjd.container.init_hooks import InitHooks
    from runjd.container.passing import Passed
    from runjd.container.report import Channel
    from runjd.container.stdio import Streams
    from runjd.runtime.contract import Undo
    from runjd.spec.model import Process
#: exit status of a child that reported why it failed; nobody looks at it
_FAILED = 1


class Console(Value):
    """What the child needs to make its pty; see :mod:`runjd.container.console`."""

    socket: _socket.socket
    spare: tuple[int, ...]
    size: tuple[int, int] | None


class Job(Value):
    """
    What the child has to do.

    :ivar arguments: and ``environment``: as the kernel takes them.
    :ivar enter: becomes isolated; tells what it left on the host, and when hooks shall run.
    :ivar restore: takes back what the caller changed of itself: limits, nice, oom score.
    :ivar become: gives up rights.
    :ivar appear: see :meth:`runjd.runtime.contract.Runtime.appear`.
    :ivar confine: last of all, see :meth:`runjd.runtime.contract.Runtime.confine`.
    :ivar opened: told of the slave of the pty.
    :ivar streams: 0, 1 and 2; None where ``console`` makes them.
    :ivar gate: where to wait for ``start``; None where the parent gives the order.
    :ivar passed: descriptors of the caller that the program gets as well.
    :ivar hooks: None where there are none, as for an exec process.
    :ivar held: descriptors that ``entered`` closes.
    :ivar entered: called once the process has entered, and finds nothing of the host's any more; None: it waits for
        an order before it executes the program.  Without one it does so only as long as its parent lives.
    """

    process: Process
    arguments: list[bytes]
    environment: list[bytes]
    enter: Callable[[Callable[[Undo], None], Callable[[int], None]], None]
    restore: Callable[[], None]
    become: Callable[[Process], None]
    appear: Callable[[Callable[[int], None]], bool]
    confine: Callable[[Process], None]
    opened: Callable[[int], None]
    channel: Channel
    streams: Streams | None
    console: Console | None
    gate: _socket.socket | None
    passed: Passed
    hooks: InitHooks | None
    held: tuple[int, ...] = ()
    entered: Callable[[], None] | None = None


def run(job: Job) -> NoReturn:
    """Do the job; never returns. Only to be called in a child that was just forked."""
    channel = job.channel
    try:
        _prepare(job)
        path, environment = _enter(job)
        if job.appear(channel.appeared):
            os.setsid()
        if job.console is not None:
            # who made the console has loaded it
            from runjd.container import console

            console.control()
        if job.entered is None:
            channel.send(READY)
            order = channel.receive().kind
            if order == WAIT and job.gate is not None:
                channel.close()
                channel = gate.wait(job.gate)
            elif order != EXECUTE:
                os._exit(_FAILED)
        if job.hooks is not None:
            job.hooks.before_program(lambda: job.confine(job.process))
        environment = job.passed.environment(environment, os.getpid())
        is_heard = channel.about_to_execute()
        if job.entered is not None and not is_heard:
            # Our parent was killed, maybe before the record said that we run: whoever comes after him may have
            # found us in the making, and looks no more.  Whoever comes from now on finds that we run.
            os._exit(_FAILED)
        job.confine(job.process)
        program.execute(path, job.arguments, environment)
    except BaseException as error:
        channel.failed(error)
    finally:
        os._exit(_FAILED)


def _prepare(job: Job) -> None:
    """Let go of everything the parent had."""
    sys.meta_path = [_NoImports()]
    reset_signals()
    if job.streams is not None:
        for number, fd in enumerate(job.streams):
            if fd == number:
                os.set_inheritable(fd, True)
            else:
                os.dup2(fd, number)
    for fd in job.passed.descriptors:
        os.set_inheritable(fd, True)
    keep = [job.channel.fd, *job.passed.descriptors, *job.held]
    if job.gate is not None:
        keep.append(job.gate.fileno())
    if job.console is not None:
        keep += [job.console.socket.fileno(), *job.console.spare]
    close_others(keep)
    if os.getsid(0) != os.getpid():
        os.setsid()


def _enter(job: Job) -> tuple[bytes, list[bytes]]:
    """Become the process that will execute the program; return its path and environment."""
    user = job.process.user
    job.enter(job.channel.made, lambda root: _run_hooks(job, root))
    if job.console is not None:
        from runjd.container import console

        console.attach(job.console.socket, job.console.spare, job.console.size, user.uid, job.opened)
    if job.entered is not None:
        job.entered()
    environment = program.with_home(job.environment, user.uid)
    try:
        program.enter_directory(job.process.cwd)
        entered = True
    except PermissionError:
        # root on the host may not enter what the user may: NFS, FUSE
        entered = False
    job.restore()
    if job.hooks is not None:
        job.hooks.before_become()
    job.become(job.process)
    if not entered:
        with Step(program.going_to(job.process.cwd), "process.cwd"):
            program.enter_directory(job.process.cwd)
    return program.find_executable(job.arguments[0], environment), environment


def _run_hooks(job: Job, root: int) -> None:
    if job.hooks is not None:
        job.hooks.before_pivot(job.channel, root)


class _NoImports:
    """The only finder of a child: whatever is not loaded would come from the jail."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> NoReturn:
        raise RuntimeFailure("enter the container", f"{name} would be imported from inside it; this is a bug of runjd")
