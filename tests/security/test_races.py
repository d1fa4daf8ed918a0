"""
CVE-2021-30465 and CVE-2024-45310: names are exchanged between their check and their use.

Another container, or who shares a volume, swaps a directory with a symbolic link
by renameat2(RENAME_EXCHANGE), as fast as it can, while containers are made that
mount below it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.runtime.driver import mounts, tree
from tests.security.hostile import Hostile

pytestmark = pytest.mark.root

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_ROUNDS = 25


class Volume:
    """A directory that a container mounts, in which ``door`` is a directory at one moment and a link at the next."""

    def __init__(self, directory: str, target: str) -> None:
        self.path = f"{directory}/volume"
        self._pid = 0
        os.makedirs(f"{self.path}/door/deep")
        os.symlink(target, f"{self.path}/trap")

    def swing(self) -> None:
        """Exchange the two from now on."""
        self._pid = os.fork()
        if self._pid == 0:
            try:
                rename = ctypes.CDLL(None).renameat2
                door, trap = os.fsencode(f"{self.path}/door"), os.fsencode(f"{self.path}/trap")
                while True:
                    rename(_AT_FDCWD, door, _AT_FDCWD, trap, _RENAME_EXCHANGE)
            finally:
                os._exit(0)

    def rest(self) -> None:
        """Leave it as it is."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0


@pytest.fixture
def outside(private_dir: str) -> Iterator[str]:
    """Return a directory of the host that nobody was given; nothing comes to be in it, or on it."""
    path = f"{private_dir}/outside"
    os.makedirs(f"{path}/deep/x")
    before = tree(path)

    yield path

    assert tree(path) == before
    assert [each for each in mounts() if private_dir in each] == []


@pytest.mark.parametrize("way", ["../../../../../../..{}", "{}", "/proc/self/root/../..{}", "/proc/1/root{}"])
@pytest.mark.parametrize("below", ["door", "door/deep/x/y/z"])
def test_no_mount_follows_a_swinging_door(hostile: Hostile, outside: str, way: str, below: str) -> None:
    """Each container either comes to be, with all its mounts in its root, or fails and leaves nothing."""
    volume = Volume(hostile.directory, way.format(outside))
    config = hostile.jails.config(
        ["sleep", "60"],
        mounts=[
            {"destination": "/volume", "type": "bind", "source": volume.path, "options": ["rbind"]},
            {"destination": f"/volume/{below}", "type": "tmpfs", "source": "tmpfs", "options": ["size=77k"]},
            {"destination": f"/volume/{below}", "type": "bind", "source": hostile.told, "options": ["rbind", "ro"]},
        ],
    )
    bundle = hostile.jails.write(config)
    volume.swing()
    try:
        for _ in range(_ROUNDS):
            _create(hostile, bundle)
    finally:
        volume.rest()


def _create(hostile: Hostile, bundle: str) -> None:
    """Make a container and see that its root is its own; that it cannot be made is no harm."""
    from runjd.container.stdio import Fifos
    from runjd.errors import RunjdError

    io = Fifos("init", stdin=False)
    try:
        state = hostile.jails.operations.create("web", bundle, io, runtime="linux")
    except RunjdError:
        return
    hostile.jails.keep(io)
    try:
        assert os.path.samefile(f"/proc/{state.pid}/root", f"{bundle}/rootfs")
        assert os.path.samefile(f"/proc/{state.pid}/root/bin/busybox", f"{bundle}/rootfs/bin/busybox")
    finally:
        hostile.jails.operations.delete("web", force=True)
        os.waitpid(state.pid, 0)


def test_a_naive_runtime_is_led_astray(hostile: Hostile, outside: str) -> None:
    """Checked by name and then mounted by name, as runc did it: the same door leads out."""
    volume = Volume(hostile.directory, outside)
    naive = f"""
import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
libc.unshare(0x20000); libc.mount(None, b"/", None, 0x44000, None)
door = {volume.path!r} + "/door"
deadline = time.monotonic() + 20
while time.monotonic() < deadline:
    if os.path.islink(door):
        continue
    if libc.mount(b"tmpfs", os.fsencode(door), b"tmpfs", 0, b"size=77k"):
        continue
    if any(line.split()[4] == {outside!r} for line in open("/proc/self/mountinfo")):
        print("astray")
        break
    libc.umount2(os.fsencode(door), 2)
"""
    volume.swing()
    try:
        done = subprocess.run(["python3", "-I", "-S", "-c", naive], capture_output=True, text=True, check=True)
    finally:
        volume.rest()

    assert done.stdout == "astray\n"
