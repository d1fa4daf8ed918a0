"""What one version of the keeper hands to another is read as it was meant, or refused."""

from __future__ import annotations

import json
import os
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.keeper.channel import Parcel
from runjd.keeper.children import Child, Exit
from runjd.keeper.handover import Handover, Places, Talk, read, read_file, write, write_file
from runjd.keeper.spool import Spool
from runjd.spec.versioned import Newer

_fds = st.integers(min_value=-1, max_value=1 << 20)
_words = st.text(max_size=20)
_json = st.dictionaries(_words, st.one_of(st.none(), st.booleans(), st.integers(), _words), max_size=3)
_exits = st.builds(
    Exit,
    st.one_of(st.none(), st.integers(0, 255)),
    st.one_of(st.none(), st.integers(1, 64)),
    st.floats(min_value=0, max_value=1e10),
    st.booleans(),
    st.booleans(),
)


@st.composite
def _children(draw: st.DrawFn) -> Child:
    number = st.integers(min_value=0, max_value=1 << 40)
    child = Child(draw(_words), draw(_words), draw(number), draw(number), draw(number), draw(st.booleans()))
    child.note = json.dumps(draw(_json), separators=(",", ":"))
    child.is_ours = draw(st.booleans())
    child.notices = tuple(draw(st.lists(_words, max_size=2)))
    child.out, child.err, child.input = draw(_fds), draw(_fds), draw(_fds)
    child.ready = draw(st.one_of(st.none(), st.tuples(st.sampled_from(["ready", "notify"]), _fds)))
    child.exit = draw(st.one_of(st.none(), _exits))
    ends = draw(st.dictionaries(st.sampled_from(["out", "err"]), st.tuples(_fds, st.integers(0, 1 << 40)), max_size=2))
    if ends:
        child.spools = {name: Spool(fd, end=end) for name, (fd, end) in ends.items()}
    return child


_tuples = st.lists(st.integers(0, 1 << 20), max_size=3).map(tuple)
_talks = st.builds(
    Talk,
    _fds,
    _words,
    st.booleans(),
    st.integers(0, 1 << 40),
    st.binary(max_size=30),
    _tuples,
    st.lists(st.builds(Parcel, _json, _tuples), max_size=2).map(tuple),
)
_own = {"limits": [256, 1024], "umask": 18, "oom_score": "0"}
_handovers = st.builds(
    Handover,
    _words,
    st.integers(1, 1 << 22),
    st.just(_own),
    st.builds(Places, *(st.integers(0, 1 << 20),) * 4),
    _talks,
    st.lists(_children(), max_size=3).map(tuple),
    st.dictionaries(st.integers(1, 1 << 22), st.integers(0, 1 << 20), max_size=3),
)


def _all(child: Child) -> list[object]:
    """Return all that there is to a process."""
    spools = {name: (spool.fd, spool.end) for name, spool in child.spools.items()}
    return [spools if name == "spools" else getattr(child, name) for name in sorted(Child.__slots__)]


@given(_handovers)
def test_what_is_written_is_read_again(handover: Handover) -> None:
    """Every process, descriptor and byte of it."""
    found = read(write(handover))

    assert found._replace(children=()) == handover._replace(children=())
    assert [_all(child) for child in found.children] == [_all(child) for child in handover.children]
    assert found.descriptors() == handover.descriptors()


def _example() -> Handover:
    talk = Talk(8, "r", True, 1)
    return Handover("1.0", 5, _own, Places(3, 4, 5, 6), talk, (Child("web", "", 7, 8),))


def test_a_file_of_any_size_is_read_whole() -> None:
    """A thousand processes take more than one read."""
    many = tuple(Child(f"jail{number}", "", number + 1, 1, note='{"x":"' + "y" * 2000 + '"}') for number in range(1000))
    with tempfile.TemporaryFile() as file:
        write_file(file.fileno(), _example()._replace(children=many))

        assert len(read_file(file.fileno()).children) == 1000
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 0


def test_a_newer_one_is_refused() -> None:
    """The version that is installed is an earlier one, and cannot know what it would lose."""
    document = json.loads(write(_example())) | {"version": 99}

    with pytest.raises(Newer, match="it is of version 99, written by a newer runjd; this one knows 1"):
        read(json.dumps(document).encode())


def test_an_earlier_one_is_migrated() -> None:
    """By the steps that lead from its version to ours."""
    document = json.loads(write(_example()))
    document["software_name"] = document.pop("software")

    def step(old: dict[str, object]) -> dict[str, object]:
        return {**old, "software": old["software_name"]}

    assert read(json.dumps(document).encode(), {1: step}, 2).software == "1.0"


def test_keys_that_are_unknown_are_skipped() -> None:
    """A version that adds something needs no new number."""
    document = json.loads(write(_example())) | {"colour": "green"}

    assert read(json.dumps(document).encode()).pid == 5


@given(st.one_of(st.binary(max_size=50), _json.map(lambda each: json.dumps({"version": 1, **each}).encode())))
def test_what_is_none_is_refused(data: bytes) -> None:
    """Whatever is in the file: an error that says so."""
    with pytest.raises(ValueError, match="."):
        read(data)
