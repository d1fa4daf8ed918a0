"""
The record of one container, as ``state.json`` keeps it.

It is written by whatever version of runj came by, and read by the next one: the
``version`` says what it is, keys that are unknown are skipped, and a version that
is newer than ours is refused rather than half understood.
"""

from __future__ import annotations

from runjd.runtime.contract import Held, Undo
from runjd.spec.lightjson import dumps, loads
from runjd.spec.state import StateDocument, state_to_json
from runjd.spec.versioned import Newer, up_to_date
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runjd.spec.versioned import Steps

VERSION = 1
#: from earlier versions, of which there is none
STEPS: Steps = {}


class State(Value):
    """
    One container.

    :ivar status: creating, created, running, stopped (OCI runtime specification,
        "State"), and paused, which is never written down; as written down, it is what was true then.
    :ivar pid: the init process on the host; 0 before there is one.
    :ivar start_time: of the init process, as the kernel counts it.
    :ivar boot_id: of the host when it was made; another one voids ``pid``.
    :ivar bundle: absolute path.
    :ivar root: absolute path of the root on the host; empty where the runtime does not change it.
    :ivar created: wall time in seconds.
    :ivar due: phases of hooks that are still to come, of those that we run: poststart, poststop.
    :ivar notices: what the operator must be told when it starts, as "runs without isolation".
    """

    id: str
    status: str
    oci_version: str = ""
    pid: int = 0
    start_time: int = 0
    boot_id: str = ""
    runtime: str = ""
    bundle: str = ""
    root: str = ""
    created: float = 0.0
    terminal: bool = False
    undo: tuple[Undo, ...] = ()
    jid: int = 0
    annotations: tuple[tuple[str, str], ...] = ()
    notices: tuple[str, ...] = ()
    due: tuple[str, ...] = ()
    version: int = VERSION

    def held(self) -> Held:
        """Return what a runtime wants to know of it."""
        return Held(self.id, self.pid, self.start_time, self.boot_id, self.root, self.undo, self.jid)


class Damaged(Exception):
    """A record cannot be read; the message says why, without naming the file."""


def encode(state: State) -> bytes:
    """Return the record as JSON, for :func:`decode`."""
    record = state._asdict()
    record["undo"] = [list(each) for each in state.undo]
    record["annotations"] = dict(state.annotations)
    return dumps(record).encode()


def decode(document: bytes) -> State:
    """
    Return the record that :func:`encode` wrote.

    :raise Damaged: it is truncated, not one of ours, or newer than we are.
    """
    return _state(_current(document))


def decode_held(document: bytes) -> Held:
    """
    Return what a runtime wants to know of the record that :func:`encode` wrote, in half the time.

    :raise Damaged: as :func:`decode`.
    """
    record = _current(document)
    return Held(*[_value(record, key) for key in Held._fields])  # type: ignore[arg-type]


def salvage(document: bytes) -> State | None:
    """Return what can be made of a record that :func:`decode` refuses, None where that is nothing."""
    try:
        return _state(_object(document))
    except Damaged:
        return None


def to_document(state: State) -> dict[str, object]:
    """Return the state as the OCI runtime specification shows it to callers."""
    pid = state.pid if state.status in ("created", "running", "paused") else None
    annotations = state.annotations
    if state.jid:
        told = next((each.target.partition(" ")[0] for each in state.undo if each.action == "jail"), "")
        annotations = (*annotations, ("org.freebsd.jail.jid", str(state.jid)), ("org.freebsd.jail.name", told))
    return state_to_json(StateDocument(state.id, state.status, state.bundle, pid, annotations, state.oci_version))


def _current(document: bytes) -> Mapping[str, object]:
    """Return a record as this version writes it."""
    record = _object(document)
    try:
        return up_to_date(record, VERSION, STEPS)
    except Newer:
        version = record.get("version")
        raise Damaged(f"was written by a newer runj (record version {version}, this one knows {VERSION})") from None
    except ValueError:
        raise Damaged("is not a record of runj") from None


def _object(document: bytes) -> Mapping[str, object]:
    try:
        record = loads(document)
    except ValueError as error:
        raise Damaged("is empty" if not document.strip() else f"is not JSON ({error})") from None
    if not isinstance(record, dict):
        raise Damaged("is not a record of runj")
    return record


def _state(record: Mapping[str, object]) -> State:
    return State(*[_value(record, key) for key in State._fields])  # type: ignore[arg-type]


def _value(record: Mapping[str, object], key: str) -> object:
    default = _DEFAULTS.get(key)
    value = record.get(key, default)
    if key == "undo":
        value = _undo(value)
    elif key == "annotations":
        value = _annotations(value)
    elif key in ("notices", "due") and isinstance(value, list):
        value = tuple(str(each) for each in value)
    elif key == "created" and type(value) is int:
        value = float(value)
    if default is None and not isinstance(value, str):
        raise Damaged(f'is not a record of runj ("{key}" is missing)')
    if default is not None and type(value) is not type(default):
        raise Damaged(f'is not a record of runj ("{key}" is no {type(default).__name__})')
    return value


def _undo(value: object) -> tuple[Undo, ...]:
    if not isinstance(value, (list, tuple)):
        raise Damaged('is not a record of runj ("undo" is no list)')
    found = []
    for each in value:
        match each:
            case [str(action), str(target)]:
                found.append(Undo(action, target))
            case _:
                raise Damaged('is not a record of runj ("undo" holds something else)')
    return tuple(found)


def _annotations(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        return value if isinstance(value, tuple) else ()
    return tuple((key, each) for key, each in value.items() if isinstance(each, str))


#: of all but the two that must be there: id and status
_DEFAULTS: Mapping[str, object] = State._field_defaults
