"""The layer of an image."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import socket
import tarfile

import pytest

from runjd.cli.oci.demo.layer import Layer, write_layer
from runjd.errors import BadArgument, InputOutput

_TIME = 1_600_000_000


def layer_of(source: str) -> tuple[Layer, bytes]:
    """Return the layer of a source, and the archive itself."""
    packed = io.BytesIO()
    layer = write_layer(source, packed, lambda count: None)
    assert (layer.digest, layer.size) == (hashlib.sha256(packed.getvalue()).hexdigest(), len(packed.getvalue()))
    archive = gzip.decompress(packed.getvalue())
    assert layer.diff_id == hashlib.sha256(archive).hexdigest()
    return layer, archive


def make_tree(path: str, names: list[str]) -> None:
    """Make files in the given order."""
    os.mkdir(path)
    for name in names:
        os.makedirs(os.path.dirname(f"{path}/{name}"), exist_ok=True)
        with open(f"{path}/{name}", "w") as file:
            file.write(name)
    for directory, folders, files in os.walk(path):
        for name in [*folders, *files, "."]:
            os.utime(f"{directory}/{name}", (_TIME, _TIME))


def test_the_same_files_make_the_same_bytes(private_dir: str) -> None:
    """Whatever the order in which they were made."""
    names = ["b", "a", "d/f", "d/e", "c"]
    make_tree(f"{private_dir}/one", names)
    make_tree(f"{private_dir}/two", names[::-1])

    assert layer_of(f"{private_dir}/one") == layer_of(f"{private_dir}/two")


def test_a_tree_is_archived_as_it_is(private_dir: str) -> None:
    """Modes, owners, times, links and devices, sorted; sockets, which no archive holds, are left out."""
    root = f"{private_dir}/root"
    make_tree(root, ["bin/sh"])
    os.chmod(f"{root}/bin/sh", 0o4755)
    os.link(f"{root}/bin/sh", f"{root}/bin/tcsh")
    os.symlink("/bin/sh", f"{root}/link")
    os.mkfifo(f"{root}/pipe")
    os.mkdir(f"{root}/ünïcode")
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(f"{root}/socket")

    _, archive = layer_of(root)

    with tarfile.open(fileobj=io.BytesIO(archive)) as found:
        entries = {each.name: each for each in found}
    assert list(entries) == [".", "./bin", "./bin/sh", "./bin/tcsh", "./link", "./pipe", "./ünïcode"]
    assert (entries["./bin/sh"].mode, entries["./bin/sh"].mtime) == (0o4755, _TIME)
    assert (entries["./bin/sh"].uid, entries["./bin/sh"].uname) == (os.getuid(), "")
    assert (entries["./bin/tcsh"].islnk(), entries["./bin/tcsh"].linkname) == (True, "./bin/sh")
    assert (entries["./link"].issym(), entries["./link"].linkname) == (True, "/bin/sh")
    assert entries["./pipe"].isfifo()


@pytest.mark.parametrize("compress", [bytes, lzma.compress, gzip.compress, bz2.compress])
def test_an_archive_is_taken_as_it_is(private_dir: str, compress: object) -> None:
    """However it was compressed, the archive inside stays the same to the byte."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo("./x")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
    path = f"{private_dir}/base"
    with open(path, "wb") as file:
        file.write(compress(made.getvalue()))  # type: ignore[operator]

    _, found = layer_of(path)

    assert found == made.getvalue()


def test_what_is_no_archive_is_refused(private_dir: str) -> None:
    """A file of another kind, one that was cut off at either layer, and garbage behind the right beginning."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("./x"))
    whole = lzma.compress(made.getvalue())
    path = f"{private_dir}/base"
    for content, message in {
        b"hello": "is neither a directory nor a tar archive",
        b"": "is neither a directory nor a tar archive",
        whole[:-10]: "is damaged or was cut off",
        whole[:40] + b"x" * 40: "is damaged or was cut off",
        lzma.compress(made.getvalue()[:512]): "is damaged or was cut off: the archive has no end",
        made.getvalue()[:700]: "is damaged or was cut off: the archive has no end",
        gzip.compress(made.getvalue())[:-3]: "is damaged or was cut off",
    }.items():
        with open(path, "wb") as file:
            file.write(content)

        with pytest.raises((BadArgument, InputOutput), match=message):
            write_layer(path, io.BytesIO(), lambda count: None)
