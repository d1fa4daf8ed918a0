"""Starting a daemon that is our own business, and nobody's child."""

from __future__ import annotations

import os
import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Sequence
else:
    import _signal

#: seconds that one that lives gets until it answers
_PATIENCE = 60.0
#: seconds between the end of one that never answered and the start of another, the first time and at most
_FIRST, _LONGEST = 0.5, 10.0
#: by Python, and by a relay
_IGNORED = (_signal.SIGPIPE, _signal.SIGXFSZ, _signal.SIGHUP, _signal.SIGINT)
_OUTPUT = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class NoStarting:
    """Leaves it to somebody else."""

    def present(self) -> None:
        """One is there."""

    def absent(self) -> None:
        """Somebody else starts one."""


class Starting:
    """
    Starts daemons. That there is one already does no harm: it ends, as the directories are in use.

    :param command: the program and its arguments.
    :param output: the file that gets what it says before it has a log.
    :param limits: soft and hard limit of descriptors that it, and after it containers, shall have.
    :param clock: monotonic, in seconds.
    :param log: told of each start.
    """

    def __init__(
        self,
        command: Sequence[str],
        output: str,
        limits: tuple[int, int],
        clock: Callable[[], float],
        log: Callable[[str], None],
    ) -> None:
        self._command = list(command)
        self._output = output
        self._limits = limits
        self._clock = clock
        self._log = log
        self._last = 0
        self._late = self._next = 0.0
        self._pause = 0.0

    def present(self) -> None:
        """One answers: if it dies, the next one is started at once."""
        self._late = self._next = self._pause = 0.0

    def absent(self) -> None:
        """Start one, unless one is about to answer, or the last one has just ended without."""
        now = self._clock()
        if now < self._next or (now < self._late and _lives(self._last)):
            return
        self._pause = min(max(_FIRST, 2 * self._pause), _LONGEST)
        self._next, self._late = now + self._pause, now + _PATIENCE
        self._log(f"starts a daemon: {' '.join(self._command)}")
        output = os.open(self._output, _OUTPUT, 0o600)
        try:
            self._last = launch(self._command, {0: -1, 1: output, 2: output}, self._limits)
        finally:
            os.close(output)


def launch(command: Sequence[str], descriptors: dict[int, int], limits: tuple[int, int] | None = None) -> int:
    """
    Start a program in a session of its own, as the child of nobody in particular.

    :param descriptors: what it gets, by number; -1 is /dev/null. Ours must be greater than those numbers.
    :param limits: soft and hard limit of descriptors, where they are to be others than ours.
    :return: its pid.
    :raise OSError: it cannot be executed.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                os.write(writer, b"%d " % os.getpid())
                _become(command, descriptors, limits)
        except OSError as error:
            os.write(writer, b"%d" % (error.errno or 0))
        os._exit(0)
    os.close(writer)
    try:
        os.waitpid(child, 0)
        said = b""
        while piece := os.read(reader, 64):  # closed by a successful execve(2)
            said += piece
    finally:
        os.close(reader)
    pid, _, failure = said.rpartition(b" ")
    if failure or not pid:
        number = int(failure or 0)
        raise OSError(number, os.strerror(number), command[0])
    return int(pid)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _become(command: Sequence[str], descriptors: dict[int, int], limits: tuple[int, int] | None) -> None:
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for number, fd in descriptors.items():
        os.dup2(null if fd < 0 else fd, number)
    os.chdir("/")
    for ignored in _IGNORED:
        _signal.signal(ignored, _signal.SIG_DFL)
    if limits is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    os.execve(command[0], list(command), _environment())


def _environment() -> dict[bytes, bytes]:
    """Return what a daemon, and after it each hook, may know of where it was started."""
    import posix

    found: dict[bytes, bytes] = posix.environ
    return {name: found[name] for name in (b"PATH", b"LANG", b"LC_ALL", b"TZ") if name in found}
