"""Compressing rotated files."""

import errno
import gzip
import os
import shutil
import stat
import subprocess
import time

import pytest

from runjd.logs import compression, names
from runjd.logs.compressor import Compressor
from runjd.logs.names import Rotated
from tests.unpacked import open_rotated

kinds = pytest.mark.parametrize("kind", ["gzip", "zstd"])


@pytest.fixture
def rotated(tmp_path):
    """Return a log with a rotated file of 4 MB."""
    path = str(tmp_path / "web.log")
    file = Rotated(7, names.name(path, 7), "none")
    with open(file.path, "wb") as log:
        log.write(b"".join(b"line %d\n" % n for n in range(400_000)))
    os.chmod(file.path, 0o640)
    os.utime(file.path, (1000, 2000))
    return path, file


@kinds
def test_a_compressed_file_has_the_same_lines(rotated, kind):
    """It takes the place of the old one, with its mode and its time."""
    path, file = rotated
    with open(file.path, "rb") as log:
        before = log.read()

    compression.compress(path, file, kind)

    [found] = names.rotated(path)
    assert (found.number, found.compression, os.path.exists(file.path)) == (7, kind, False)
    state = os.stat(found.path)
    assert (state.st_mode & 0o777, state.st_mtime) == (0o640, 2000)
    assert state.st_size < len(before) / 4
    with open_rotated(found) as unpacked:
        assert unpacked.read(6) == before[:6]
        assert unpacked.read() == before[6:]
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(found.path)]


@kinds
def test_others_unpack_it_too(rotated, kind):
    """gzip(1) and zstd(1) find the same bytes, and nothing wrong."""
    if not shutil.which(kind):
        pytest.skip(f"{kind}(1) is not installed (as root, make test installs it)")
    path, file = rotated
    with open(file.path, "rb") as log:
        before = log.read()
    compression.compress(path, file, kind)
    [found] = names.rotated(path)

    assert subprocess.run([kind, "-dc", found.path], capture_output=True, check=True).stdout == before


@kinds
def test_a_power_failure_at_any_time_leaves_all_lines(rotated, kind):
    """The new file is on the disk before it has its name, and its name is before the old one is removed."""
    path, file = rotated
    target = names.name(path, 7, kind)
    synced: list = []

    def sync(fd):
        state = os.fstat(fd)
        is_directory = stat.S_ISDIR(state.st_mode)
        of = os.path.dirname(path) if is_directory else f"{target}.part"
        assert os.path.samestat(state, os.stat(of))
        synced.append(("directory" if is_directory else state.st_size, os.path.exists(target)))
        assert os.path.getsize(file.path) > 4_000_000

    compression.compress(path, file, kind, sync)

    assert synced == [(os.path.getsize(target), False), ("directory", True)]
    assert not os.path.exists(file.path)


@pytest.mark.parametrize("refused", ["file", "directory"])
def test_what_the_disk_does_not_keep_does_not_replace_the_old_file(rotated, refused):
    """Where it cannot be synced, the old file stays as it is."""
    path, file = rotated

    def sync(fd):
        if stat.S_ISDIR(os.fstat(fd).st_mode) == (refused == "directory"):
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        compression.compress(path, file, "gzip", sync)

    assert os.path.getsize(file.path) > 4_000_000
    assert not os.path.exists(names.name(path, 7, "gzip") + ".part")


def test_a_file_system_that_syncs_no_directories_is_no_trouble(rotated):
    """The old file is removed there, too."""
    path, file = rotated

    def sync(fd):
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")

    compression.compress(path, file, "gzip", sync)

    assert [each.compression for each in names.rotated(path)] == ["gzip"]


def test_a_file_of_gzip_is_one_for_others(rotated):
    """Any gunzip reads it."""
    path, file = rotated

    compression.compress(path, file, "gzip")

    with gzip.open(names.name(path, 7, "gzip")) as unpacked:
        assert unpacked.readline() == b"line 0\n"


def test_what_a_daemon_that_died_left_is_written_anew(rotated):
    """Half of a compressed file is nobody's, and is not in the way."""
    path, file = rotated
    with open(names.name(path, 7, "gzip") + ".part", "wb") as part:
        part.write(b"half")

    compression.compress(path, file, "gzip")

    with open_rotated(names.rotated(path)[0]) as unpacked:
        assert len(unpacked.read()) > 4_000_000


def test_a_file_that_is_not_compressed_is_read_as_it_is(rotated):
    """The reader does not have to know."""
    _, file = rotated

    with open_rotated(file) as contents:
        assert contents.readline() == b"line 0\n"


def test_a_file_that_cannot_be_compressed_is_told_and_stays(rotated):
    """Nothing is lost by it, and the next file is compressed."""
    path, file = rotated
    other = Rotated(8, names.name(path, 8), "none")
    os.mkdir(names.name(path, 7, "gzip"))
    with open(other.path, "wb") as log:
        log.write(b"x\n")
    troubles: list = []
    compressor = Compressor(lambda path, error: troubles.append((path, error)))

    compressor.give(path, Rotated(6, names.name(path, 6), "none"), "gzip")  # not kept any more
    compressor.give(path, file, "gzip")
    compressor.give(path, other, "gzip")

    deadline = time.monotonic() + 10
    while not os.path.exists(names.name(path, 8, "gzip")):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    compressor.stop()
    assert [(each, type(error)) for each, error in troubles] == [(file.path, IsADirectoryError)]
    assert os.path.getsize(file.path) > 4_000_000
