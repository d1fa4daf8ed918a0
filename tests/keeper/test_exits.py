"""Exit records on disk."""

import json
import os
from collections.abc import Iterator

import pytest

from runjd.keeper.children import Child, Exit
from runjd.keeper.exits import ExitStore


@pytest.fixture
def directory_fd(private_dir: str) -> Iterator[int]:
    """Return a descriptor of an empty directory."""
    fd = os.open(private_dir, os.O_RDONLY)
    yield fd
    os.close(fd)


@pytest.fixture
def log() -> list[str]:
    """Return the lines of a log."""
    return []


@pytest.fixture
def store(directory_fd: int, log: list[str]) -> ExitStore:
    """Return a store in the directory."""
    return ExitStore(directory_fd, log.append)


def _ended(pid: int = 10, exec: str = "") -> Child:
    child = Child("we/b", exec, pid, 77, 3, True, '{"a":[1]}')
    child.exit = Exit(None, 11, 1234.5, True)
    return child


def test_a_record_comes_back_as_it_was(store: ExitStore) -> None:
    """What was saved is loaded with all it says, and as recorded; names never become a path."""
    for pid, exec_id in ((10, ""), (11, "../e1")):
        store.save(_ended(pid, exec_id))

    first, second = store.load()

    assert (first.jail, first.exec, second.exec) == ("we/b", "", "../e1")
    assert (first.pid, first.start, first.jid, first.terminal) == (10, 77, 3, True)
    assert json.loads(first.note) == {"a": [1]}
    assert first.exit == Exit(None, 11, 1234.5, True, True)
    assert first.streams() == {}


def test_a_removed_record_does_not_come_back(store: ExitStore, private_dir: str) -> None:
    """Removing leaves nothing; removing again is no error."""
    store.save(_ended())

    for _ in range(2):
        store.remove(_ended())

    assert os.listdir(private_dir) == []


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b"\xff", b'{"jail":"x"}', b'{"pid":"x"}'])
def test_a_damaged_record_is_removed_and_told(store: ExitStore, private_dir: str, log: list[str], text: bytes) -> None:
    """A record that cannot be read does not keep the others from being loaded."""
    store.save(_ended())
    with open(f"{private_dir}/9-9.exit", "wb") as file:
        file.write(text)

    assert [child.pid for child in store.load()] == [10]
    assert len(log) == 1
    assert "9-9.exit" in log[0]
    assert os.listdir(private_dir) == ["10-77.exit"]


def test_what_is_no_record_is_removed(store: ExitStore, private_dir: str, log: list[str]) -> None:
    """Unfinished records of a keeper that was killed are removed, and links are not followed."""
    with open(f"{private_dir}/9-9.exit.new", "wb") as file:
        file.write(b"{")
    os.symlink("/etc/passwd", f"{private_dir}/8-8.exit")

    assert store.load() == []
    assert os.listdir(private_dir) == []
    assert len(log) == 1


def test_a_record_that_cannot_be_written_is_an_error(store: ExitStore, private_dir: str) -> None:
    """A failed save is told and leaves the directory as it was."""
    os.mkdir(f"{private_dir}/10-77.exit")

    with pytest.raises(OSError, match="Is a directory"):
        store.save(_ended())

    assert os.listdir(private_dir) == ["10-77.exit"]


def test_a_record_of_a_newer_version_is_left_to_it(store: ExitStore, log: list[str], private_dir: str) -> None:
    """It is told, and neither read nor removed: whoever goes back to that version gets it."""
    store.save(_ended())
    (name,) = os.listdir(private_dir)
    with open(f"{private_dir}/{name}", "r+", encoding="ascii") as file:
        record = json.load(file)
        file.seek(0)
        json.dump(record | {"version": 9}, file)

    assert store.load() == []
    assert os.listdir(private_dir) == [name]
    (said,) = log
    assert said.startswith(f"exit record {name} is left to the keeper that can read it: it is of version 9, written by")
