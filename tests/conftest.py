"""
What all tests share: where they run, and that they leave nothing behind.

Works with plain pytest, too: a FreeBSD machine may lack hypothesis and
pytest-twisted, whose plugins have compiled parts.
"""

import ctypes
import os
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator
from types import FrameType

import pytest

from tests.leftovers import Leftovers, open_files, own_children, reactor_leftovers

try:
    from hypothesis import settings
except ModuleNotFoundError:
    pass
else:
    settings.register_profile("ci", deadline=None, max_examples=60, derandomize=True, database=None)
    settings.register_profile("thorough", deadline=None, max_examples=2000)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

#: seconds that a test may take; it should take less than five
LIMIT = int(os.environ.get("RUNJD_TEST_LIMIT", "60"))


class TookTooLong(BaseException):
    """A test hangs; no loop takes it for a failure of what it called back."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, with the reason; where tests are spread, keep those of a file together."""
    for item in items:
        if config.pluginmanager.hasplugin("xdist"):
            item.add_marker(pytest.mark.xdist_group(_group(item)))
        reason = _reason_to_skip({mark.name for mark in item.iter_markers()})
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, None, None]:
    """Let a test that hangs fail, and what cleans up behind it, too."""

    def too_long(number: int, frame: FrameType | None) -> None:
        raise TookTooLong(f"{item.nodeid} takes longer than {LIMIT} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, LIMIT, 10)

    yield

    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def nothing_is_left_in_the_process() -> Iterator[None]:
    """Fail a test that leaves delayed calls or readers in the reactor, a child of this process, or open files."""
    children = own_children()
    before = reactor_leftovers()
    files = open_files()

    yield

    left = [f"reactor: {each!r}" for each in reactor_leftovers() if not any(each is old for old in before)]
    left += [f"child process {pid}" for pid in own_children() - children]
    left += [f"descriptor of {path}" for path in open_files() - files]
    assert not left, "the test left behind: " + "; ".join(left)


@pytest.fixture
def private_dir() -> Iterator[str]:
    """Return a new directory of mode 0700 whose short name leaves room for Unix sockets (104 bytes on FreeBSD)."""
    path = tempfile.mkdtemp(prefix="runjd-test-", dir="/tmp")

    yield path

    left = Leftovers(path).found()
    assert not left, "the test left behind: " + "; ".join(left)
    _remove_tree(path)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_on_the_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail the session if a process or a mount still refers to its directories."""
    own = str(tmp_path_factory.getbasetemp())

    yield

    left = Leftovers(own).found()
    assert not left, "the tests left behind: " + "; ".join(left)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Note which directories of the host there are already."""
    session.stash[_HOST_BEFORE] = _host_directories()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if directories of the host were made; one of several processes that share the tests cannot tell whose."""
    new = _host_directories() - session.stash.get(_HOST_BEFORE, set())
    if new and not hasattr(session.config, "workerinput"):
        sys.stderr.write("\nthe tests left behind: " + ", ".join(sorted(new)) + "\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


_HOST_BEFORE = pytest.StashKey[set[str]]()


def _host_directories() -> set[str]:
    return {path for path in _HOST_DIRECTORIES if os.path.exists(path)}


_HOST_DIRECTORIES = ("/var/run/runj", "/var/run/runjd", "/var/log/runjd", "/var/db/runjd", "/var/lib/runjd")


def pytest_configure() -> None:
    """
    Heed 32 and 33, the C library's own signals, which GNU make leaves ignored in what it starts.

    A jail inherits that, for only the system call itself can change it. Where
    the C library handles them already, as a program with threads has it do,
    they are left alone: it changes the user of all threads by them.
    """
    rt_sigaction = {"x86_64": 13, "aarch64": 134}.get(os.uname().machine)
    if sys.platform == "linux" and rt_sigaction:
        libc = ctypes.CDLL(None)
        for number in (32, 33):
            now = (ctypes.c_ulong * 4)()
            libc.syscall(rt_sigaction, number, None, ctypes.byref(now), ctypes.c_size_t(8))
            if now[0] == signal.SIG_IGN:
                libc.syscall(rt_sigaction, number, bytes(32), None, ctypes.c_size_t(8))


def _group(item: pytest.Item) -> str:
    """Return the tests that run one after another: those of a file, and those that share this machine's engines."""
    file = os.path.relpath(item.path, os.path.dirname(__file__))
    return "peers" if file.startswith("peers" + os.sep) else file


def _reason_to_skip(marks: set[str]) -> str:
    is_linux, is_freebsd = sys.platform.startswith("linux"), sys.platform.startswith("freebsd")
    if "freebsd" in marks and not is_freebsd:
        return "needs FreeBSD"
    if "linux" in marks and not is_linux:
        return "needs Linux"
    if "root" in marks and "freebsd" not in marks and not is_linux:
        return "needs Linux namespaces"
    if "root" in marks and os.geteuid() != 0:
        return "needs root"
    return ""


def _remove_tree(path: str) -> None:
    for directory, folders, files in os.walk(path, topdown=False):
        for name in files:
            os.unlink(os.path.join(directory, name))
        for name in folders:
            full = os.path.join(directory, name)
            if os.path.islink(full):
                os.unlink(full)
            else:
                os.rmdir(full)
    os.rmdir(path)
