"""``runj exec``."""

from __future__ import annotations

import os

from runjd.cli.runj_process import Consoles, wait, write_pid_file
from runjd.container.bundle import read_all
from runjd.container.stdio import Inherited
from runjd.errors import BadArgument, RunjdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Sequence

    from runjd.cli.options import Given
    from runjd.container.operations import Operations
    from runjd.spec.model import Process, User
else:
    import _signal

_LIMIT = 16 << 20


def execute(operations: Operations, given: Given) -> int:
    """Run the process; return its exit status, or 0 at once where it is detached."""
    process = _process(operations, given)
    consoles = Consoles(given.value("console-socket"))
    io = consoles.sent()
    if io is None and process.terminal:
        if given.flag("detach"):
            raise BadArgument("a detached process with a terminal needs --console-socket")
        io = consoles.relayed()
    with consoles.signals():
        started = operations.exec(given.argument("ID"), process, io or Inherited(), f"exec{os.getpid()}")
        if given.value("pid-file"):
            try:
                write_pid_file(given.value("pid-file"), started.pid)
            except (RunjdError, OSError):
                # nobody would know of it; ours and not reaped, so the pid is nobody else's
                os.kill(started.pid, _signal.SIGKILL)
                os.waitpid(started.pid, 0)
                raise
        return 0 if given.flag("detach") else wait(started.pid, consoles)


def _process(operations: Operations, given: Given) -> Process:
    words = given.words("COMMAND")
    file = given.value("process")
    if file:
        if words:
            raise BadArgument("the command is given twice, by --process and as arguments")
        process = _read(file)
        if given.flag("tty"):
            process = process._replace(terminal=True)
    elif words:
        process = operations.process(given.argument("ID"))._replace(
            args=words, terminal=given.flag("tty"), console_size=None
        )
    else:
        raise BadArgument("there is no command to run; usage: runj exec [OPTIONS] ID COMMAND...")
    if given.value("cwd"):
        if not given.value("cwd").startswith("/"):
            raise BadArgument(f"--cwd {given.value('cwd')} is no absolute path")
        process = process._replace(cwd=given.value("cwd"))
    if given.value("user"):
        process = process._replace(user=_user(process.user, given.value("user")))
    return process._replace(env=_environment(process.env, given.values("env")))


def _read(file: str) -> Process:
    from runjd.spec.parse import parse_process

    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return parse_process(read_all(fd, _LIMIT), file)
    finally:
        os.close(fd)


def _user(before: User, text: str) -> User:
    uid, colon, gid = text.partition(":")
    if not (uid.isdecimal() and (gid.isdecimal() or not colon)):
        raise BadArgument(f"--user {text} is not UID or UID:GID in numbers; names belong to the container's passwd")
    return before._replace(uid=int(uid), gid=int(gid) if colon else before.gid)


def _environment(before: Sequence[str], changes: Sequence[str]) -> tuple[str, ...]:
    names = set()
    for each in changes:
        name, equals, _ = each.partition("=")
        if not (name and equals):
            raise BadArgument(f"--env {each} is not NAME=VALUE")
        names.add(name)
    return (*(each for each in before if each.partition("=")[0] not in names), *changes)
