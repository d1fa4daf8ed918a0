"""What the keeper tells, as values; read from parcels of its wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runjd.keeper.channel import Parcel
from runjd.policy.facts import ExitRecord
from runjd.values import Value


class Greeting(Value):
    """What the keeper says of itself: version of its messages, pid, boot of the host it was started in."""

    version: int
    pid: int
    boot: str

    @property
    def can_be_replaced(self) -> bool:
        """Whether it knows how to be upgraded."""
        return self.version >= 2

    @property
    def knows_scopes(self) -> bool:
        """Whether it can have systemd make control groups."""
        return self.version >= 3


class Launched(Value):
    """
    A process whose program was executed.

    :ivar start: start time of the pid, in the kernel's unit.
    :ivar descriptors: by stream: ``out`` and ``err`` for reading, or ``tty`` for
        both ways; ``ready`` or ``notify`` where it tells by that when it is ready; non-blocking but the ``tty``,
        and the receiver's.  ``spool-out`` and so on: a file with what was read of it while no daemon was there.
    :ivar notices: what the operator must be told.
    :ivar logger: pid and start time of the program that logs what it writes, where there is one.
    :ivar groups: the control groups that were made for the jail; None: that was not told.
    """

    pid: int
    start: int
    jid: int
    terminal: bool
    descriptors: Mapping[str, int]
    notices: tuple[str, ...] = ()
    logger: tuple[int, ...] = ()
    groups: tuple[str, ...] | None = None


class Found(Value):
    """
    A process that the keeper has and this daemon did not know.

    :ivar exec_id: empty for the init process of the jail.
    :ivar stdin_open: whether its standard input was not closed yet.
    :ivar note: what the daemon that started it gave along.
    :ivar descriptors: as in :class:`Launched`; none where it ended under an
        earlier keeper.
    :ivar notices: what the operator must be told, where it is an orphan of an earlier keeper.
    """

    jail: str
    exec_id: str
    pid: int
    start: int
    jid: int
    terminal: bool
    stdin_open: bool
    note: Mapping[str, object]
    descriptors: Mapping[str, int]
    notices: tuple[str, ...] = ()


class Exited(Value):
    """How a process ended; ``recorded`` is False where the keeper could not write it down yet."""

    jail: str
    exec_id: str
    record: ExitRecord
    recorded: bool


class ReplyError(Exception):
    """The keeper sent what is none of its messages; the descriptors are closed."""


def read_request(parcel: Parcel) -> int:
    """Return which request is answered, 0 for none."""
    return _int(parcel.message, "req")


def read_greeting(parcel: Parcel) -> Greeting:
    """Return who the keeper is."""
    message = parcel.message
    return Greeting(_int(message, "version"), _int(message, "pid"), str(message.get("boot", "")))


def read_upgraded(parcel: Parcel) -> tuple[str, str]:
    """Return the versions of runjd of a keeper that was replaced, before and after."""
    parcel.drop()
    return str(parcel.message.get("before", "")), str(parcel.message.get("software", ""))


def read_launched(parcel: Parcel) -> Launched:
    """
    Return the process that ``run`` or ``exec`` made.

    :raise ReplyError: it is none.
    """
    message = parcel.message
    return Launched(
        pid=_int(message, "pid"),
        start=_int(message, "start"),
        jid=_int(message, "jid"),
        terminal=message.get("terminal") is True,
        descriptors=_by_stream(parcel),
        notices=tuple(str(each) for each in _sequence(message, "notices")),
        logger=tuple(each for each in _sequence(message, "logger") if isinstance(each, int)),
        groups=tuple(map(str, _sequence(message, "groups"))) if "groups" in message else None,
    )


def read_found(parcel: Parcel) -> Found:
    """
    Return a process that the keeper has.

    :raise ReplyError: it is none.
    """
    message = parcel.message
    note = message.get("note")
    return Found(
        jail=str(message.get("jail", "")),
        exec_id=str(message.get("exec", "")),
        pid=_int(message, "pid"),
        start=_int(message, "start"),
        jid=_int(message, "jid"),
        terminal=message.get("terminal") is True,
        stdin_open=message.get("stdin_open") is True,
        note=note if isinstance(note, dict) else {},
        descriptors=_by_stream(parcel),
        notices=tuple(str(each) for each in _sequence(message, "notices")),
    )


def read_exited(parcel: Parcel) -> Exited:
    """Return how a process ended."""
    message = parcel.message
    parcel.drop()
    status, signal, at = message.get("status"), message.get("signal"), message.get("at")
    # all of them, by their places: what they are told by name takes three times as long
    record = ExitRecord(
        _int(message, "pid"),
        status if isinstance(status, int) else None,
        signal if isinstance(signal, int) else None,
        float(at) if isinstance(at, (int, float)) else 0.0,
        message.get("core") is True,
        None,
    )
    jail, exec_id = str(message.get("jail", "")), str(message.get("exec", ""))
    return Exited(jail, exec_id, record, message.get("recorded") is True)


def read_only_descriptor(parcel: Parcel) -> int:
    """
    Return the one descriptor that came along.

    :raise ReplyError: there is none, or there are more.
    """
    if len(parcel.descriptors) != 1:
        parcel.drop()
        raise ReplyError(f"{len(parcel.descriptors)} descriptors instead of one")
    return parcel.descriptors[0]


def read_process(parcel: Parcel) -> Mapping[str, object]:
    """
    Return ``process`` of a config.json.

    :raise ReplyError: there is none.
    """
    parcel.drop()
    process = parcel.message.get("process")
    if not isinstance(process, dict):
        raise ReplyError("no process")
    return process


def _by_stream(parcel: Parcel) -> Mapping[str, int]:
    names = [str(each) for each in _sequence(parcel.message, "streams")]
    if len(names) != len(parcel.descriptors):
        parcel.drop()
        raise ReplyError(f"{len(parcel.descriptors)} descriptors for the streams {names}")
    return dict(zip(names, parcel.descriptors, strict=True))


def _int(message: Mapping[str, object], key: str) -> int:
    number = message.get(key)
    return number if isinstance(number, int) else 0


def _sequence(message: Mapping[str, object], key: str) -> Sequence[object]:
    found = message.get(key)
    return found if isinstance(found, list) else ()
