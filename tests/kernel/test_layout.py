"""Where the parts of our memory are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.kernel.layout import own_layout, parse_layout


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
