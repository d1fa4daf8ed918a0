"""The file of one stream."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.keeper.spool import Spool
from runjd.kernel import mount

_BOUND = 100_000


def make() -> tuple[Spool, int]:
    """Return a spool, and the descriptor that a daemon would get."""
    with tempfile.TemporaryFile(buffering=0) as file:
        spool = Spool(os.dup(file.fileno()))
    return spool, os.dup(spool.fd)


@pytest.fixture
def made() -> Iterator[tuple[Spool, int]]:
    """Return one, and close it."""
    spool, theirs = make()
    yield spool, theirs
    spool.close()
    os.close(theirs)


@given(st.lists(st.tuples(st.binary(max_size=9000), st.booleans(), st.integers(0, 20000)), max_size=20))
def test_daemons_read_every_byte_once_and_in_order(absences: list[tuple[bytes, bool, int]]) -> None:
    """However often one comes, reads a part and dies, or comes too late to read anything."""
    spool, theirs = make()
    written, read = b"", b""
    for data, comes, size in absences:
        taken = data[: spool.make_room(_BOUND)]
        spool.put(taken)
        written += taken
        if comes:
            spool.finish()
            read += os.read(theirs, size)
        assert spool.is_read == (read == written)
    spool.finish()
    read += os.read(theirs, _BOUND + 1)

    assert read == written
    assert spool.is_read
    spool.close()
    os.close(theirs)


def test_it_holds_so_many_bytes(made: tuple[Spool, int]) -> None:
    """And there is no room once it has them, until another one begins."""
    spool, theirs = made
    count = 0
    while room := spool.make_room(_BOUND):
        spool.put(b"x" * room)
        count += room

    assert count == _BOUND
    spool.finish()
    assert len(os.read(theirs, _BOUND + 1)) == _BOUND
    assert spool.make_room(_BOUND) == 0


def test_the_file_has_no_more_than_was_put(made: tuple[Spool, int]) -> None:
    """Room that was taken and not needed is given back before a daemon reads."""
    spool, theirs = made
    spool.make_room(_BOUND)
    spool.put(b"bye\n")
    spool.finish()

    assert os.fstat(theirs).st_size == 4
    assert os.read(theirs, 100) == b"bye\n"


def test_no_room_is_told_before_anything_is_read() -> None:
    """A full disk is met while the bytes are still in the pipe."""

    def reserve(fd: int, at: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    with tempfile.TemporaryFile(buffering=0) as file:
        spool = Spool(file.fileno(), reserve)
        with pytest.raises(OSError, match="full"):
            spool.make_room(_BOUND)
        assert spool.is_read


@pytest.mark.root
def test_others_find_room_on_the_disk(private_dir: str) -> None:
    """A quarter of a small disk is left, as the records of exits lie there, too."""
    mount.mount("tmpfs", private_dir, "tmpfs", 0, "size=1m")
    try:
        with tempfile.TemporaryFile(buffering=0, dir=private_dir) as file:
            with pytest.raises(OSError, match="No space left"):
                _fill(Spool(file.fileno()))
            disk = os.statvfs(private_dir)
            assert disk.f_blocks // 4 <= disk.f_bavail <= disk.f_blocks // 2
    finally:
        mount.unmount(private_dir)


def _fill(spool: Spool) -> None:
    while room := spool.make_room(1 << 30):
        spool.put(bytes(room))
