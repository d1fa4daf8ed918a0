"""The keeper's log."""

import os
from collections.abc import Iterator

import pytest

from runjd.keeper.log import SIZE_MAX, Log


@pytest.fixture
def directory_fd(private_dir: str) -> Iterator[int]:
    """Return a descriptor of an empty directory."""
    fd = os.open(private_dir, os.O_RDONLY)
    yield fd
    os.close(fd)


def _text(private_dir: str, name: str = "log") -> str:
    with open(f"{private_dir}/{name}", encoding="ascii") as file:
        return file.read()


def test_a_line_has_a_time_and_no_control_characters(directory_fd: int, private_dir: str) -> None:
    """Whatever a jail's name or an error holds, it is one line."""
    log = Log(directory_fd, lambda: 1_700_000_000.25)

    log.write("it's \x1b[2J\nüber \udcff")
    log.close()

    assert _text(private_dir) == "2023-11-14T22:13:20.250Z it's \\x1b[2J\\n\\xfcber \\udcff\n"


def test_a_failure_says_where(directory_fd: int, private_dir: str) -> None:
    """An exception is one line with its innermost place."""
    log = Log(directory_fd, lambda: 0.0)

    try:
        os.stat("/nonsense")
    except OSError as error:
        log.failure(error)
    log.failure(ValueError("made by hand"))
    log.close()

    first, second = _text(private_dir).splitlines()
    assert first.startswith("1970-01-01T00:00:00.000Z FileNotFoundError: ")
    assert "test_log.py:" in first
    assert second.endswith(" ValueError: made by hand")


def test_it_cannot_grow_without_end(directory_fd: int, private_dir: str) -> None:
    """A full log becomes the old one."""
    log = Log(directory_fd, lambda: 0.0)

    for number in range(3):
        log.write(f"{number}" * SIZE_MAX)
    log.close()

    assert sorted(os.listdir(private_dir)) == ["log", "log.old"]
    assert _text(private_dir)[25] == "2"
    assert _text(private_dir, "log.old")[25] == "1"


def test_what_cannot_be_written_is_lost(directory_fd: int) -> None:
    """A log that cannot be written does not disturb the keeper."""
    log = Log(directory_fd, lambda: 0.0)
    log.close()

    log.write("nothing")
