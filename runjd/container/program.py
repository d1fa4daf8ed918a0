"""
What is executed: the environment, the working directory, the file.

All of it is looked at from inside the jail by a process that is still root, and
all of it is the jail's to fake.  So files are opened non-blocking and must be
regular, reads are bounded, and nothing is asked of the name service, which would
load libraries of the jail.
"""

from __future__ import annotations

import errno
import os
import stat

from runjd.container.bundle import read_all
from runjd.container.failure import words
from runjd.errors import BadArgument, RuntimeFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: where execvp(3) looks when there is no PATH
DEFAULT_PATH = b"/bin:/usr/bin"

_PASSWD = "/etc/passwd"
_PASSWD_LIMIT = 1 << 20


def native(words: Sequence[str]) -> list[bytes]:
    """Return checked strings of the document, or words of our command line, as the kernel takes them."""
    return [each.encode("utf-8", "surrogateescape") for each in words]


def value_of(name: bytes, environment: Sequence[bytes]) -> bytes | None:
    """Return the value that getenv(3) would, None where the name is not set."""
    prefix = name + b"="
    return next((each[len(prefix) :] for each in environment if each.startswith(prefix)), None)


def with_home(environment: list[bytes], uid: int) -> list[bytes]:
    """Return the environment with a HOME: the user's of the jail's own passwd(5), where none is given."""
    if value_of(b"HOME", environment):
        return environment
    kept = [each for each in environment if not each.startswith(b"HOME=")]
    return [*kept, b"HOME=" + home_of(uid)]


def home_of(uid: int, passwd: str = _PASSWD) -> bytes:
    """Return the home directory of a user of the jail, ``/`` where none is known."""
    wanted = b"%d" % uid
    for line in _read_regular(passwd, _PASSWD_LIMIT).split(b"\n"):
        fields = line.split(b":")
        if len(fields) > 6 and fields[2] == wanted and fields[5].startswith(b"/") and b"\0" not in fields[5]:
            return fields[5]
    return b"/"


def going_to(path: str) -> str:
    """Return the step of making a directory the working directory, in the words of runc."""
    return f'chdir to cwd ("{path}")'


def enter_directory(path: str) -> None:
    """
    Make ``process.cwd`` the working directory, which must be inside the root.

    A directory of the host whose descriptor leaked (``/proc/self/fd/7``) has no
    path here, which the kernel tells by ``(unreachable)`` (getcwd(2),
    CVE-2024-21626).

    :raise RuntimeFailure: there is none, or it is outside.
    :raise PermissionError: this user may not enter it.
    """
    step = going_to(path)
    try:
        os.chdir(path)
    except PermissionError:
        raise
    except OSError as error:
        raise RuntimeFailure(step, words(error.errno or 0), "process.cwd", error.errno or 0) from None
    try:
        inside = os.getcwdb().startswith(b"/")
    except OSError:
        inside = False
    if not inside:
        raise RuntimeFailure(step, "is outside the root of the container", "process.cwd", errno.ENOENT)


def find_executable(name: bytes, environment: Sequence[bytes]) -> bytes:
    """
    Return the path of the program that the process's user would execute, as execvp(3) does.

    :raise RuntimeFailure: there is none, or it is not executable.
    """
    if b"/" in name:
        number = _obstacle(name)
        if number:
            raise _failure(name, _obstructed(name, number), number)
        return name
    denied = False
    search = value_of(b"PATH", environment)
    for directory in (DEFAULT_PATH if search is None else search).split(b":"):
        path = os.path.join(directory or b".", name)
        number = _obstacle(path)
        if not number:
            return path
        denied = denied or number == errno.EACCES
    if denied:
        raise _failure(name, words(errno.EACCES), errno.EACCES)
    raise _failure(name, "executable file not found in $PATH", errno.ENOENT)


class Environment:
    """What os.execve takes for a mapping: the entries in their order, also those that stand twice."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self._entries = [each.partition(b"=") for each in entries]

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, name: object) -> bytes:
        raise KeyError(name)

    def keys(self) -> list[bytes]:
        """Return the names."""
        return [name for name, _, _ in self._entries]

    def values(self) -> list[bytes]:
        """Return the values, in the order of the names."""
        return [value for _, _, value in self._entries]


def execute(path: bytes, arguments: Sequence[bytes], environment: Sequence[bytes]) -> None:
    """
    Become the program; returns only by an error.

    :raise RunjdError: saying why it cannot be.
    """
    try:
        os.execve(path, list(arguments), Environment(environment))  # type: ignore[arg-type]
    except OSError as error:
        raise _execute_failure(path, error) from None


def _execute_failure(path: bytes, error: OSError) -> RuntimeFailure | BadArgument:
    number = error.errno or 0
    if number == errno.E2BIG:
        return BadArgument("process.args and process.env are too long for the system", path="process.args")
    reason = words(number)
    if number == errno.ENOENT:
        reason += " (the file is there, so what it names as its interpreter or loader is missing in the root)"
    elif number == errno.ENOEXEC:
        reason += " (neither a program of this machine nor a script that begins with #!)"
    return _failure(path, reason, number)


def _obstacle(path: bytes) -> int:
    """Return why the file cannot be executed by us as we are now, as an errno; 0 where it can."""
    try:
        found = os.stat(path)
    except OSError as error:
        return error.errno or errno.EIO
    if stat.S_ISDIR(found.st_mode):
        return errno.EISDIR
    if not stat.S_ISREG(found.st_mode) or not os.access(path, os.X_OK, effective_ids=True):
        return errno.EACCES
    return 0


def _obstructed(name: bytes, number: int) -> str:
    """Return an obstacle in runc's words, by which engines tell what is not there from what may not be executed."""
    if number == errno.EACCES:
        return words(number)
    if number == errno.EISDIR:
        return f"permission denied: it {words(number)}"
    return f"stat {os.fsdecode(name)}: {words(number)}"


def _failure(name: bytes, reason: str, number: int) -> RuntimeFailure:
    return RuntimeFailure(f'exec: "{os.fsdecode(name)}"', reason, "process.args[0]", number)


def _read_regular(path: str, limit: int) -> bytes:
    try:
        # Looked at before it is opened, as to open a device may be to use it.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return read_all(fd, limit) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(fd)
