"""The verbs that change jails: run, start, stop, restart, pause, reset, enable, kill, delete and their opposites."""

from __future__ import annotations

from sys import intern
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from runjd.errors import BadArgument
from runjd.policy.access import JAIL
from runjd.policy.facts import Definition, Facts
from runjd.policy.restart import restart_rule
from runjd.policy.settings import Settings
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.request import Request
from runjd.protocols.control.streams import MODES
from runjd.protocols.control.verbs.arguments import Argument, did_you_mean
from runjd.protocols.control.verbs.query import EXEC, ID, TIMEOUT
from runjd.protocols.control.verbs.render import notice_fields, outcome_fields, session_fields, unheard
from runjd.protocols.control.verbs.table import Verb
from runjd.protocols.control.verbs.values import absolute_path, one_of, seconds, side, something, yes
from runjd.spec.signals import signal_number

BUNDLE = Argument("BUNDLE", absolute_path, is_required=True)
RUNTIME = Argument("runtime", something, "NAME")
STDIN = Argument("stdin", yes, "yes|no")
REMOVE = Argument("rm", yes, "yes|no")
RESTART = Argument("restart", restart_rule, "RULE")
ONCE = Argument("once", yes, "yes|no")
ROWS = Argument("rows", side, "N")
COLUMNS = Argument("cols", side, "N")
MODE = Argument("mode", one_of(*MODES), "|".join(MODES))
SIGNAL = Argument("SIGNAL", signal_number)
EVERYONE = Argument("all", yes, "yes|no")
FORCE = Argument("force", yes, "yes|no")
GRACE = Argument("grace", seconds, "SECONDS")
WAIT_UP = Argument("wait", one_of("none", "started", "ready", "stopped"), "none|started|ready|stopped")
WAIT_DOWN = Argument("wait", one_of("none", "stopped"), "none|stopped")

#: of a jail of which nothing is said: one in memory for all
_UNSAID = Settings()

_log = Logger(namespace="runjd.protocols.control")


async def run(call: Call) -> Reply:
    """RUN."""
    asked = call.arguments
    jail, runtimes = asked.need(ID), call.controller.runtimes
    runtime = asked.get(RUNTIME, runtimes[0])
    if runtime not in runtimes:
        known = ", ".join(runtimes)
        hint = did_you_mean(runtime, runtimes)
        raise BadArgument(f'no runtime "{runtime}"; there is {known}{hint}', verb="run", arg="runtime")
    rule = asked.get(RESTART, _UNSAID.restart)
    if asked.get(REMOVE, default=False) and rule.kind != "never":
        raise BadArgument("run: rm= forgets the jail at its end; restart= does not go with it", verb="run", arg="rm")
    definition = Definition(
        id=jail,
        bundle=asked.need(BUNDLE),
        runtime=intern(runtime),
        stdin=asked.get(STDIN, default=False),
        size=window_size(call),
        remove=asked.get(REMOVE, default=False),
        settings=_UNSAID if rule == _UNSAID.restart else Settings(restart=rule),
    )
    mode = asked.get(MODE)
    if mode is None:
        return await _up(call, call.controller.run(definition, call.by))
    if asked.get(WAIT_UP) is not None:
        raise BadArgument("run: mode= shows the jail from its start; wait= does not go with it", verb="run", arg="wait")
    call.connection.refuse_stream(call.tag)
    stream = call.connection.make_stream(mode)
    facts = await call.within(call.controller.run(definition, call.by), asked.get(TIMEOUT), f"starting {jail}")
    session = call.controller.attach(jail, stream, call.by, lossless=True)
    fields = session_fields(jail, mode, session)
    if facts.jid:
        fields.append(("jid", str(facts.jid)))
    return Reply([*fields, *notice_fields(facts.notices)], stream=stream, session=session)


async def start(call: Call) -> Reply:
    """START."""
    is_once = call.arguments.get(ONCE, default=False)
    return await _up(call, call.controller.start(call.arguments.need(ID), call.by, is_once))


