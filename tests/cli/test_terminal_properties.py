"""Detach keys, however they are typed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.cli.terminal import DetachKeys


@given(
    st.text("ab", min_size=1, max_size=4),
    st.lists(st.tuples(st.text("abc", max_size=6), st.booleans()), max_size=12),
)
def test_bytes_pass_in_order_until_the_keys(keys: str, typed: list[tuple[str, bool]]) -> None:
    """What stands before the keys is passed, however they are typed; of the keys at most a beginning."""
    matcher = DetachKeys(keys.encode())
    passed, found = b"", False
    for text, released in typed:
        more, found = matcher.feed(text.encode())
        passed += more
        if found:
            break
        if released:
            passed += matcher.release()
    whole = "".join(text for text, _ in typed).encode()
    at = whole.find(keys.encode())
    assert found == (at >= 0)
    if found:
        assert whole[:at] == passed[:at]
        assert keys.encode().startswith(passed[at:])
    else:
        assert whole == passed + matcher.release()
