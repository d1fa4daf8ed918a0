"""The file that a process runs from, exchanged; what it is for is tested in tests/runtime/test_sealed.py."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.kernel.executable import Mapping, is_written, mappings_of

_PATHS = st.sampled_from([b"/usr/bin/python3.11", b"/bin/python3.11", b"/usr/bin/python3.11 (deleted)", b"[heap]", b""])
_LINES = st.lists(
    st.tuples(
        st.builds(
            Mapping,
            st.integers(0, 2**47).map(lambda each: each << 12),
            st.integers(1, 2**20).map(lambda each: each << 12),
            st.integers(0, 7),
            st.integers(0, 2**20).map(lambda each: each << 12),
        ),
        _PATHS,
    )
)


def _line(mapping: Mapping, path: bytes) -> bytes:
    letters = "".join(letter if mapping.rights & bit else "-" for letter, bit in zip("rwx", (1, 2, 4), strict=True))
    place = f"{mapping.start:08x}-{mapping.start + mapping.size:08x}"
    return f"{place} {letters}p {mapping.offset:08x} fe:00 260811                             ".encode() + path


@given(_LINES, _PATHS.filter(bool))
def test_the_mappings_of_a_file_are_found(lines: list[tuple[Mapping, bytes]], path: bytes) -> None:
    """All of it and nothing else, in order, whatever else is mapped under a longer or a shorter name."""
    text = b"\n".join(_line(*each) for each in lines)

    assert mappings_of(path, text) == [mapping for mapping, name in lines if name == path]


@pytest.mark.linux
def test_what_was_written_to_is_told_from_what_was_not() -> None:
    """The code of the interpreter was not; the data of it was, by the interpreter itself."""
    path = os.path.realpath(sys.executable).encode()
    with open("/proc/self/maps", "rb") as file:
        found = mappings_of(path, file.read())

    assert {is_written(each) for each in found if each.rights & 4} == {False}
    assert {is_written(each) for each in found if each.rights & 2} == {True}
