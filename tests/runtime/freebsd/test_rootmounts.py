"""Tests of runjd.runtime.freebsd.rootmounts: what a caller has mounted on a root."""

from __future__ import annotations

import pytest

from runjd.errors import RunjdError, Unsupported
from runjd.kernel.recorder.kernel import FreeBSDRecorder
from runjd.runtime.freebsd.rootmounts import mount_root, unmount_root
from runjd.runtime.rootmount import RootMount

ROOT = "/bundles/one/rootfs"


@pytest.fixture
def kernel() -> FreeBSDRecorder:
    """Return a kernel with a root and two snapshots."""
    made = FreeBSDRecorder()
    made.make_tree(ROOT, "/snapshots/1", "/snapshots/2")
    return made


def mounted(kernel: FreeBSDRecorder) -> list[tuple[str, str]]:
    """Return type and source of what is on the root."""
    return [(each.type, each.source) for each in kernel.getfsstat() if each.target == ROOT]


@pytest.mark.parametrize("kind", ["nullfs", "bind"])
def test_a_snapshot_is_mounted_and_unmounted(kernel: FreeBSDRecorder, kind: str) -> None:
    """By either name; options of Linux that mean nothing are passed over."""
    mount_root(kernel, ROOT, [RootMount(kind, "/snapshots/1", ("rbind", "ro"))])
    assert mounted(kernel) == [("nullfs", "/snapshots/1")]

    unmount_root(kernel, ROOT)
    unmount_root(kernel, ROOT)

    assert mounted(kernel) == []


def test_all_that_lies_on_the_root_is_taken_away(kernel: FreeBSDRecorder) -> None:
    """One mount over another."""
    mount_root(kernel, ROOT, [RootMount("nullfs", "/snapshots/1"), RootMount("nullfs", "/snapshots/2")])
    assert len(mounted(kernel)) == 2

    unmount_root(kernel, ROOT)

    assert mounted(kernel) == []


def test_nothing_is_left_where_a_mount_fails(kernel: FreeBSDRecorder) -> None:
    """The first is taken back."""
    with pytest.raises(RunjdError, match="mount the root /no/such"):
        mount_root(kernel, ROOT, [RootMount("nullfs", "/snapshots/1"), RootMount("nullfs", "/no/such")])

    assert mounted(kernel) == []


def test_a_root_over_itself_never_reaches_the_kernel(kernel: FreeBSDRecorder) -> None:
    """It would panic."""
    with pytest.raises(RunjdError, match="itself"):
        mount_root(kernel, ROOT, [RootMount("nullfs", ROOT)])

    assert "nmount" not in kernel.journal.names()


@pytest.mark.parametrize(
    "mount", [RootMount("overlay", "overlay", ("lowerdir=/a",)), RootMount("nullfs", "/snapshots/1", ("lowerdir=/a",))]
)
def test_what_freebsd_cannot_mount_is_refused(kernel: FreeBSDRecorder, mount: RootMount) -> None:
    """By its type or its option, before anything is done."""
    with pytest.raises(Unsupported):
        mount_root(kernel, ROOT, [mount])

    assert mounted(kernel) == []
