"""What the host tells of itself, and paths that may not lead out of a directory."""

from __future__ import annotations

import os

import pytest

ENOTCAPABLE = 93


@pytest.mark.parametrize("path", ["/etc", "../x", "out", "up/../../x"])
def test_a_path_that_leads_out_is_refused(machine, directory, path) -> None:
    """By a leading slash, by dots, by an absolute link: ENOTCAPABLE."""
    machine.kernel.mkdir(f"{directory}/up")
    machine.kernel.symlink("/etc", f"{directory}/out")
    with machine.opened(directory) as root, pytest.raises(OSError) as caught:  # noqa: PT011 - the number is the point
        machine.kernel.open_beneath(root, path, os.O_RDONLY)
    machine.kernel.unlink(f"{directory}/out")

    assert caught.value.errno == ENOTCAPABLE


def test_a_path_beneath_is_opened(machine, directory) -> None:
    """Through relative links, too; the empty path is the directory itself."""
    machine.kernel.mkdir(f"{directory}/a")
    machine.make_file(f"{directory}/a/file")
    machine.kernel.symlink("a", f"{directory}/link")
    with machine.opened(directory) as root:
        for path in ("", "a/file", "link/file", "a/../link/./file"):
            opened = machine.kernel.open_beneath(root, path, os.O_RDONLY)
            found = machine.kernel.fstat(opened)
            machine.kernel.close(opened)
            meant = machine.kernel.stat(f"{directory}/a/file" if path else directory)
            assert (found.st_ino, found.st_dev) == (meant.st_ino, meant.st_dev), path
    machine.kernel.unlink(f"{directory}/link")


def test_a_real_path_has_no_links(machine, directory) -> None:
    """It is what the kernel tells of mounts and jails."""
    machine.kernel.mkdir(f"{directory}/real")
    machine.kernel.symlink("real", f"{directory}/link")
    found = machine.kernel.realpath(f"{directory}/link/../link")
    machine.kernel.unlink(f"{directory}/link")

    assert found == f"{machine.kernel.realpath(directory)}/real"


def test_modules_are_known(machine) -> None:
    """tmpfs is there or can be loaded; what nobody has is not, and cannot."""
    if not machine.kernel.has_module("tmpfs"):
        machine.kernel.kldload("tmpfs")
    assert machine.kernel.has_module("tmpfs")
    assert not machine.kernel.has_module("runjd-no-such-module")
    with pytest.raises(FileNotFoundError):
        machine.kernel.kldload("runjd-no-such-module")


def test_values_of_the_kernel_are_read(machine) -> None:
    """Texts and numbers by their names; a name that it does not have is ENOENT."""
    release = machine.kernel.sysctl_text("kern.osrelease")

    assert int(release.partition(".")[0]) >= 13
    assert machine.kernel.sysctl_number("security.jail.jailed") == 0
    assert machine.kernel.sysctl_number("kern.osreldate") >= 1_300_000
    with pytest.raises(FileNotFoundError):
        machine.kernel.sysctl_number("kern.runjd_no_such_value")
