"""Rules of devfs, as struct devfs_rule."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.kernel.freebsd.devfs import Rule, pack, unpack

LAYOUT = "<IIii200siiIIHH"
NUMBERS = st.none() | st.integers(0, 2**16 - 1)
IDS = st.none() | st.integers(0, 2**32 - 1)
PATTERNS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


def test_a_rule_is_236_bytes_of_what_was_seen() -> None:
    """Pattern and actions of `path null unhide mode 0600`, rule 500 of ruleset 77."""
    packed = pack(Rule("null", hide=False, mode=0o600, number=500), 77)

    assert len(packed) == 236
    assert struct.unpack(LAYOUT, packed) == (
        0xDB0A087A, 77 << 16 | 500, 2, 0, b"null".ljust(200, b"\0"), 1 | 8, 2, 0, 0, 0o600, 0,
    )  # fmt: skip


def test_a_rule_without_a_pattern_is_for_all_devices() -> None:
    """The kernel is given no condition; hiding everything is bacts 1."""
    fields = struct.unpack(LAYOUT, pack(Rule(hide=True)))

    assert (fields[2], fields[5], fields[6]) == (0, 1, 1)


def test_the_rules_of_ruleset_4_are_read() -> None:
    """A record as RGETNEXT gave it: rule 100 of ruleset 4 includes ruleset 1."""
    record = struct.pack(LAYOUT, 0xDB0A087A, 0x40064, 0, 0, b"", 16, 0, 0, 0, 0, 1)

    assert unpack(record) == (Rule(include=1, number=100), 4)


@pytest.mark.parametrize("pattern", ["x" * 200, "a\0b"])
def test_a_pattern_that_does_not_fit_is_refused(pattern: str) -> None:
    """There is room for 199 bytes, and the kernel would end it at a NUL."""
    with pytest.raises(ValueError, match="no pattern"):
        pack(Rule(pattern))


@given(
    st.builds(Rule, PATTERNS, st.none() | st.booleans(), NUMBERS, IDS, IDS, NUMBERS, st.integers(0, 65535)),
    st.integers(0, 65535),
)
def test_a_rule_comes_back(rule: Rule, ruleset: int) -> None:
    """Whatever a rule says, it reads the same after it was packed."""
    assert unpack(pack(rule, ruleset)) == (rule, ruleset)
