"""The record of a container, whatever it holds."""

import json

from hypothesis import given
from hypothesis import strategies as st

from runjd.container.state import Damaged, State, decode, encode, salvage
from runjd.runtime.contract import Undo

TEXT = st.text()
STATES = st.builds(
    State,
    id=TEXT,
    status=st.sampled_from(["creating", "created", "running", "stopped"]),
    oci_version=TEXT,
    pid=st.integers(0, 2**22),
    start_time=st.integers(0, 2**63),
    boot_id=TEXT,
    runtime=TEXT,
    bundle=TEXT,
    root=TEXT,
    created=st.floats(0, 2**40),
    terminal=st.booleans(),
    undo=st.lists(st.builds(Undo, TEXT, TEXT)).map(tuple),
    jid=st.integers(0, 2**31),
    annotations=st.dictionaries(TEXT, TEXT).map(lambda found: tuple(found.items())),
    notices=st.lists(TEXT).map(tuple),
    due=st.lists(TEXT).map(tuple),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT | st.sampled_from(State._fields), inner),
)


@given(STATES)
def test_a_record_comes_back_as_it_was(state: State) -> None:
    """What is written is read."""
    assert decode(encode(state)) == state


@given(STATES, st.data())
def test_a_part_of_a_record_is_never_taken_for_one(state: State, data: st.DataObject) -> None:
    """Wherever it is cut, it is damaged."""
    document = encode(state)
    cut = data.draw(st.integers(0, len(document) - 1))

    try:
        decode(document[:cut])
    except Damaged:
        return
    raise AssertionError("half a record was read")


@given(STATES, st.dictionaries(TEXT.filter(lambda key: key not in State._fields), JSON))
def test_keys_of_later_versions_are_skipped(state: State, more: dict[str, object]) -> None:
    """Adding keys keeps the version."""
    document = json.dumps(more | json.loads(encode(state))).encode()

    assert decode(document) == state


@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary())
def test_anything_else_is_damaged(document: bytes) -> None:
    """No bytes raise anything but Damaged, and what can be salvaged is a state."""
    try:
        decode(document)
    except Damaged:
        pass
    found = salvage(document)
    assert found is None or isinstance(found, State)
