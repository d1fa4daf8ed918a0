"""The verb that measures: STATS."""

from __future__ import annotations

from runjd.policy.access import JAILS
from runjd.policy.usage import Measured
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.reply import format_record
from runjd.protocols.control.verbs.patterns import IDS, chosen
from runjd.protocols.control.verbs.render import Fields
from runjd.protocols.control.verbs.table import Verb


async def stats(call: Call) -> Reply:
    """STATS."""
    ids = chosen(call, call.arguments.all(IDS))
    if ids is None:
        ids = [facts.id for facts in call.jails()]
    if not ids:
        return Reply([("n", "0")])
    measurement = await call.controller.measure(ids)
    now = call.now()
    lines = (format_record(call.tag, stats_fields(each, now)) for each in measurement.jails)
    return Reply([("n", str(len(measurement.jails))), ("clock", f"{measurement.clock:.6f}")], body=lines)


def stats_fields(measured: Measured, now: float) -> Fields:
    """Return what STATS tells of a jail; what is not known is left out."""
    facts, usage = measured.facts, measured.usage
    fields = [("jail", facts.id), ("phase", facts.phase)]
    if facts.pid:
        fields.append(("pid", str(facts.pid)))
    if facts.pid and facts.started_at:
        fields.append(("up", f"{max(0.0, now - facts.started_at):.1f}"))
    if usage is not None:
        fields += [("cpu", f"{usage.cpu:.6f}"), ("mem", str(usage.memory)), ("procs", str(usage.processes))]
        fields += [(key, str(n)) for key, n in (("read", usage.read), ("written", usage.written)) if n is not None]
        if usage.is_paused:
            fields.append(("paused", "yes"))
    return [*fields, ("log", str(measured.logged))]


VERBS = (Verb("STATS", "observer", "What all jails use, or those named.", stats, (IDS,), about=JAILS),)
