"""The system calls of Linux, each called for real."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable

import pytest

from runjd.kernel import capabilities, credentials, libc, limits, openat2, pidfd, prctl, reaper, statfs
from runjd.kernel import namespaces as ns

pytestmark = pytest.mark.linux


def in_child(work: Callable[[], object]) -> str:
    """Return what a function says in a child of this process."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            said = str(work())
        except BaseException as error:
            said = repr(error)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    said = os.read(read, 65536).decode()
    os.close(read)
    os.waitpid(pid, 0)
    return said


def test_errors_carry_errno_and_name() -> None:
    """A call that fails raises an OSError of the kernel's number, with what it was about."""
    with pytest.raises(FileNotFoundError) as caught:
        libc.check(libc.libc.open(b"/no/such", 0), "/no/such")

    assert caught.value.filename == "/no/such"


def test_open_beneath_refuses_links_and_ways_out(private_dir: str) -> None:
    """A path without links is opened beneath its root; a link or a way out is refused."""
    os.mkdir(os.path.join(private_dir, "a"))
    os.symlink("a", os.path.join(private_dir, "link"))
    root = os.open(private_dir, os.O_PATH)

    os.close(openat2.open_beneath(root, "a"))
    os.close(openat2.open_beneath(root, ""))
    for path, number in (("link", errno.ELOOP), ("../x", errno.EXDEV), ("/etc", errno.EXDEV), ("b", errno.ENOENT)):
        with pytest.raises(OSError, match=os.strerror(number)):
            openat2.open_beneath(root, path)
    os.close(root)


def test_open_in_root_follows_links_inside(private_dir: str) -> None:
    """An absolute link and ``..`` end at the root; the kernel's own links are refused."""
    os.mkdir(os.path.join(private_dir, "a"))
    os.symlink("/../../a", os.path.join(private_dir, "link"))
    root = os.open(private_dir, os.O_PATH)

    found = openat2.open_in_root(root, "link")
    assert os.path.samestat(os.fstat(found), os.stat(os.path.join(private_dir, "a")))
    proc = os.open("/proc/self", os.O_PATH)
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        openat2.open_in_root(proc, "cwd")
    for each in (found, root, proc):
        os.close(each)


def test_file_system_is_told() -> None:
    """/proc is known by its number."""
    proc = os.open("/proc", os.O_PATH)

    assert statfs.file_system(proc) == statfs.PROC_SUPER_MAGIC
    os.close(proc)


@pytest.mark.root
def test_clone_forks_like_fork() -> None:
    """A child of clone runs Python, is pid 1 of its namespace, and is reaped as any child."""
    pid = ns.clone_process(ns.CLONE_NEWPID | ns.CLONE_NEWUTS)
    if pid == 0:
        ns.set_hostname("inside")
        os._exit(40 + os.getpid() + (os.uname().nodename == "inside"))

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42
    assert os.uname().nodename != "inside"


@pytest.mark.root
def test_clone_beside_threads_can_change_its_user() -> None:
    """A child of a program with threads, one about to start, becomes another user without waiting for them."""
    for _ in range(30):
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        pid = ns.clone_process(0)
        if pid == 0:
            credentials.set_groups((7, 8))
            credentials.set_group(1001)
            credentials.set_user(1000)
            os._exit(0 if (os.getgroups(), os.getresuid(), os.getresgid()[0]) == ([7, 8], (1000,) * 3, 1001) else 1)
        stop.set()
        thread.join()
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_clone_without_rights_is_an_error() -> None:
    """Flags that contradict each other fail with the kernel's word, and only the parent goes on."""
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        ns.clone_process(ns.CLONE_NEWNS | 0x00000200)  # CLONE_FS


def test_orphans_return_to_the_reaper() -> None:
    """A grandchild whose parent ended becomes a child of its reaper."""

    def work() -> bool:
        reaper.become_reaper()
        reaper.become_reaper()
        middle = os.fork()
        if middle == 0:
            if os.fork() == 0:
                os._exit(5)
            os._exit(0)
        os.waitpid(middle, 0)
        return os.waitstatus_to_exitcode(os.waitpid(-1, 0)[1]) == 5

    assert in_child(work) == "True"


def test_dumpable_and_no_new_privs() -> None:
    """What a process says of itself is as it was said."""

    def work() -> str:
        prctl.set_dumpable(0)
        prctl.set_no_new_privs()
        with open("/proc/self/status", encoding="utf-8") as file:
            is_told = "NoNewPrivs:\t1" in file.read().splitlines()
        return f"{prctl.get_dumpable()} {is_told}"

    assert in_child(work) == "0 True"


@pytest.mark.root
def test_capabilities_are_set_and_read() -> None:
    """What capset sets is what capget and the bounding set show."""

    def work() -> str:
        kill = 1 << capabilities.NUMBERS["CAP_KILL"]
        prctl.drop_bounding(0)
        capabilities.capset(kill, kill, kill)
        prctl.clear_ambient()
        prctl.raise_ambient(5)
        with open("/proc/self/status", encoding="utf-8") as file:
            bounding = int(file.read().partition("CapBnd:")[2].split()[0], 16)
        return f"{capabilities.capget() == (kill, kill, kill)} {bounding & 1} {bounding >> 5 & 1}"

    assert in_child(work) == "True 0 1"


def test_capability_numbers_are_the_kernels() -> None:
    """The names count up from CAP_CHOWN to CAP_CHECKPOINT_RESTORE (linux/capability.h)."""
    assert capabilities.NUMBERS["CAP_CHOWN"] == 0
    assert capabilities.NUMBERS["CAP_SYS_ADMIN"] == 21
    assert capabilities.NUMBERS["CAP_AUDIT_READ"] == 37
    assert capabilities.NUMBERS["CAP_CHECKPOINT_RESTORE"] == 40


def test_pidfd_signals_and_waits() -> None:
    """A process is signalled and waited for by its descriptor."""
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    descriptor = pidfd.pidfd_open(pid)

    assert not pidfd.wait_ended(descriptor, 0.0)
    pidfd.pidfd_send_signal(descriptor, 9)
    assert pidfd.wait_ended(descriptor, 5.0)
    os.waitpid(pid, 0)
    with pytest.raises(ProcessLookupError):
        pidfd.pidfd_send_signal(descriptor, 9)
    os.close(descriptor)


def test_limits_by_name() -> None:
    """A limit is set by its name; 2**64 - 1 means none."""

    def work() -> str:
        import resource

        limits.set_limit("RLIMIT_NOFILE", 50, 60)
        limits.set_limit("RLIMIT_CORE", 0, 2**64 - 1)
        return f"{resource.getrlimit(resource.RLIMIT_NOFILE)} {resource.getrlimit(resource.RLIMIT_CORE)}"

    assert in_child(work) == "(50, 60) (0, -1)"


def test_refused_limit_is_an_oserror() -> None:
    """A soft limit above the hard one is refused."""
    with pytest.raises(OSError, match="RLIMIT_NOFILE"):
        limits.set_limit("RLIMIT_NOFILE", 100, 50)
