"""The verbs that only look: LIST STATUS SHOW PLAN WAIT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runjd.errors import BadArgument
from runjd.policy.access import JAIL, JAILS
from runjd.policy.facts import Facts
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.reply import format_record
from runjd.protocols.control.verbs import patterns
from runjd.protocols.control.verbs.arguments import Argument
from runjd.protocols.control.verbs.patterns import chosen
from runjd.protocols.control.verbs.render import (
    exec_end_fields,
    list_fields,
    outcome_fields,
    plan_fields,
    show_fields,
    status_fields,
)
from runjd.protocols.control.verbs.table import Verb
from runjd.protocols.control.verbs.values import one_of, seconds, something
from runjd.protocols.control.verbs.veil import veiled, veiled_step
from runjd.spec.ids import check_id

ID = Argument("ID", check_id, is_required=True)
IDS = Argument("ID", check_id, is_repeated=True)
UNTIL = Argument("until", one_of("started", "ready", "stopped"), "started|ready|stopped")
TIMEOUT = Argument("timeout", seconds, "SECONDS")
EXEC = Argument("exec", something, "EXEC")


def list_jails(call: Call) -> Reply:
    """LIST."""
    jails = call.jails()
    lines = (format_record(call.tag, list_fields(facts)) for facts in jails)
    return Reply([("n", str(len(jails)))], body=lines)


def status(call: Call) -> Reply:
    """STATUS."""
    ids = chosen(call, call.arguments.all(patterns.IDS))
    jails = call.jails() if ids is None else list(map(call.controller.facts, ids))
    jails = [veiled(each, call.permit.sees) for each in jails]
    return Reply([("n", str(len(jails))), *_degraded(call)], body=_status_lines(call.tag, jails, call.now()))


def show(call: Call) -> Reply:
    """SHOW."""
    facts = veiled(call.controller.facts(call.arguments.need(ID)), call.permit.sees)
    return Reply([("n", "1"), *_degraded(call)], body=[format_record(call.tag, show_fields(facts, call.now()))])


def plan(call: Call) -> Reply:
    """PLAN."""
    steps = [each for each in call.controller.plan(call.arguments.all(IDS)) if call.permit.includes(each.jail)]
    starts = sum(each.does == "start" for each in steps)
    lines = (format_record(call.tag, plan_fields(veiled_step(each, call.permit.sees))) for each in steps)
    return Reply([("n", str(len(steps))), ("starts", str(starts))], body=lines)


async def wait(call: Call) -> Reply:
    """WAIT."""
    jail, until, patience = call.arguments.need(ID), call.arguments.get(UNTIL, "stopped"), call.arguments.get(TIMEOUT)
    exec_id = call.arguments.get(EXEC)
    if exec_id is not None:
        if until != "stopped":
            raise BadArgument("wait: an exec process can be waited for until it has stopped", verb="wait", arg="until")
        end = call.controller.wait_exec(jail, exec_id)
        exit = await call.within(end, patience, f"waiting for the exec process {exec_id} of {jail}")
        return Reply(exec_end_fields(jail, exec_id, exit))
    work = call.controller.wait(jail, until)
    facts = await call.within(work, patience, f"waiting for {jail} to be {until}")
    return Reply(outcome_fields(facts))


def _degraded(call: Call) -> list[tuple[str, str]]:
    """Return what is to be known beside the jails: that the daemon itself is not well."""
    return [("degraded", call.controller.degraded)] if call.controller.degraded else []


def _status_lines(tag: str, jails: Sequence[Facts], now: float) -> Iterator[bytes]:
    for facts in jails:
        yield format_record(tag, status_fields(facts, now))


VERBS = (
    Verb("LIST", "observer", "All jails, in short.", list_jails, about=JAILS),
    Verb("STATUS", "observer", "How all jails are, or those named.", status, (patterns.IDS,), about=JAILS),
    Verb("SHOW", "observer", "All that is known of a jail.", show, (ID,), about=JAIL),
    Verb("PLAN", "observer", "What a start would do, without doing it.", plan, (IDS,), about=JAILS),
    Verb(
        "WAIT",
        "observer",
        "Wait until a jail is started, ready or stopped.",
        wait,
        (ID,),
        (UNTIL, EXEC, TIMEOUT),
        about=JAIL,
    ),
)
