"""System calls that are newer than a profile are absent."""

import errno

from hypothesis import given
from hypothesis import strategies as st

from runjd.kernel.seccomp import INSTRUCTION
from runjd.runtime.linux.newer_syscalls import X32, X32_BIT, X86_64, absent
from tests.runtime.linux.bpf import I386, verdict

ABSENT = 0x00050000 | errno.ENOSYS
FILTER = INSTRUCTION.pack(0x06, 0, 0, 0x7FFF0000)
OTHER = 0xC00000B7

numbers = st.integers(0, 600)


@given(st.dictionaries(st.sampled_from([X86_64, X32, I386, OTHER]), numbers), numbers, st.booleans())
def test_what_lies_beyond_the_highest_number_is_absent(last: dict[int, int], number: int, is_x32: bool) -> None:
    """Beyond the last of its architecture a call is answered by ENOSYS; all else goes on to the filter."""
    if X32 in last:
        last[X32] |= X32_BIT
    program = absent(last) + FILTER

    for architecture in (X86_64, I386, OTHER):
        bit = X32_BIT if is_x32 and architecture == X86_64 else 0
        known = last.get(X32 if bit else architecture)
        wanted = ABSENT if known is not None and number | bit > known else 0x7FFF0000
        assert verdict(program, number | bit, architecture=architecture) == wanted


def test_nothing_known_adds_nothing() -> None:
    """A profile that names no call of an architecture leaves it to the filter."""
    assert absent({}) == b""
