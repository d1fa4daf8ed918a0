"""The verbs about the connection and the daemon: HELP CAPS WHOAMI PING QUIT HELLO CANCEL SHUTDOWN."""

from __future__ import annotations

from collections.abc import Iterator

from runjd.errors import BadArgument, NotFound
from runjd.policy.access import DAEMON
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.reply import format_text
from runjd.protocols.control.verbs.arguments import Argument
from runjd.protocols.control.verbs.render import stamp, who_fields
from runjd.protocols.control.verbs.table import Verb
from runjd.protocols.control.verbs.values import number, one_of, something, tag

VERB = Argument("VERB", something)
PROTO = Argument("PROTO", number(0, 999))
TAG = Argument("TAG", tag, is_required=True)
HOW = Argument("HOW", one_of("keep", "stop"), is_required=True)


def show_help(call: Call) -> Reply:
    """HELP."""
    name, verbs = call.arguments.get(VERB), call.connection.verbs
    chosen = list(verbs.verbs.values()) if name is None else [verbs.find(name.upper())]
    lines = list(_help_of_all(chosen) if name is None else _help_of_one(chosen[0]))
    body = [line for text in lines for line in format_text(call.tag, text.encode())]
    return Reply([("n", str(len(chosen)))], body=body)


def caps(call: Call) -> Reply:
    """CAPS."""
    verbs = ",".join(verb.lower() for verb in call.connection.verbs.verbs)
    return Reply([*call.connection.capabilities, ("runtimes", ",".join(call.controller.runtimes)), ("verbs", verbs)])


def whoami(call: Call) -> Reply:
    """WHOAMI."""
    return Reply([*who_fields(call.principal), ("role", call.permit.highest_role)])


def ping(call: Call) -> Reply:
    """PING."""
    return Reply([("at", stamp(call.now()))])


def quit_connection(call: Call) -> Reply:
    """QUIT."""
    return Reply([], after=call.connection.close)


def hello(call: Call) -> Reply:
    """HELLO."""
    asked = call.arguments.get(PROTO, 1)
    if asked != 1:
        raise BadArgument(f"this server speaks protocol 1, not {asked}", verb="hello", arg="PROTO")
    return Reply(list(call.connection.greeting))


def cancel(call: Call) -> Reply:
    """CANCEL."""
    wanted = call.arguments.need(TAG)
    if wanted == call.tag or not call.connection.cancel(wanted):
        raise NotFound(f"no request with the tag {wanted} is in flight", tag=wanted)
    return Reply([])


async def shutdown(call: Call) -> Reply:
    """SHUTDOWN."""
    how = call.arguments.need(HOW)
    await call.controller.shutdown(how, call.by)
    return Reply([("how", how)])


async def upgrade(call: Call) -> Reply:
    """UPGRADE."""
    made = await call.controller.upgrade(call.by)
    fields = [("from", made.before), ("to", made.after)]
    if made.keeper_after:
        fields += [("keeper_from", made.keeper_before), ("keeper_to", made.keeper_after)]
    return Reply([*fields, *([("notice", made.notice)] if made.notice else [])])


def _help_of_all(verbs: list[Verb]) -> Iterator[str]:
    width = max(len(verb.name) for verb in verbs)
    for verb in verbs:
        yield f"{verb.name.lower():{width}}  {verb.help}"
    yield ""
    yield "help VERB tells what a verb takes; runjd-control(7) tells all."


def _help_of_one(verb: Verb) -> Iterator[str]:
    yield verb.usage
    yield f"{verb.help} Role: {verb.role}."


VERBS = (
    Verb("HELP", "observer", "What there is, or what one verb takes.", show_help, (VERB,)),
    Verb("CAPS", "observer", "What this server can do.", caps),
    Verb("WHOAMI", "observer", "Who the server takes you for.", whoami),
    Verb("PING", "observer", "Answer at once.", ping),
    Verb("HELLO", "observer", "Agree on the protocol; may be left out.", hello, (PROTO,)),
    Verb("QUIT", "observer", "Close the connection.", quit_connection),
    Verb("CANCEL", "observer", "End a request that is in flight.", cancel, (TAG,)),
    Verb("SHUTDOWN", "admin", "End the daemon, and keep the jails or stop them.", shutdown, (HOW,), about=DAEMON),
    Verb("UPGRADE", "admin", "Replace daemon and keeper by what is installed.", upgrade, about=DAEMON),
)
