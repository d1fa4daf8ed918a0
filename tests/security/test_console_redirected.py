"""
CVE-2025-52565: the terminal is mounted, or opened, where an image leads it.

/dev/console and /dev/pts are the image's to make what it likes of, and another
container that shares /dev can change them at any moment.
"""

from __future__ import annotations

import _socket
import os
from collections.abc import Callable, Iterator

import pytest

from runjd.container.stdio import Terminal
from runjd.errors import RunjdError
from tests.container.jails import read_until
from tests.runtime.driver import tree
from tests.security.hostile import Hostile
from tests.security.test_races import Volume

pytestmark = pytest.mark.root

SCRIPT = ["sh", "-c", "test -t 0 && echo works; exec sleep 60"]


@pytest.fixture
def outside(private_dir: str) -> Iterator[str]:
    """Return a directory of the host with what a terminal could be put on; none is."""
    path = f"{private_dir}/outside"
    os.mkdir(path)
    for name in ("console", "ptmx", "0", "pts"):
        with open(f"{path}/{name}", "w") as file:
            file.write("precious")
    before = tree(path)

    yield path

    assert tree(path) == before
    for name in before:
        with open(f"{path}/{name}") as file:
            assert file.read() == "precious"


def _without_dev(hostile: Hostile, prepare: Callable[[str], object]) -> str:
    """Return a bundle that mounts nothing below /dev; the image's own is prepared."""
    config = hostile.jails.config(SCRIPT, terminal=True)
    assert isinstance(config["mounts"], list)
    config["mounts"] = [each for each in config["mounts"] if not str(each["destination"]).startswith("/dev")]
    bundle = hostile.jails.write(config)
    prepare(f"{bundle}/rootfs/dev")
    return bundle


def _run(hostile: Hostile, bundle: str) -> None:
    """Make and start a container with a terminal, and see that the terminal works."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        state = hostile.jails.operations.create("web", bundle, Terminal(theirs), runtime="linux", start=True)
        _, rights, _, _ = ours.recvmsg(4096, _socket.CMSG_SPACE(4))
    finally:
        ours.close()
        theirs.close()
    master = int.from_bytes(rights[0][2][:4], "little")
    try:
        assert "works" in read_until(master, "works\r\n")
    finally:
        os.close(master)
        hostile.jails.operations.delete("web", force=True)
        os.waitpid(state.pid, 0)


def _pts_of_links(dev: str) -> None:
    os.mkdir(f"{dev}/pts")
    os.symlink("/proc/self/fd/0", f"{dev}/pts/ptmx")


def _pts_of_nodes(dev: str) -> None:
    os.mkdir(f"{dev}/pts")
    # a memory device: of those that are harmless to open, one that is not a terminal
    os.mknod(f"{dev}/pts/ptmx", 0o20666, os.makedev(1, 11))


@pytest.mark.parametrize(
    "prepare",
    [
        lambda dev: os.symlink("../../../../../proc/self/fd", f"{dev}/pts"),
        lambda dev: os.symlink("/proc/sys/kernel/core_pattern", f"{dev}/console"),
        lambda dev: os.symlink("pts/0", f"{dev}/console"),
        lambda dev: os.mkfifo(f"{dev}/console"),
        lambda dev: os.mkdir(f"{dev}/console"),
        lambda dev: os.mkfifo(f"{dev}/ptmx"),
        lambda dev: os.mkfifo(f"{dev}/pts"),
        _pts_of_links,
        _pts_of_nodes,
    ],
)
def test_the_terminal_is_where_it_should_be(hostile: Hostile, prepare: Callable[[str], object]) -> None:
    """Whatever the image has in these places, the program has a terminal, and proc is as it was."""
    with open("/proc/sys/kernel/core_pattern") as file:
        before = file.read()

    _run(hostile, _without_dev(hostile, prepare))

    with open("/proc/sys/kernel/core_pattern") as file:
        assert file.read() == before


@pytest.mark.parametrize("place", ["/dev", "/dev/pts"])
def test_a_swinging_door_leads_the_terminal_nowhere(hostile: Hostile, outside: str, place: str) -> None:
    """A volume on /dev in which directory and link change places as fast as they can."""
    volume = Volume(hostile.directory, outside)
    os.makedirs(f"{volume.path}/door/pts")
    with open(f"{volume.path}/door/console", "w"):
        pass
    name = place.replace("/dev", "/dev/door", 1) if place == "/dev" else "/dev/door/pts"
    config = hostile.jails.config(SCRIPT, terminal=True)
    assert isinstance(config["mounts"], list)
    config["mounts"] = [
        *(each for each in config["mounts"] if not str(each["destination"]).startswith("/dev")),
        {"destination": "/dev", "type": "bind", "source": volume.path, "options": ["rbind"]},
    ]
    bundle = hostile.jails.write(config)
    for link, target in (("pts", f"{name}/pts"), ("console", f"{name}/console")):
        os.symlink(target, f"{volume.path}/{link}")
    volume.swing()
    try:
        for _ in range(15):
            try:
                _run(hostile, bundle)
            except RunjdError:
                continue
    finally:
        volume.rest()
