"""
The power fails at each call by which something is written that must outlast it.

The disk is an ext4 on a file, which holds what the kernel has sent to it so far and no more: a copy of the file is
what a disk holds after a power failure at that moment.  Nothing is sent without need (no_auto_da_alloc, a long commit
interval), so what is not synced is lost.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.faults.deeds import Compressed, Deed, Wished
from tests.faults.tracer import run
from tests.functional.daemon import wait_until

pytestmark = [pytest.mark.root, pytest.mark.linux]


class Disk:
    """An ext4 on a file, or a copy of one."""

    def __init__(self, image: str, path: str) -> None:
        self.image = image
        self.path = path

    def make(self) -> None:
        """Make it empty."""
        with open(self.image, "wb") as file:
            file.truncate(4 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^metadata_csum", self.image], check=True)

    def mount(self) -> None:
        """Mount it."""
        os.makedirs(self.path, exist_ok=True)
        options = "loop,noauto_da_alloc,commit=300"
        done = subprocess.run(["mount", "-o", options, self.image, self.path], check=False, capture_output=True)
        if done.returncode != 0:
            pytest.skip(f"no loop device: {done.stderr.decode()}")

    def unmount(self) -> None:
        """Unmount it; nothing to do where it is not mounted."""
        if os.path.ismount(self.path):
            wait_until(lambda: subprocess.run(["umount", self.path], check=False).returncode == 0, "it stays in use")


@pytest.fixture
def disk(private_dir: str) -> Iterator[Disk]:
    """Return a disk that is mounted."""
    made = Disk(f"{private_dir}/image", f"{private_dir}/disk")
    made.make()
    made.mount()
    yield made
    made.unmount()


@pytest.mark.parametrize("kind", [Wished, Compressed])
def test_what_is_told_outlasts_the_power(private_dir: str, disk: Disk, kind: type[Deed]) -> None:
    """At each moment old or new, and what was told to be done is new."""
    os.mkdir(f"{disk.path}/deed", 0o700)
    deed = kind(f"{disk.path}/deed")
    deed.prepare()
    os.sync()
    copies: list[str] = []

    def cut(number: int) -> None:
        copies.append(f"{private_dir}/copy{number}")
        shutil.copyfile(disk.image, copies[-1])

    assert run(deed.act, before=cut).end == "done"
    cut(len(copies))
    disk.unmount()

    for copy in copies:
        after = Disk(copy, f"{private_dir}/after")
        after.mount()
        try:
            kind(f"{after.path}/deed").check(copy == copies[-1])
        finally:
            after.unmount()


def test_a_copy_of_the_disk_lacks_what_was_not_synced(private_dir: str, disk: Disk) -> None:
    """So the test above proves something."""
    with open(f"{disk.path}/unsynced", "w", encoding="ascii") as file:
        file.write("lost")
    after = Disk(f"{private_dir}/copy", f"{private_dir}/after")
    shutil.copyfile(disk.image, after.image)
    after.mount()
    try:
        assert not os.path.exists(f"{after.path}/unsynced")
    finally:
        after.unmount()
