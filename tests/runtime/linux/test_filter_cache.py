"""Programs of profiles that were made before: never a wrong one, never many, never somebody else's."""

from __future__ import annotations

import fcntl
import os
import tempfile

from hypothesis import given
from hypothesis import strategies as st

from runjd.runtime.linux.filter_cache import FilterCache

sources = st.binary(max_size=12)
programs = st.binary(min_size=1, max_size=12)


@given(st.lists(st.tuples(sources, programs), max_size=12))
def test_what_is_found_is_what_was_kept_last(kept: list[tuple[bytes, bytes]]) -> None:
    """A source has the program that was kept for it last, or none where another one took its place."""
    with tempfile.TemporaryDirectory() as directory:
        cache = FilterCache(f"{directory}/filters")
        last: dict[bytes, bytes] = {}
        for source, program in kept:
            cache.keep(source, program)
            last[source] = program
            assert cache.find(source) == program
        for source, program in last.items():
            assert cache.find(source) in (program, None)
        assert len(os.listdir(f"{directory}/filters") if kept else ()) <= 8


@given(sources, programs, st.data())
def test_a_damaged_file_is_no_program(source: bytes, program: bytes, data: st.DataObject) -> None:
    """Whatever byte is changed, cut off or added, nothing or the right program is found."""
    with tempfile.TemporaryDirectory() as directory:
        cache = FilterCache(directory)
        cache.keep(source, program)
        (name,) = os.listdir(directory)
        with open(f"{directory}/{name}", "rb") as file:
            content = bytearray(file.read())
        where = data.draw(st.integers(0, len(content) - 1))
        content[where : where + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        with open(f"{directory}/{name}", "wb") as file:
            file.write(content)

        assert cache.find(source) in (program, None)


def test_a_directory_that_others_can_write_is_not_believed(private_dir: str) -> None:
    """Neither what lies in it is read, nor anything put there."""
    cache = FilterCache(f"{private_dir}/filters")
    cache.keep(b"source", b"program")
    os.chmod(f"{private_dir}/filters", 0o777)

    assert cache.find(b"source") is None
    os.unlink(f"{private_dir}/filters/{os.listdir(f'{private_dir}/filters')[0]}")
    cache.keep(b"source", b"program")
    assert os.listdir(f"{private_dir}/filters") == []


def test_links_are_not_followed(private_dir: str) -> None:
    """A link in place of the directory, or of a file, is no cache."""
    real = FilterCache(f"{private_dir}/real")
    real.keep(b"source", b"program")
    os.symlink("real", f"{private_dir}/filters")
    os.mkdir(f"{private_dir}/other", 0o700)
    (name,) = os.listdir(f"{private_dir}/real")
    os.symlink(f"../real/{name}", f"{private_dir}/other/{name}")

    for directory in ("filters", "other"):
        assert FilterCache(f"{private_dir}/{directory}").find(b"source") is None


def test_what_a_killed_writer_left_is_used(private_dir: str) -> None:
    """A file that was not finished is finished by the next one; while somebody writes, nobody else does."""
    cache = FilterCache(private_dir)
    cache.keep(b"source", b"program")
    (name,) = os.listdir(private_dir)
    os.rename(f"{private_dir}/{name}", f"{private_dir}/{name}.new")

    with open(f"{private_dir}/{name}.new", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        cache.keep(b"source", b"another")
        assert cache.find(b"source") is None
    cache.keep(b"source", b"another one")
    assert cache.find(b"source") == b"another one"
    assert os.listdir(private_dir) == [name]


def test_many_at_once(private_dir: str) -> None:
    """Processes that keep and find at the same time find the right one or none."""
    children = []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                cache = FilterCache(f"{private_dir}/filters")
                for turn in range(100):
                    source = b"%d" % (turn % 10)
                    cache.keep(source, source * 1000)
                    assert cache.find(source) in (None, source * 1000), number
                status = 0
            finally:
                os._exit(status)
        children.append(pid)

    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0] * 4


def test_no_place_is_no_error() -> None:
    """Where nothing can be kept, nothing is found."""
    cache = FilterCache("/nonexistent/filters")
    cache.keep(b"source", b"program")

    assert cache.find(b"source") is None


def test_what_is_too_large_is_not_kept(private_dir: str) -> None:
    """A profile of a megabyte takes no place away, and no room."""
    cache = FilterCache(f"{private_dir}/filters")

    cache.keep(b"s" * (1 << 20), b"program")

    assert cache.find(b"s" * (1 << 20)) is None
    assert not os.path.exists(f"{private_dir}/filters")
