"""
The first process of a machine made of namespaces: mounts, reaps, and runs what it is asked for.

Started by :mod:`tests.peers.machine` as ``python -I machine_init.py NAME SOCKET``
with a pipe as standard input: whatever happens to the test run, that pipe is
closed, and then all that ever ran on the machine is killed, and its control
groups are removed.  Needs root.  namespaces(7), cgroups(7).
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
import termios
import time

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x20000, 0x2000000, 0x4000000
CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x8000000, 0x20000000, 0x40000000
MS_PRIVATE_REC, MNT_DETACH = 0x44000, 2
PR_SET_PDEATHSIG = 1
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
#: what podman and its friends write to outside of their own directories
COPIED, EMPTY = ("/etc", "/var/lib"), ("/run", "/dev/shm", "/var/tmp")

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *words: object) -> None:
    """Call a function of the C library that returns 0 or fails."""
    if getattr(libc, name)(*words) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{words}: {os.strerror(number)}")


def mount(kind: str, target: str, options: str = "", flags: int = 0) -> None:
    """Mount a file system, making the directory where it is missing."""
    os.makedirs(target, exist_ok=True)
    call("mount", kind.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())


class Hierarchy:
    """A hierarchy of control groups, and the machine's own group in it."""

    def __init__(self, point: str, kind: str, options: str, name: str) -> None:
        self.point = point
        self.kind = kind
        self.options = options
        self.group = f"{point}/{name}"

    def make(self) -> None:
        """Make the group; a group of cpuset has no processors until it is given some."""
        os.mkdir(self.group)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if self.kind == "cgroup" and os.path.exists(f"{self.point}/{name}"):
                write(f"{self.group}/{name}", read(f"{self.point}/{name}"))

    def mount(self) -> None:
        """Mount the hierarchy anew: from inside a namespace of control groups its root is our group."""
        mount(self.kind, self.point, self.options)
        if self.kind == "cgroup2":
            # a group with processes of its own hands no controllers down
            os.mkdir(f"{self.point}/init")
            write(f"{self.point}/init/cgroup.procs", "0")

    def remove(self) -> None:
        """Remove the group and all that was made in it, once its processes are gone."""
        deadline = time.monotonic() + 20
        for directory, _, _ in os.walk(self.group, topdown=False):
            while True:
                try:
                    os.rmdir(directory)
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        break
                    time.sleep(0.02)