async def restart(call: Call) -> Reply:
    """RESTART."""
    jail = call.arguments.need(ID)
    before = call.controller.facts(jail)
    return await _up(call, call.controller.restart(jail, call.by, call.arguments.get(GRACE)), before)


async def try_restart(call: Call) -> Reply:
    """TRY-RESTART."""
    jail, until = call.arguments.need(ID), call.arguments.get(WAIT_UP, "started")
    before = call.controller.facts(jail)
    work = call.controller.try_restart(jail, call.by, call.arguments.get(GRACE))
    if work.called and until != "none":  # it is down, and what is waited for does not come
        facts = await work
        if facts.phase != "running":
            return Reply(outcome_fields(facts))
        return await _up(call, succeed(facts))
    return await _up(call, work, before)


async def reset(call: Call) -> Reply:
    """RESET."""
    return Reply(outcome_fields(call.controller.reset(call.arguments.need(ID), call.by)))


async def enable(call: Call) -> Reply:
    """ENABLE."""
    facts = await call.controller.enable(call.arguments.need(ID), call.by, True)
    return Reply([*outcome_fields(facts), ("enabled", "yes")])


async def disable(call: Call) -> Reply:
    """DISABLE."""
    facts = await call.controller.enable(call.arguments.need(ID), call.by, False)
    return Reply([*outcome_fields(facts), ("enabled", "no")])


async def pause(call: Call) -> Reply:
    """PAUSE."""
    jail = call.arguments.need(ID)
    work = call.controller.pause(jail, call.by)
    return Reply(_paused(await call.within(work, call.arguments.get(TIMEOUT), f"pausing {jail}")))


async def resume(call: Call) -> Reply:
    """RESUME."""
    jail = call.arguments.need(ID)
    work = call.controller.resume(jail, call.by)
    return Reply(_paused(await call.within(work, call.arguments.get(TIMEOUT), f"resuming {jail}")))


async def stop(call: Call) -> Reply:
    """STOP."""
    jail, grace, began = call.arguments.need(ID), call.arguments.get(GRACE), call.clock.seconds()
    work = call.controller.stop(jail, call.by, grace)
    if call.arguments.get(WAIT_DOWN) == "none":
        return await _unwaited(call, work)
    facts = await call.within(work, call.arguments.get(TIMEOUT), f"stopping {jail}")
    return Reply([*outcome_fields(facts), *notice_fields(unheard(facts, grace, call.clock.seconds() - began))])


async def kill(call: Call) -> Reply:
    """KILL."""
    jail, signum = call.arguments.need(ID), call.arguments.get(SIGNAL, 15)
    everyone, exec_id = call.arguments.get(EVERYONE, default=False), call.arguments.get(EXEC, "")
    if everyone and exec_id:
        raise BadArgument("kill: all=yes and exec= do not go together", verb="kill", arg="all")
    work = call.controller.kill(jail, signum, call.by, everyone, exec_id)
    patience = call.arguments.get(TIMEOUT)
    await call.within(work, patience, f"sending signal {signum} to {jail}")
    if call.arguments.get(WAIT_DOWN) == "stopped":
        facts = await call.within(call.controller.wait(jail, "stopped"), patience, f"the end of {jail}")
        return Reply([*outcome_fields(facts)])
    return Reply([("jail", jail), ("signal", str(signum))])


async def delete(call: Call) -> Reply:
    """DELETE."""
    jail = call.arguments.need(ID)
    work = call.controller.delete(jail, call.by, call.arguments.get(FORCE, default=False))
    if call.arguments.get(WAIT_DOWN) == "none":
        return await _unwaited(call, work)
    await call.within(work, call.arguments.get(TIMEOUT), f"deleting {jail}")
    return Reply([("jail", jail)])


def _paused(facts: Facts) -> list[tuple[str, str]]:
    return [*outcome_fields(facts), ("paused", "yes" if facts.status == "paused" else "no")]


