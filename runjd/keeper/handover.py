"""
What a keeper hands to the version that replaces it: a document, and the descriptors that it names.

The process stays the same, so the children stay its children and a descriptor keeps
its number.  The document is read by a version that may be newer or, where somebody
goes back, older: see :mod:`runjd.spec.versioned`.
"""

from __future__ import annotations

import os

from runjd.keeper.channel import Parcel
from runjd.keeper.children import Child, Exit
from runjd.keeper.spool import Spool
from runjd.spec.lightjson import dumps, loads
from runjd.spec.versioned import up_to_date
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from runjd.spec.versioned import Steps

#: of the document
VERSION = 1
#: from earlier versions, of which there is none yet
STEPS: Steps = {}

_SIZE_MAX = 1 << 30


class Places(Value):
    """Descriptors of the keeper's directory: itself, its lock, its exit records, its listening socket."""

    directory: int
    lock: int
    exits: int
    listener: int


class Talk(Value):
    """
    The connection of the daemon that asked, in the middle of it.

    :ivar req: the number of its request, which is not answered yet.
    :ivar rest: what was received of a message that is not whole, and ``arrived`` the descriptors that came with it.
    :ivar held: messages that came behind the request.
    """

    fd: int
    run: str
    takes_spools: bool
    req: int
    rest: bytes = b""
    arrived: tuple[int, ...] = ()
    held: tuple[Parcel, ...] = ()


class Handover(Value):
    """
    All of it.

    :ivar software: the version of runjd that hands over.
    :ivar own: what the process was like before it became a keeper; see :class:`runjd.keeper.process.OwnProcess`.
    :ivar watched: by pid, what the watch over orphans holds of each.
    """

    software: str
    pid: int
    own: Mapping[str, Any]
    places: Places
    talk: Talk
    children: tuple[Child, ...]
    watched: Mapping[int, int] = {}

    def descriptors(self) -> list[int]:
        """Return all that go along."""
        found = [*self.places, self.talk.fd, *self.talk.arrived, *self.watched.values()]
        for parcel in self.talk.held:
            found += parcel.descriptors
        for child in self.children:
            found += [fd for fd in (child.out, child.err, child.input) if fd >= 0]
            found += [child.ready[1]] if child.ready is not None else []
            found += [spool.fd for spool in child.spools.values()]
        return found


def write(handover: Handover) -> bytes:
    """Return the document."""
    document = handover._asdict()
    talk = handover.talk._asdict() | {
        "rest": handover.talk.rest.hex(),
        "held": [each._asdict() for each in handover.talk.held],
    }
    document |= {
        "version": VERSION,
        "places": handover.places._asdict(),
        "talk": talk,
        "children": [_child_to_json(each) for each in handover.children],
        "watched": {str(pid): fd for pid, fd in handover.watched.items()},
    }
    return dumps(document).encode("ascii")


def read(data: bytes, steps: Steps = STEPS, version: int = VERSION) -> Handover:
    """
    Return what :func:`write` wrote, in whatever version; keys that are unknown are skipped.

    :raise Newer: a newer version wrote it.
    :raise ValueError: it is none.
    """
    try:
        document = up_to_date(loads(data), version, steps)
        talk = document["talk"]
        return Handover(
            str(document["software"]),
            int(document["pid"]),
            dict(document["own"]),
            Places(*(int(document["places"][name]) for name in Places._fields)),
            Talk(
                int(talk["fd"]),
                str(talk["run"]),
                talk["takes_spools"] is True,
                int(talk["req"]),
                bytes.fromhex(talk["rest"]),
                _numbers(talk["arrived"]),
                tuple(Parcel(dict(each["message"]), _numbers(each["descriptors"])) for each in talk["held"]),
            ),
            tuple(_child_from_json(each) for each in document["children"]),
            {int(pid): int(fd) for pid, fd in document.get("watched", {}).items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no handover: {error!r}") from None


def read_file(fd: int) -> Handover:
    """
    Return the handover in an open file.

    :raise OSError: it cannot be read.
    :raise Newer: a newer version wrote it.
    :raise ValueError: it is none.
    """
    data = b""
    while (part := os.pread(fd, 1 << 20, len(data))) and len(data) < _SIZE_MAX:
        data += part
    return read(data)


def write_file(fd: int, handover: Handover) -> None:
    """Write a handover into an empty file. :raise OSError: it cannot be written."""
    data, at = write(handover), 0
    while at < len(data):
        at += os.pwrite(fd, data[at:], at)


def _child_to_json(child: Child) -> dict[str, object]:
    return {
        "jail": child.jail,
        "exec": child.exec,
        "pid": child.pid,
        "start": child.start,
        "jid": child.jid,
        "terminal": child.terminal,
        "note": child.note,
        "is_ours": child.is_ours,
        "notices": child.notices,
        "out": child.out,
        "err": child.err,
        "input": child.input,
        "ready": child.ready,
        "exit": None if child.exit is None else child.exit._asdict(),
        "spools": {name: [spool.fd, spool.end] for name, spool in child.spools.items()},
    }


def _child_from_json(document: Mapping[str, Any]) -> Child:
    child = Child(
        str(document["jail"]),
        str(document["exec"]),
        int(document["pid"]),
        int(document["start"]),
        int(document["jid"]),
        document["terminal"] is True,
        dumps(loads(document["note"])),
    )
    child.is_ours = document["is_ours"] is True
    child.notices = tuple(str(each) for each in document["notices"])
    child.out, child.err, child.input = (int(document[name]) for name in ("out", "err", "input"))
    ready, exit = document["ready"], document["exit"]
    child.ready = None if ready is None else (str(ready[0]), int(ready[1]))
    if exit is not None:
        child.exit = Exit(
            _number_or_none(exit["status"]),
            _number_or_none(exit["signal"]),
            float(exit["at"]),
            exit["core"] is True,
            exit["recorded"] is True,
        )
    spools = {str(name): Spool(int(fd), end=int(end)) for name, (fd, end) in document["spools"].items()}
    if spools:
        child.spools = spools
    return child


def _numbers(found: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int(each) for each in found)


def _number_or_none(found: Any) -> int | None:
    return None if found is None else int(found)


def set_inheritable(descriptors: Iterable[int], is_inheritable: bool) -> None:
    """Have descriptors go along with an execve(2), or not."""
    for each in descriptors:
        os.set_inheritable(each, is_inheritable)
