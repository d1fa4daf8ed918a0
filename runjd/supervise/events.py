"""
Every change of every jail, numbered, with a ring of the newest ones.

The words: ``defined``, ``changed`` (its definition, or what is said of boots) and ``deleted``
(a jail came and went), ``state`` (its phase), ``exit`` (its init process, or with ``exec=``
another one), ``exec``, ``kill`` (somebody signals it), ``stop`` (a step towards its end),
``notice`` (what the runtime says of a start), ``log`` (it cannot be written, or can be
again); of the daemon itself ``keeper``, ``reload`` (of the configuration), ``store``
(what must be written down cannot be, or can be again), ``upgrade`` (another version is about
to take the daemon's place) and ``shutdown``.

A receiver that fails is dropped and told in the daemon's log: nothing a
subscriber does may reach the jail whose event it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, islice
from typing import Any, overload

from twisted.logger import Logger
from zope.interface import implementer

from runjd.interfaces import IEvents, ISubscription
from runjd.policy.facts import Event, ExitRecord

#: an event's number, time, jail and word, and then the keys and values of its details, in turn
_Packed = tuple[Any, ...]
#: events that can be read again
CAPACITY = 10_000


@implementer(IEvents)
class EventLog:
    """
    The events of this life of the daemon.

    :param now: wall time in seconds.
    :param capacity: how many events can be read again.
    """

    _log = Logger()

    def __init__(self, now: Callable[[], float], capacity: int = CAPACITY) -> None:
        self.last_seq = 0
        self._now = now
        self._ring: deque[_Packed] = deque(maxlen=capacity)
        self._receivers: dict[int, Callable[[Event], None]] = {}
        self._next_receiver = 0

    def emit(self, jail: str, ev: str, details: Mapping[str, object] | None = None, at: float | None = None) -> Event:
        """
        Number an event, keep it, and tell everyone.

        :param jail: its id, empty for the daemon's own events.
        :param ev: the event's word, as ``state`` or ``exit``.
        :param details: shown in this order; what is None or empty is left out.
        :param at: when it happened, if that was not now.
        """
        self.last_seq += 1
        words = tuple((key, str(value)) for key, value in (details or {}).items() if value is not None and value != "")
        event = Event(self.last_seq, self._now() if at is None else at, jail, ev, words)
        self._ring.append(_packed(event))
        # who came last is told first: those who are there from the start only count
        for key, receiver in reversed(list(self._receivers.items())):
            if key not in self._receivers:
                continue
            try:
                receiver(event)
            except Exception:
                self._log.failure("a subscriber of events failed and is dropped")
                self._receivers.pop(key, None)
        return event

    def subscribe(self, receiver: Callable[[Event], None]) -> ISubscription:
        self._next_receiver += 1
        self._receivers[self._next_receiver] = receiver
        return _Subscription(self._receivers, self._next_receiver)

    def since(self, seq: int) -> tuple[int, Sequence[Event]]:
        oldest = self.last_seq - len(self._ring) + 1
        first = max(seq + 1, 1)
        if first > self.last_seq:
            return 0, ()
        lost = max(0, oldest - first)
        return lost, _Past(tuple(islice(self._ring, max(0, first - oldest), None)))


def exit_details(record: ExitRecord, exec_id: str = "") -> dict[str, object]:
    """Return what the event ``exit`` tells."""
    return {
        "exec": exec_id,
        "pid": record.pid or None,
        "exit": record.status if record.is_known else "unknown",
        "signal": record.signal,
        "core": "yes" if record.core else None,
        "oom": None if record.oom is None else "yes" if record.oom else "no",
    }


class _Past(Sequence[Event]):
    """Events that were kept, made when they are looked at: whoever is told of all reads them as slowly as he likes."""

    __slots__ = ("_kept",)

    def __init__(self, kept: tuple[_Packed, ...]) -> None:
        self._kept = kept

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...

    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        return _Past(self._kept[index]) if isinstance(index, slice) else _unpacked(self._kept[index])


def _packed(event: Event) -> _Packed:
    """Return an event as one tuple: with one for each of its details it takes three times the memory."""
    return (*event[:4], *chain.from_iterable(event.details))


def _unpacked(packed: _Packed) -> Event:
    seq, at, jail, ev, *words = packed
    return Event(seq, at, jail, ev, tuple(zip(words[::2], words[1::2], strict=True)))


@implementer(ISubscription)
class _Subscription:
    __slots__ = ("_key", "_receivers")

    def __init__(self, receivers: dict[int, Callable[[Event], None]], key: int) -> None:
        self._receivers = receivers
        self._key = key

    def cancel(self) -> None:
        self._receivers.pop(self._key, None)