def window_size(call: Call) -> tuple[int, int] | None:
    """Return rows and columns where both are given. :raise BadArgument: only one is."""
    rows, columns = call.arguments.get(ROWS), call.arguments.get(COLUMNS)
    if rows is None and columns is None:
        return None
    if rows is None or columns is None:
        missing = "rows" if rows is None else "cols"
        raise BadArgument(
            f"{call.verb.lower()}: {missing}= is missing beside the other", verb=call.verb.lower(), arg=missing
        )
    return rows, columns


async def _up(call: Call, work: Deferred[Facts], before: Facts | None = None) -> Reply:
    """
    Wait as long as the caller asked, ``started`` unless he said otherwise.

    :param before: what ran is stopped first.
    """
    jail, until = call.arguments.need(ID), call.arguments.get(WAIT_UP, "started")
    if until == "none":
        return await _unwaited(call, work)
    began = call.clock.seconds()
    patience = call.arguments.get(TIMEOUT)
    facts = await call.within(work, patience, f"{call.verb.lower()} of {jail}")
    is_stopped = before is not None and before.last_exit != facts.last_exit  # now, as the new run may end as well
    told = unheard(facts, call.arguments.get(GRACE), call.clock.seconds() - began) if is_stopped else ()
    if until != "started":
        if patience is not None:
            patience = max(0.0, patience - (call.clock.seconds() - began))
        facts = await call.within(call.controller.wait(jail, until), patience, f"waiting for {jail} to be {until}")
    took = str(int((call.clock.seconds() - began) * 1000))
    return Reply([*outcome_fields(facts), ("took_ms", took), *notice_fields((*told, *facts.notices))])


async def _unwaited(call: Call, work: Deferred[Any]) -> Reply:
    """Answer at once; what is wrong already is told here, how it went later is told by events."""
    jail = call.arguments.need(ID)
    if work.called:
        await work
    work.addErrback(
        lambda problem: _log.info("{verb} of {jail} failed: {why}", verb=call.verb, jail=jail, why=problem.value)
    )
    return Reply([("jail", jail)])


def _run_makes_stream(request: Request) -> bool:
    return MODE.name in request.options


_UP = (WAIT_UP, TIMEOUT)
_RUN_KEYS = (RUNTIME, STDIN, REMOVE, RESTART, ROWS, COLUMNS, MODE, *_UP)

VERBS = (
    Verb(
        "RUN",
        "admin",
        "Define a jail by its bundle and start it.",
        run,
        (ID, BUNDLE),
        _RUN_KEYS,
        _run_makes_stream,
        about=JAIL,
        makes_jail=True,
    ),
    Verb("START", "operator", "Start a jail.", start, (ID,), (ONCE, *_UP), about=JAIL),
    Verb("STOP", "operator", "Stop a jail.", stop, (ID,), (GRACE, WAIT_DOWN, TIMEOUT), about=JAIL),
    Verb("RESTART", "operator", "Stop a jail and start it.", restart, (ID,), (GRACE, *_UP), about=JAIL),
    Verb(
        "TRY-RESTART",
        "operator",
        "Stop and start a jail that is not down.",
        try_restart,
        (ID,),
        (GRACE, *_UP),
        about=JAIL,
    ),
    Verb("PAUSE", "operator", "Have the processes of a jail stand still.", pause, (ID,), (TIMEOUT,), about=JAIL),
    Verb("RESUME", "operator", "Let the processes of a paused jail go on.", resume, (ID,), (TIMEOUT,), about=JAIL),
    Verb("RESET", "operator", "Forget the failures of a jail.", reset, (ID,), about=JAIL),
    Verb("ENABLE", "operator", "Have a jail come up at boots.", enable, (ID,), about=JAIL),
    Verb("DISABLE", "operator", "Have a jail stay down at boots.", disable, (ID,), about=JAIL),
    Verb(
        "KILL",
        "operator",
        "Send a signal, TERM by default.",
        kill,
        (ID, SIGNAL),
        (EVERYONE, EXEC, WAIT_DOWN, TIMEOUT),
        about=JAIL,
    ),
    Verb("DELETE", "admin", "Forget a jail that does not run.", delete, (ID,), (FORCE, WAIT_DOWN, TIMEOUT), about=JAIL),
)
