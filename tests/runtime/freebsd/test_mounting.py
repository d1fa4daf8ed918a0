"""Tests of runjd.runtime.freebsd.mounting: errors of nmount(2) in words that help, and what is compared before."""

from __future__ import annotations

import errno

import pytest

from runjd.kernel.recorder.kernel import FreeBSDRecorder
from runjd.runtime.contract import Undo
from runjd.runtime.freebsd.mounting import Mounter


@pytest.fixture
def kernel() -> FreeBSDRecorder:
    """Return a kernel with two directories."""
    made = FreeBSDRecorder()
    made.make_tree("/srv/data", "/mnt/deep")
    return made


@pytest.mark.parametrize(("kind", "source", "path"), [
    ("nullfs", "/no/such", "/mnt"), ("tmpfs", "tmpfs", "/no/such"), ("nosuchfs", "x", "/mnt"),
])  # fmt: skip
def test_whatever_is_missing_is_not_called_an_invalid_type(
    kernel: FreeBSDRecorder, kind: str, source: str, path: str
) -> None:
    """nmount(2) says so of a source, a mount point and a file system alike (seen on 13.2)."""
    told: list[Undo] = []

    with pytest.raises(OSError, match="the file system, its source or the mount point is not there") as raised:
        Mounter(kernel, told.append).mount(kind, source, path)

    assert (raised.value.errno, raised.value.filename) == (errno.EINVAL, path)
    assert [each.action for each in told] == ["unmount"]


@pytest.mark.parametrize("spelling", ["/mnt", "/mnt/", "/mnt/deep/..", "/link"])
def test_a_directory_over_itself_never_reaches_the_kernel(kernel: FreeBSDRecorder, spelling: str) -> None:
    """It would panic, by whichever spelling of the path (seen on 13.2)."""
    kernel.make_link("/mnt", "/link")

    with pytest.raises(OSError, match="cannot be mounted on itself"):
        Mounter(kernel, [].append).mount_directory(spelling, "/mnt")

    assert "nmount" not in kernel.journal.names()


def test_a_directory_over_its_child_or_parent_is_fine(kernel: FreeBSDRecorder) -> None:
    """As the kernel takes it."""
    Mounter(kernel, [].append).mount_directory("/mnt", "/mnt/deep")

    assert kernel.getfsstat()[-1].target == "/mnt/deep"
