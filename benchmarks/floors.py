"""
Below what nobody gets: the same work by the fewest system calls, from a small interpreter, or by bare loops.

A process of its own does it, which has nothing loaded but ctypes: what a fork costs is the
memory of who forks, and the one that measures has much.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from benchmarks.bundles import BOX, ENVIRONMENT

#: asked in JSON, one line each; answered by a line with the milliseconds
_PROGRAM = r"""
import ctypes, json, os, signal, sys, time
libc = ctypes.CDLL(None, use_errno=True)

def must(result):
    if result != 0:
        os._exit(99)

PRIVATE, BIND, REMOUNT, RDONLY, SAFE = 0x44000, 0x5000, 0x1020, 1, 14
FILE_SYSTEMS = [('proc', 'proc', SAFE, None), ('tmpfs', 'dev', 2, b'mode=755,size=65536k'),
    ('devpts', 'dev/pts', 10, b'newinstance,ptmxmode=0666,mode=0620'),
    ('tmpfs', 'dev/shm', SAFE, b'mode=1777,size=65536k'),
    ('mqueue', 'dev/mqueue', SAFE, None), ('sysfs', 'sys', SAFE | RDONLY, None)]
DEVICES = {'null': (1, 3), 'zero': (1, 5), 'full': (1, 7), 'random': (1, 8), 'urandom': (1, 9), 'tty': (5, 0)}
MASKED = ['acpi', 'asound', 'interrupts', 'kcore', 'keys', 'latency_stats', 'sched_debug', 'scsi', 'timer_list']
READ_ONLY = ['proc/bus', 'proc/fs', 'proc/irq', 'proc/sys', 'proc/sysrq-trigger']

def mount(source, target, kind, flags, data=None):
    must(libc.mount(source, target.encode(), kind, ctypes.c_ulong(flags), data))

def mount_all(root):
    '''what the bundle mounts, makes, masks and makes read-only; pivot_root.'''
    mount(None, '/', None, PRIVATE)
    mount(root.encode(), root, None, BIND)
    os.chdir(root)
    for kind, where, flags, data in FILE_SYSTEMS:
        if '/' in where:
            os.mkdir(where)
        mount(kind.encode(), where, kind.encode(), flags, data)
    for name, number in DEVICES.items():
        os.mknod('dev/' + name, 0o20666, os.makedev(*number))
    for masked in [*('proc/' + name for name in MASKED), 'sys/firmware']:
        if os.path.isdir(masked):
            mount(b'tmpfs', masked, b'tmpfs', SAFE | RDONLY, b'nr_blocks=1,nr_inodes=1')
        elif os.path.exists(masked):
            mount(b'/dev/null', masked, None, BIND)
    for name in filter(os.path.exists, READ_ONLY):
        mount(name.encode(), name, None, BIND)
        mount(None, name, None, REMOUNT | RDONLY | SAFE)
    must(libc.pivot_root(b'.', b'.'))
    must(libc.umount2(b'.', 2))
    mount(None, '/', None, REMOUNT | RDONLY)

def spawn(root, args, env, mounts):
    '''fork, namespaces, fork into that of pids, mounts where they are asked for, exec.'''
    pid = os.fork()
    if pid == 0:
        must(libc.unshare(0x20000 | 0x4000000 | 0x8000000 | 0x20000000 | 0x40000000 | 0x2000000))
        inner = os.fork()
        if inner == 0:
            try:
                mount_all(root) if mounts else os.chroot(root)
                os.execve(args[0], args, env)
            finally:
                os._exit(98)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]))
    return pid

def start(root, args, env, mounts):
    if os.waitpid(spawn(root, args, env, mounts), 0)[1]:
        raise SystemExit('the floor fails')

def enter(target, args, env):
    '''open the namespaces, fork, setns, fork, exec; until the first byte.'''
    files = [os.open(f'/proc/{target}/ns/{name}', os.O_RDONLY) for name in ('ipc', 'uts', 'net', 'pid', 'mnt')]
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        for file in files:
            must(libc.setns(file, 0))
        inner = os.fork()
        if inner == 0:
            os.dup2(write, 1)
            os.execve(args[0], args, env)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]))
    os.close(write)
    os.read(read, 1)
    yield
    os.waitpid(pid, 0)
    for each in (read, *files):
        os.close(each)

