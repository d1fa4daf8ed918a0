"""Facts and events as fields of lines."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence

from runjd.interfaces import ISession
from runjd.policy.facts import Event, ExitRecord, Facts, SessionFacts
from runjd.policy.plan import PlanStep
from runjd.policy.principal import Principal
from runjd.policy.restart import word_of
from runjd.policy.waiting import explain
from runjd.protocols.control.reply import format_announcement
from runjd.protocols.control.streams import exit_fields
from runjd.spec.signals import signal_name

Fields = list[tuple[str, str]]


def stamp(at: float) -> str:
    """Return a time, seconds since the epoch, as RFC 3339 with milliseconds, in UTC."""
    whole, milliseconds = divmod(int(at * 1000), 1000)
    year, month, day, hour, minute, second = time.gmtime(whole)[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z"


def who_fields(principal: Principal) -> Fields:
    """Return who somebody is, his name first."""
    if principal.certificate:
        fields = [("cert", each) for each in principal.certificate[:1]]
        return [*fields, ("from", principal.address)]
    groups = ",".join(map(str, principal.groups))
    fields = [("uid", str(principal.uid)), ("gid", str(principal.gid)), ("groups", groups)]
    return [*fields, ("pid", str(principal.pid))]


def status_fields(facts: Facts, now: float) -> Fields:
    """Return what STATUS tells of a jail; what is not known or zero is left out."""
    fields = [
        ("jail", facts.id),
        ("want", facts.want),
        ("status", facts.status),
        ("phase", facts.phase),
        ("ready", facts.ready),
    ]
    if facts.health != "-":
        fields.append(("health", facts.health))
    if facts.pid:
        fields.append(("pid", str(facts.pid)))
    if facts.jid:
        fields.append(("jid", str(facts.jid)))
    if facts.pid and facts.started_at:
        fields.append(("up", f"{max(0.0, now - facts.started_at):.1f}"))
    if facts.terminal:
        fields.append(("tty", "yes"))
    if facts.last_exit is not None:
        fields.extend(exit_fields(facts.last_exit))
    if facts.next_in is not None:
        fields.append(("next_in", f"{facts.next_in:.1f}"))
    fields.append(("restarts", str(facts.restarts)))
    if facts.last_exit is not None:
        fields.append(("last", stamp(facts.last_exit.at)))
    if facts.says:
        fields.append(("says", facts.says))
    if facts.reason:
        fields.append(("reason", facts.reason))
    return fields


def list_fields(facts: Facts) -> Fields:
    """Return what LIST tells of a jail."""
    fields = [("jail", facts.id), ("status", facts.status), ("phase", facts.phase)]
    if facts.pid:
        fields.append(("pid", str(facts.pid)))
    return fields


def show_fields(facts: Facts, now: float) -> Fields:
    """Return all that is known of a jail."""
    definition = facts.definition
    fields = status_fields(facts, now)
    fields += [("bundle", definition.bundle), ("runtime", definition.runtime)]
    fields += [("stdin", "yes" if definition.stdin else "no"), ("rm", "yes" if definition.remove else "no")]
    fields.append(("restart", word_of(definition.settings.restart)))
    if facts.enabled is not None:
        fields.append(("enabled", "yes" if facts.enabled else "no"))
    if definition.size is not None:
        fields += [("rows", str(definition.size[0])), ("cols", str(definition.size[1]))]
    if facts.log_lost:
        fields.append(("log_lost", str(facts.log_lost)))
    if facts.started_at:
        fields.append(("started", stamp(facts.started_at)))
    return fields


def plan_fields(step: PlanStep) -> Fields:
    """Return what PLAN tells of a jail."""
    fields = [("jail", step.jail), ("does", step.does)]
    if step.step:
        fields.append(("step", str(step.step)))
    fields.append(("phase", step.phase))
    if step.waits_for:
        named = [each.jail for each in step.waits_for if " " not in each.jail]
        fields += [("waits_for", ",".join(named))] if named else []
    if step.does == "wait":
        fields.append(("reason", explain(step.waits_for)))
    return fields


def outcome_fields(facts: Facts) -> Fields:
    """Return what the ``+`` line of a changing verb tells of the jail."""
    fields = [("jail", facts.id), ("phase", facts.phase), ("ready", facts.ready)]
    if facts.pid:
        fields.append(("pid", str(facts.pid)))
    if facts.jid:
        fields.append(("jid", str(facts.jid)))
    if facts.last_exit is not None and not facts.pid:
        fields.extend(exit_fields(facts.last_exit))
    return fields


def notice_fields(texts: Sequence[str]) -> Fields:
    """Return what somebody must be told: ``notice``, and ``notice.2`` and so on where there are more."""
    return [(f"notice.{number}" if number > 1 else "notice", text) for number, text in enumerate(texts, 1)]


def unheard(facts: Facts, grace: float | None, took: float) -> tuple[str, ...]:
    """
    Return what whoever stopped a jail must be told: that its signal did not end it, so that all its time was waited.

    :param grace: seconds from the signal to the kill, None: as its settings say.
    """
    rule = facts.definition.settings.stop
    patience = rule.timeout if grace is None else grace
    if facts.last_exit is None or facts.last_exit.signal != signal.SIGKILL or not 0 < patience <= took:
        return ()
    text = f"{facts.id} was killed, as {signal_name(rule.signal)} did not end it within {patience:g} s"
    return (f"{text}; another stop.signal, or a shorter timeout, spares the wait",)


def session_fields(jail: str, mode: str, session: ISession) -> Fields:
    """Return what the ``+`` line of a verb that makes a stream tells of it."""
    fields = [("jail", jail)]
    if session.exec_id:
        fields.append(("exec", session.exec_id))
    fields += [("pid", str(session.pid)), ("mode", mode), ("tty", "yes" if session.terminal else "no")]
    fields += [("session", str(session.number)), ("input", "yes" if session.types else "no")]
    if not session.types and session.typist:
        fields.append(("typist", session.typist))
    return fields


def guest_fields(facts: SessionFacts) -> Fields:
    """Return what SESSIONS tells of a session."""
    fields = [("session", str(facts.number)), ("kind", facts.kind), ("jail", facts.jail)]
    if facts.exec_id:
        fields.append(("exec", facts.exec_id))
    fields += [("pid", str(facts.pid)), ("by", facts.by), ("since", stamp(facts.at))]
    fields += [("input", "yes" if facts.types else "no"), ("paused", "yes" if facts.is_paused else "no")]
    return [*fields, ("lost", str(facts.lost))]


def exec_end_fields(jail: str, exec_id: str, exit: ExitRecord) -> Fields:
    """Return what WAIT tells of an exec process that ended."""
    return [("jail", jail), ("exec", exec_id), ("pid", str(exit.pid)), *exit_fields(exit), ("at", stamp(exit.at))]


def event_line(event: Event) -> bytes:
    """Return the line that announces an event."""
    fields = [("at", stamp(event.at))]
    if event.jail:
        fields.append(("jail", event.jail))
    return format_announcement(event.seq, [*fields, ("ev", event.ev), *event.details])
