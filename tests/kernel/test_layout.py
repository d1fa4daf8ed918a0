"""Where the parts of our memory are."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.kernel.layout import Mapping, is_written, mappings_of, own_layout, parse_layout

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


@pytest.mark.linux
def test_the_layout_is_our_own() -> None:
    """The parts come in the order that the kernel gives them, and the arguments are as long as ours."""
    layout = own_layout()
    with open("/proc/self/cmdline", "rb") as file:
        words = file.read()

    assert layout.arg_end - layout.arg_start == len(words)
    assert 0 < layout.start_code < layout.end_code <= layout.start_data < layout.end_data <= layout.start_brk
    assert layout.start_stack < layout.arg_start < layout.arg_end <= layout.env_start <= layout.env_end


@given(st.binary(max_size=16), st.lists(st.integers(0, 2**64 - 1), min_size=49, max_size=60))
def test_a_name_does_not_lead_astray(name: bytes, numbers: list[int]) -> None:
    """Whatever stands in the name of the process, the fields are counted from behind it."""
    text = b"1 (" + name + b") R " + b" ".join(b"%d" % each for each in numbers) + b"\n"
    layout = parse_layout(text)

    # numbers[0] is field 4 of proc_pid_stat(5)
    assert layout[:3] == tuple(numbers[22:25])
    assert layout[3:] == tuple(numbers[41:48])


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