def notice(args, env):
    pid = os.posix_spawn(args[0], args, env)
    time.sleep(0.005)
    yield
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

def record(directory, pid, status):
    with open(f'{directory}/.{pid}', 'w') as file:
        json.dump({'pid': pid, 'status': status, 'at': time.time()}, file)
    os.rename(f'{directory}/.{pid}', f'{directory}/{pid}')

def ends(directory, count, args, env):
    pids = [os.posix_spawn(args[0], args, env) for _ in range(count)]
    time.sleep(0.5)
    yield
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for _ in pids:
        record(directory, *os.waitpid(-1, 0))

def respawn(fifo, args, env):
    '''kill, wait, start again; until it says so.'''
    pid = os.posix_spawn(args[0], args, env)
    with open(fifo, 'r+b', buffering=0) as told:
        os.read(told.fileno(), 64)
        yield
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        pid = os.posix_spawn(args[0], args, env)
        os.read(told.fileno(), 64)
    yield
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

def timed(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began

for line in sys.stdin:
    verb, *words = json.loads(line)
    if verb == 'start':
        took = timed(lambda: start(*words))
    else:
        steps = {'exec': enter, 'notice': notice, 'ends': ends, 'respawn': respawn}[verb](*words)
        if verb != 'exec':
            next(steps)
        took = timed(lambda: next(steps, None))
        next(steps, None)
    print(took * 1e3, flush=True)
"""

#: reads, replaces each newline by newline and head, writes
_LOOP = """
import os, sys
size, head, log = int(sys.argv[1]), sys.argv[2].encode(), os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while chunk := os.read(0, size):
    if head:
        os.writev(log, [head, memoryview(chunk.replace(b"\\n", b"\\n" + head))[:-len(head)]])
    else:
        os.writev(log, [chunk])
"""
_BARE = [sys.executable, "-I", "-S"]
_ENVIRONMENT = dict(each.split("=", 1) for each in ENVIRONMENT)


class Bare:
    """
    A small process that does things barely, and times each; as a context it runs.

    :param root: that its programs are in.
    """

    def __init__(self, root: str) -> None:
        self._root = root

    def __enter__(self) -> Self:
        command = [*_BARE, "-c", _PROGRAM]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for end in (self._process.stdin, self._process.stdout):
            if end is not None:
                end.close()
        self._process.kill()
        self._process.wait()

    def start(self, args: Sequence[str], *, mounts: bool = False) -> float:
        """Return the ms from fork to the end of a program in namespaces of its own, and with the mounts of a bundle."""
        return self._ask("start", self._root, list(args), _ENVIRONMENT, mounts)

    def exec(self, pid: int) -> float:
        """Return the ms until a program in the namespaces of a process has written its first byte."""
        return self._ask("exec", pid, [BOX, "echo", "said"], _ENVIRONMENT)

    def notice(self) -> float:
        """Return the ms from kill(2) until waitpid(2) has returned."""
        return self._ask("notice", ["/bin/sleep", "100000"], _ENVIRONMENT)

    def ends(self, directory: str, count: int) -> float:
        """Return the ms until so many processes are killed, waited for, and each has a file that tells its end."""
        return self._ask("ends", directory, count, ["/bin/sleep", "100000"], _ENVIRONMENT)

    def respawn(self, fifo: str, args: Sequence[str]) -> float:
        """Return the ms from kill(2) of a program until the next one has written to a FIFO, as they all do."""
        return self._ask("respawn", fifo, list(args), _ENVIRONMENT)

    def _ask(self, *words: object) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"The floor of {words[0]} fails.")
        return float(answer)


def interpreter(python: str) -> list[str]:
    """Return the command of an interpreter that does nothing."""
    return [python, "-I", "-S", "-X", "utf8", "-c", "pass"]


def loop(size: int, head: str, log: str) -> list[str]:
    """Return the command of a loop that reads so much at a time, and writes each line behind a head."""
    return [*_BARE, "-c", _LOOP, str(size), head, log]
