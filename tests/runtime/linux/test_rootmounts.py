"""Tests of runjd.runtime.linux.rootmounts: what a caller has mounted on a root."""

from __future__ import annotations

import os
import stat

import pytest

from runjd.errors import RunjdError, Unsupported
from runjd.kernel.linux import LinuxKernel
from runjd.runtime.linux.rootmounts import mount_root, unmount_root
from runjd.runtime.rootmount import RootMount

pytestmark = pytest.mark.root


@pytest.fixture
def place(private_dir):
    """Return a directory with a root and two layers, each with a file."""
    for name in ("root", "a", "b"):
        os.mkdir(f"{private_dir}/{name}")
    for name in ("a", "b"):
        with open(f"{private_dir}/{name}/{name}", "w") as file:
            file.write(name)
    yield private_dir
    unmount_root(LinuxKernel(), f"{private_dir}/root")


def mounted(place: str) -> list[str]:
    """Return what is mounted on the root: the words of mountinfo."""
    with open("/proc/self/mountinfo") as file:
        return [line for line in file if line.split()[4] == f"{place}/root"]


def test_a_snapshot_is_bound_read_only_and_taken_away(place):
    """What is on it is to be seen, and cannot be written."""
    mount_root(LinuxKernel(), f"{place}/root", [RootMount("bind", f"{place}/a", ("rbind", "ro", "nosuid"))])
    assert os.listdir(f"{place}/root") == ["a"]
    assert os.statvfs(f"{place}/root").f_flag & (os.ST_RDONLY | os.ST_NOSUID) == os.ST_RDONLY | os.ST_NOSUID

    unmount_root(LinuxKernel(), f"{place}/root")
    unmount_root(LinuxKernel(), f"{place}/root")

    assert mounted(place) == []


def test_one_lies_on_the_other_and_all_go(place):
    """Also while somebody looks into it."""
    mounts = [RootMount("bind", f"{place}/a", ("bind",)), RootMount("tmpfs", "tmpfs", ("mode=711", "noexec"))]
    mount_root(LinuxKernel(), f"{place}/root", mounts)
    assert len(mounted(place)) == 2
    assert stat.S_IMODE(os.stat(f"{place}/root").st_mode) == 0o711
    fd = os.open(f"{place}/root", os.O_RDONLY)

    unmount_root(LinuxKernel(), f"{place}/root")

    assert mounted(place) == []
    os.close(fd)


def test_nothing_is_left_where_a_mount_fails(place):
    """The first is taken back; the failure names the second."""
    with pytest.raises(RunjdError, match=r"mount the root /no/such \(bind\): no such file"):
        mount_root(LinuxKernel(), f"{place}/root", [RootMount("bind", f"{place}/a"), RootMount("bind", "/no/such")])

    assert mounted(place) == []


def test_what_needs_a_program_is_refused(place):
    """A loop device is not made."""
    with pytest.raises(Unsupported, match="option loop"):
        mount_root(LinuxKernel(), f"{place}/root", [RootMount("ext4", "/x.img", ("loop",))])


class Recorder:
    """A kernel that takes any mount."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.cwd = ""

    def mount(self, *words: object) -> None:
        self.calls.append(words)
        self.cwd = os.getcwd()


def test_layers_that_do_not_fit_are_named_from_where_they_are(place):
    """mount(2) takes one page of options; the working directory is as it was, afterwards."""
    before = os.getcwd()
    layers = [f"{place}/{'layer' * 10}{number}/fs" for number in range(100)]
    kernel = Recorder()

    mount_root(kernel, f"{place}/root", [RootMount("overlay", "overlay", ("ro", f"lowerdir={':'.join(layers)}"))])

    ((source, target, kind, _, data),) = kernel.calls
    assert (source, target, kind) == ("overlay", f"{place}/root", "overlay")
    assert len(data) < os.sysconf("SC_PAGE_SIZE") * 2
    assert data.startswith("lowerdir=layerlayer")
    assert (kernel.cwd, os.getcwd()) == (place, before)
