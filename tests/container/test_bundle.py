"""The bundle: a directory with config.json."""

import os
import socket
import stat

import pytest

from runjd.container.bundle import read_bundle
from runjd.errors import SpecError


def _config(directory: str, text: bytes = b"{}") -> str:
    with open(f"{directory}/config.json", "wb") as file:
        file.write(text)
    return directory


def test_the_document_is_read_whole(private_dir: str) -> None:
    """Every byte of it, also beyond one read."""
    document = b"x" * 200_000

    bundle = read_bundle(_config(private_dir, document))

    assert bundle == (private_dir, document)
    assert bundle.file == f"{private_dir}/config.json"


def test_a_relative_path_is_made_absolute(private_dir: str) -> None:
    """The state must hold an absolute path."""
    _config(private_dir)
    before = os.getcwd()
    os.chdir(private_dir)
    try:
        assert read_bundle(".").path == private_dir
        assert read_bundle(f"../{os.path.basename(private_dir)}/").path == private_dir
    finally:
        os.chdir(before)


def test_what_is_no_bundle_is_named(private_dir: str) -> None:
    """The path, what is wrong with it, and what is expected."""
    file = f"{private_dir}/file"
    with open(file, "w"):
        pass

    for path, message in {
        "": "the bundle needs a path: the directory that holds config.json",
        "a\0b": "the bundle needs a path: the directory that holds config.json",
        f"{private_dir}/no": f"{private_dir}/no: there is no such bundle (no such file or directory); "
        "give the directory that holds config.json",
        file: f"{file}: is not a directory; give the directory that holds config.json",
        private_dir: f'{private_dir}/config.json: there is no config.json in the bundle; "runj spec" writes one',
    }.items():
        with pytest.raises(SpecError) as caught:
            read_bundle(path)
        assert str(caught.value) == message


@pytest.mark.parametrize("kind", ["directory", "fifo", "socket", "device", "link to nowhere", "link to itself"])
def test_only_a_regular_file_is_read(private_dir: str, kind: str) -> None:
    """Nothing else is opened for long, and nothing blocks."""
    path = f"{private_dir}/config.json"
    match kind:
        case "directory":
            os.mkdir(path)
        case "fifo":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(path)
        case "device":
            os.symlink("/dev/zero", path)
        case "link to nowhere":
            os.symlink("/nowhere", path)
        case _:
            os.symlink("config.json", path)

    with pytest.raises(SpecError, match="is not a regular file|cannot be opened|there is no config"):
        read_bundle(private_dir)


def test_a_link_to_a_regular_file_is_followed(private_dir: str) -> None:
    """A bundle may be put together of links; whoever makes it may read what they point to."""
    os.mkdir(f"{private_dir}/a")
    _config(f"{private_dir}/a", b"here")
    os.mkdir(f"{private_dir}/b")
    os.symlink("../a/config.json", f"{private_dir}/b/config.json")

    assert read_bundle(f"{private_dir}/b").document == b"here"


def test_a_file_without_end_is_refused(private_dir: str) -> None:
    """A document has at most 16 MiB."""
    _config(private_dir)
    os.truncate(f"{private_dir}/config.json", 1 << 40)

    assert stat.S_ISREG(os.stat(f"{private_dir}/config.json").st_mode)
    with pytest.raises(SpecError, match="is larger than 16 MiB"):
        read_bundle(private_dir)
