"""
CVE-2019-14271: something of ours is loaded from the image, or waits for it.

The kernel tells which files of the image are opened (inotify(7) sees an inode in
whatever namespace it is opened), while FIFOs lie in wait under the names that a
careless program would open.
"""

from __future__ import annotations

import ctypes
import encodings
import os
import struct
import subprocess
import sys

import pytest

import runjd
from tests.container.jails import make_root
from tests.security.hostile import Hostile

pytestmark = pytest.mark.root

_IN_OPEN = 0x20
_IN_ISDIR = 0x40000000
_EVENT = struct.Struct("iIII")

#: what a name service, a loader, a locale and an interpreter open by name
BAITS = (
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/lib/x86_64-linux-gnu/libnss_files.so.2",
    "/lib64/ld-linux-x86-64.so.2",
    "/usr/share/locale/de/LC_MESSAGES/libc.mo",
    "/usr/lib/locale/locale-archive",
    "/etc/python3/pyvenv.cfg",
)


class Opened:
    """Tells which files below a directory are opened."""

    def __init__(self, root: str) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._names: dict[int, str] = {}
        for directory, _, _ in os.walk(root):
            watch = self._libc.inotify_add_watch(self._fd, os.fsencode(directory), _IN_OPEN)
            assert watch >= 0
            self._names[watch] = directory.removeprefix(root)

    def names(self) -> set[str]:
        """Return the files that were opened so far, but not directories that were read."""
        found = set()
        try:
            data = os.read(self._fd, 1 << 20)
        except BlockingIOError:
            data = b""
        while data:
            watch, mask, _, length = _EVENT.unpack_from(data)
            name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0").decode()
            data = data[_EVENT.size + length :]
            if name and not mask & _IN_ISDIR:
                found.add(f"{self._names[watch]}/{name}")
        return found

    def close(self) -> None:
        """Stop watching."""
        os.close(self._fd)


def baits() -> list[str]:
    """Return names that lie in wait, those of our own sources and of the interpreter's among them."""
    ours = os.path.dirname(os.path.abspath(runjd.__file__))
    sources = [
        os.path.join(directory, name)
        for top in (ours, os.path.dirname(os.path.abspath(encodings.__file__)))
        for directory, _, names in os.walk(top)
        for name in names
        if name.endswith(".py")
    ]
    stdlib = os.path.dirname(os.path.abspath(os.__file__))
    return [*BAITS, *sources, *(f"{stdlib}/{name}.py" for name in ("linecache", "traceback", "tokenize", "pwd", "os"))]


def lay(root: str, names: list[str]) -> None:
    """Put FIFOs in a root."""
    for name in names:
        path = root + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        os.mkfifo(path)


@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_of_the_image_is_opened_but_the_program(hostile: Hostile, terminal: bool) -> None:
    """Neither run nor exec, whether they succeed or fail, open a bait; only what they are told to execute."""
    bundle = hostile.jails.bundle(["sleep", "60"], env=["LANG=de_DE.UTF-8", "LANGUAGE=de"])
    lay(f"{bundle}/rootfs", baits())
    opened = Opened(f"{bundle}/rootfs")
    german = {"LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de", "PATH": "/usr/bin:/bin"}

    def runj(*words: str) -> int:
        return hostile.runj(*words, env=german).returncode

    assert runj("create", "-b", bundle, "web") == 0
    assert runj("start", "web") == 0
    tty = ["-t"] if terminal else []
    assert runj("exec", *tty, "web", "true") == 0
    assert runj("exec", *tty, "-u", "1000:1000", "web", "true") == 0
    assert runj("exec", *tty, "web", "/no/such") != 0
    assert runj("exec", *tty, "--cwd", "/no/such", "web", "true") != 0
    assert runj("exec", *tty, "web", "/etc/passwd") != 0
    found = opened.names()
    opened.close()

    assert found == {"/bin/busybox"}


def test_a_broken_bundle_opens_nothing_either(hostile: Hostile) -> None:
    """Errors of create are told without a look at the sources they stand in."""
    config = hostile.jails.config(["nonesuch"])
    bundle = hostile.jails.write(config)
    lay(f"{bundle}/rootfs", baits())
    opened = Opened(f"{bundle}/rootfs")

    assert "executable file not found" in hostile.runj.fails("create", "-b", bundle, "web")
    found = opened.names()
    opened.close()

    assert found == set()


def test_a_naive_runtime_takes_the_bait(private_dir: str) -> None:
    """Whoever asks the name service for the user, in the root, reads the image's idea of it."""
    make_root(f"{private_dir}/rootfs")
    opened = Opened(f"{private_dir}/rootfs")
    script = f"import os, pwd; os.chroot({private_dir + '/rootfs'!r}); pwd.getpwuid(4711)"

    subprocess.run([sys.executable, "-I", "-S", "-c", script], stderr=subprocess.DEVNULL, check=False, timeout=10)
    found = opened.names()
    opened.close()

    assert "/etc/passwd" in found
