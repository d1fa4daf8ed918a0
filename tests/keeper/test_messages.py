"""What the keeper tells that is made without an encoder."""

import json

from hypothesis import given
from hypothesis import strategies as st

from runjd.keeper.messages import tell_exit

_NUMBERS = st.none() | st.integers(0, 255)


@given(
    st.text(st.characters(codec=None)),
    st.text(),
    st.integers(0),
    _NUMBERS,
    _NUMBERS,
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.booleans(),
)
def test_an_end_is_json(
    jail: str, exec: str, pid: int, status: int | None, signal: int | None, at: float, core: bool, recorded: bool
) -> None:
    """Whatever the names are, it says what an encoder would make of it."""
    told = tell_exit(jail, exec, pid, status, signal, at, core, recorded)

    assert told.isascii()
    assert json.loads(told) == {
        "m": "exit",
        "jail": jail,
        "exec": exec,
        "pid": pid,
        "status": status,
        "signal": signal,
        "at": at,
        "core": core,
        "recorded": recorded,
    }
