"""One file of a log at offsets."""

import os

import pytest

from runjd.errors import Unsupported
from runjd.logs.compression import compress
from runjd.logs.names import name, rotated
from runjd.logs.reading.source import open_packed


def _packed(directory, kind):
    """Return a rotated file that was compressed, of 100,000 numbered lines; skips where nothing here can."""
    path = f"{directory}/web.log"
    with open(name(path, 1), "wb") as file:
        file.writelines(b"%07d\n" % number for number in range(100_000))
    try:
        compress(path, rotated(path)[0], kind, sync=lambda _: None)
    except Unsupported as error:
        pytest.skip(str(error))
    return rotated(path)[0]


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_compressed_file_is_read_though_it_is_removed(tmp_path, kind):
    """Going back begins anew, in the same file, which has no name any more; nothing of it stays open."""
    file = _packed(tmp_path, kind)
    before = len(os.listdir("/dev/fd"))
    source = open_packed(file)
    assert source.read_at(400_000, 16) == b"0050000\n0050001\n"
    os.unlink(file.path)

    for _ in range(3):
        assert source.read_at(8, 8) == b"0000001\n"
        assert source.read_at(799_992, 100) == b"0099999\n"
    assert source.size() == 800_000
    source.close()

    assert len(os.listdir("/dev/fd")) == before
    assert open_packed(file) is None
