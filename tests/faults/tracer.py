"""
A child of this process that is killed, or hit by an error, at one chosen system call: ptrace(2), Linux.

The child is forked and runs the code as it is; counted are the calls by which it changes a file system.  Between
two of them nothing changes, so to be killed before each, and after the last, is to be killed at any moment.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
import traceback
from collections.abc import Callable, Iterator

from runjd.errors import RunjdError
from runjd.values import Value

_TRACEME, _PEEKUSER, _POKEUSER, _SYSCALL = 0, 3, 6, 24
_SETOPTIONS, _GETREGSET, _SETREGSET, _GET_SYSCALL_INFO = 0x4200, 0x4204, 0x4205, 0x420E
_SYSGOOD_EXITKILL = 1 | 0x100000
_STOPPED_BY_CALL = signal.SIGTRAP | 0x80
_AT_ENTRY = 1
_CREATES = os.O_CREAT | os.O_TRUNC
_REFUSED, _FAILED = 3, 4

#: the numbers of the calls that change a file system, by machine; of openat(2) only what makes or empties a file counts
_NUMBERS = {
    "x86_64": (
        "write=1 pwrite64=18 bind=49 fsync=74 fdatasync=75 ftruncate=77 rename=82 mkdir=83 rmdir=84 link=86 unlink=87 "
        "symlink=88 chmod=90 fchmod=91 fchown=93 mknod=133 openat=257 mkdirat=258 mknodat=259 fchownat=260 "
        "unlinkat=263 renameat=264 linkat=265 symlinkat=266 fchmodat=268 utimensat=280 fallocate=285 renameat2=316"
    ),
    "aarch64": (
        "mknodat=33 mkdirat=34 unlinkat=35 symlinkat=36 linkat=37 renameat=38 ftruncate=46 fallocate=47 fchmod=52 "
        "fchmodat=53 fchownat=54 fchown=55 openat=56 write=64 pwrite64=68 fsync=82 fdatasync=83 utimensat=88 bind=200 "
        "renameat2=276"
    ),
}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]


class Life(Value):
    """
    What became of a child.

    :ivar calls: those that change a file system, in their order, as far as it came.
    :ivar end: ``done``, ``refused`` (by an error of ours, or of the system) or ``killed``.
    """

    calls: tuple[str, ...]
    end: str


def run(
    action: Callable[[], object],
    kill_at: int = -1,
    fail_at: int = -1,
    error: int = errno.EIO,
    before: Callable[[int], object] | None = None,
) -> Life:
    """
    Run something in a child.

    :param kill_at: the number of the call before which it is killed; -1: it is not.
    :param fail_at: the number of the call that fails with ``error`` and does nothing.
    :param before: told the number of each call while the child stands before it.
    """
    pid = os.fork()
    if pid == 0:
        _child(action)
    calls: list[str] = []
    for name in _calls(pid):
        number = len(calls)
        calls.append(name)
        if before is not None:
            before(number)
        if number == kill_at:
            os.kill(pid, signal.SIGKILL)
        elif number == fail_at:
            _fail(pid, error)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        return Life(tuple(calls), "killed")
    assert os.WEXITSTATUS(status) in (0, _REFUSED), "it failed; the trace is on standard error"
    return Life(tuple(calls), "refused" if os.WEXITSTATUS(status) == _REFUSED else "done")


def _child(action: Callable[[], object]) -> None:
    try:
        _libc.ptrace(_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        action()
    except (RunjdError, OSError):
        os._exit(_REFUSED)
    except BaseException:
        traceback.print_exc()
        os._exit(_FAILED)
    os._exit(0)


def _calls(pid: int) -> Iterator[str]:
    """Yield the name of each call that counts while the child stands before it; its end is for waitpid(2)."""
    os.waitpid(pid, 0)
    _ptrace(_SETOPTIONS, pid, 0, _SYSGOOD_EXITKILL)
    pairs = (each.split("=") for each in _NUMBERS[os.uname().machine].split())
    known = {int(number): name for name, number in pairs}
    deliver = 0
    while True:
        try:
            _ptrace(_SYSCALL, pid, 0, deliver)
        except ProcessLookupError:  # killed
            return
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
        if found is None or found.si_code in (os.CLD_EXITED, os.CLD_KILLED, os.CLD_DUMPED):
            return
        os.waitpid(pid, 0)
        deliver = 0 if found.si_status == _STOPPED_BY_CALL else found.si_status
        if deliver:
            continue
        info = ctypes.create_string_buffer(88)
        _ptrace(_GET_SYSCALL_INFO, pid, len(info), ctypes.addressof(info))
        kind, number, *arguments = struct.unpack_from("=B23x7Q", info.raw)
        name = known.get(number, "")
        if kind == _AT_ENTRY and name and (name != "openat" or arguments[2] & _CREATES):
            yield name


def _fail(pid: int, error: int) -> None:
    """Have the call before which the child stands do nothing but fail."""
    machine = os.uname().machine
    if machine == "x86_64":
        _ptrace(_POKEUSER, pid, 15 * 8, -1)  # orig_rax
    else:
        _registers(_SETREGSET, pid, 0x404, ctypes.create_string_buffer(struct.pack("=i", -1), 4))
    _ptrace(_SYSCALL, pid, 0, 0)
    os.waitpid(pid, 0)
    if machine == "x86_64":
        _ptrace(_POKEUSER, pid, 10 * 8, -error)  # rax
    else:
        registers = ctypes.create_string_buffer(34 * 8)
        _registers(_GETREGSET, pid, 1, registers)
        struct.pack_into("=q", registers, 0, -error)
        _registers(_SETREGSET, pid, 1, registers)


def _registers(request: int, pid: int, which: int, buffer: ctypes.Array[ctypes.c_char]) -> None:
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), len(buffer))
    _ptrace(request, pid, which, ctypes.addressof(vector))


def _ptrace(request: int, pid: int, address: int, data: int) -> None:
    if _libc.ptrace(request, pid, address, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