def hierarchies(name: str) -> list[Hierarchy]:
    """Return what is mounted; version 2 only where there is no version 1, as crun refuses both at once."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        for line in table:
            words, _, kind = line.partition(" - ")
            fields, (kind, _, options) = words.split(), kind.split()
            if kind in ("cgroup", "cgroup2") and fields[3] == "/":
                options = ",".join(each for each in options.split(",") if each not in ("rw", "ro"))
                if "name=" in options:
                    options += ",none"
                found.append(Hierarchy(fields[4], kind, "" if kind == "cgroup2" else options, name))
    first = [each for each in found if each.kind == "cgroup"]
    return first or found


def main() -> None:
    """Be the keeper of the machine; its first process is a child."""
    name, address = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    groups = hierarchies(name)
    try:
        for each in groups:
            each.make()
        call("unshare", CLONE_NEWPID)
        first = os.fork()
        if first == 0:
            run_first(groups, name, address)
        lifeline, ended = 0, os.pidfd_open(first)
        select.select([lifeline, ended], [], [])
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)
    finally:
        for each in groups:
            each.remove()


def run_first(groups: list[Hierarchy], name: str, address: str) -> None:
    """Be the first process: set the machine up, say so, and serve; end where that fails."""
    try:
        call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)
        outside = os.readlink("/proc/self")
        set_up(groups, name)
        serve(address, f"ready {outside}")
    except BaseException as error:
        say(f"{type(error).__name__}: {error}")
        os._exit(1)


def say(line: str) -> None:
    """Tell whoever switched the machine on."""
    os.write(1, f"{line}\n".encode())


def set_up(groups: list[Hierarchy], name: str) -> None:
    """Enter namespaces of our own, and make what is written here private."""
    for each in groups:
        write(f"{each.group}/cgroup.procs", "0")
    call("unshare", CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)
    call("mount", None, b"/", None, ctypes.c_ulong(MS_PRIVATE_REC), None)
    mount("proc", "/proc")
    call("umount2", b"/sys/fs/cgroup", MNT_DETACH)
    if any(each.point != "/sys/fs/cgroup" for each in groups):
        mount("tmpfs", "/sys/fs/cgroup", "mode=755")
    for each in groups:
        each.mount()
        controllers = os.path.basename(each.point).split(",")
        for controller in controllers if len(controllers) > 1 else ():
            os.symlink(os.path.basename(each.point), f"{os.path.dirname(each.point)}/{controller}")
    for each in EMPTY:
        mount("tmpfs", each, "mode=1777" if each != "/run" else "mode=755")
    for each in COPIED:
        upper, work = (f"/run/machine{each}/{what}" for what in ("upper", "work"))
        os.makedirs(upper)
        os.makedirs(work)
        mount("overlay", each, f"lowerdir={each},upperdir={upper},workdir={work}")
    mount("tmpfs", "/var/lib/containers", "mode=755")
    call("sethostname", name.encode(), len(name))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def serve(address: str, greeting: str) -> None:
    """Run each command line that a connection brings, and answer with its status, as waitpid(2) has it."""
    os.set_blocking(0, False)
    woken, wakes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen(64)
    say(greeting)
    running: dict[int, socket.socket] = {}
    while True:
        ready = select.select([listener, woken, *running.values()], [], [])[0]
        if listener in ready:
            connection = listener.accept()[0]
            running[start(connection)] = connection
        if woken in ready:
            os.read(woken, 4096)
            for pid, status in ended():
                if pid in running:
                    answer(running.pop(pid), status)
        for pid, connection in list(running.items()):
            if connection in ready:
                # whoever asked has gone, or wants a signal sent
                message = connection.recv(16)
                kill(pid, int(message or signal.SIGKILL), everyone=not message)
                if not message:
                    running.pop(pid).close()


def start(connection: socket.socket) -> int:
    """Start what the request asks for; return its process id."""
    message, descriptors, _, _ = socket.recv_fds(connection, 1 << 17, 16)
    request = json.loads(message)
    pid = os.fork()
    if pid == 0:
        try:
            execute(request, descriptors)
        except BaseException as error:
            os.write(2, f"{request['argv'][0]}: {error}\n".encode())
        os._exit(127)
    for each in descriptors:
        os.close(each)
    connection.send(str(pid).encode())
    return pid


def execute(request: dict[str, object], descriptors: list[int]) -> None:
    """Become the program, in a session of its own, with the given descriptors from 0 on."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    high = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 64) for each in descriptors]
    for number, each in enumerate(high):
        os.dup2(each, number)
    if request["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.closerange(len(high), 64)
    os.chdir(request["cwd"])
    os.execvpe(request["argv"][0], request["argv"], request["env"])


def kill(pid: int, number: int, everyone: bool) -> None:
    """Send a signal to a process, or to its whole group; it is our child and not yet reaped."""
    os.kill(-pid if everyone else pid, number)


def answer(connection: socket.socket, status: int) -> None:
    """Tell the status to whoever asked, if they are still there."""
    with connection:
        try:
            connection.send(str(status).encode())
        except OSError:
            pass


def ended() -> list[tuple[int, int]]:
    """Reap all that ended: our children, and what lost its parent."""
    found = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        found.append((pid, status))


def read(path: str) -> str:
    """Return what a file holds."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path: str, text: str) -> None:
    """Write to a file of the kernel."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
