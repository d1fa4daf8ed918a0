"""The verbs about events: SUBSCRIBE UNSUBSCRIBE."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import translate
from re import compile as compile_expression

from runjd.errors import BadArgument, WrongState
from runjd.policy.access import JAILS
from runjd.policy.facts import Event
from runjd.protocols.control.authority import Permit
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.reply import format_announcement
from runjd.protocols.control.verbs.arguments import Argument, did_you_mean
from runjd.protocols.control.verbs.render import event_line
from runjd.protocols.control.verbs.table import Verb
from runjd.protocols.control.verbs.values import place, word_list
from runjd.protocols.control.verbs.veil import veiled_event
from runjd.spec.ids import ID_MAX

#: what happens, and what the keys of its line are beside ``at``, ``jail`` and ``ev``
KNOWN: Mapping[str, Sequence[str]] = {
    "hello": ("proto", "server", "run", "pid", "role", "uid", "cert", "max_line", "caps"),
    "gap": ("lost", "run"),
    "defined": ("by", "bundle"),
    "changed": ("by",),
    "state": ("from", "to", "by", "pid", "jid", "next_in", "reason"),
    "ready": ("ready", "took_ms", "by"),
    "health": ("from", "to", "text", "by"),
    "pause": ("paused", "by"),
    "kill": ("signal", "exec", "by"),
    "stop": ("step", "signal", "by", "reason"),
    "exec": ("exec", "pid", "by"),
    "exit": ("exec", "pid", "exit", "signal", "core", "oom", "by"),
    "deleted": ("by",),
    "notice": ("text", "by"),
    "log": ("state", "reason", "lost"),
    "keeper": ("state", "watched", "reason"),
    "reload": ("state", "added", "removed", "changed", "unchanged", "by", "reason"),
    "store": ("state", "degraded"),
    "upgrade": ("from", "to", "keeper_from", "keeper_to", "by"),
    "shutdown": ("mode", "by"),
}


def _events(text: str) -> frozenset[str]:
    words = word_list(text)
    for word in sorted(words - KNOWN.keys()):
        hint = did_you_mean(word, list(KNOWN)) or f"; there is {', '.join(KNOWN)}"
        raise BadArgument(f'no event "{word}"{hint}')
    return words


def _pattern(text: str) -> str:
    if not text or len(text) > ID_MAX:
        raise ValueError("must be the id of a jail, or a pattern with * and ?")
    return text


EVENTS = Argument("ev", _events, "EVENT,...")
JAIL = Argument("jail", _pattern, "PATTERN")
SINCE = Argument("since", place, "RUN:SEQ")


def subscribe(call: Call) -> Reply:
    """SUBSCRIBE."""
    if call.connection.is_subscribed:
        raise WrongState("a subscription is open on this connection; unsubscribe first")
    asked = call.arguments
    shown = _filter(asked.get(EVENTS), asked.get(JAIL), call.permit)
    known, run = call.controller.events, call.controller.run_id
    since = asked.get(SINCE)
    first = known.last_seq + 1
    gap: bytes | None = None
    past: Sequence[Event] = ()
    if since is not None:
        same = since[0] == run
        if same and since[1] > known.last_seq:
            raise BadArgument(
                f"subscribe: since= is ahead of the newest event, {known.last_seq}", verb="subscribe", arg="since"
            )
        lost, past = known.since(since[1] if same else 0)
        first -= len(past)
        if not same:
            gap = format_announcement(first - 1, [("ev", "gap"), ("run", run)])
        elif lost:
            gap = format_announcement(first - 1, [("ev", "gap"), ("lost", str(lost))])
    call.connection.subscribe(shown)
    return Reply([("seq", str(first))], then=_replay(gap, past, shown))


def unsubscribe(call: Call) -> Reply:
    """UNSUBSCRIBE."""
    call.connection.unsubscribe()
    return Reply([])


def _filter(words: frozenset[str] | None, pattern: str | None, permit: Permit) -> Callable[[Event], Event | None]:
    """Return what makes of an event what is shown of it: nothing unless it was asked for and may be seen."""
    fits = compile_expression(translate(pattern)).match if pattern is not None else None

    def shown(event: Event) -> Event | None:
        if (words is not None and event.ev not in words) or (fits is not None and fits(event.jail) is None):
            return None
        is_for_him = permit.includes(event.jail) if event.jail else permit.includes_daemon
        return veiled_event(event, permit.sees) if is_for_him else None

    return shown


def _replay(gap: bytes | None, past: Sequence[Event], shown: Callable[[Event], Event | None]) -> Iterator[bytes]:
    if gap is not None:
        yield gap
    for event in map(shown, past):
        if event is not None:
            yield event_line(event)


VERBS = (
    Verb("SUBSCRIBE", "observer", "Show events as they happen.", subscribe, (), (EVENTS, JAIL, SINCE), about=JAILS),
    Verb("UNSUBSCRIBE", "observer", "Show no more events.", unsubscribe),
)
