"""The keys of a jail, and of the defaults of all jails."""

from __future__ import annotations

from runjd.config import jailkinds, kinds
from runjd.config.kinds import choice, number, whole
from runjd.config.model import Limits
from runjd.config.sections import MANY, Key, Section
from runjd.policy.settings import (
    ACTIONS,
    FORMATS,
    PRESSURES,
    READINESS,
    RESTARTS,
    BackoffRule,
    HealthRule,
    LogRule,
    Probe,
    ReadyRule,
    RestartRule,
    StopRule,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def _short_restart(value: object) -> dict[str, object]:
    """Read ``on-failure:5``, or one of the words."""
    if not isinstance(value, str):
        raise ValueError
    kind, colon, tries = value.partition(":")
    if kind not in RESTARTS:
        raise ValueError(kinds.hint(kind, RESTARTS))
    if not colon:
        return {"kind": kind, "tries": None}
    if kind != "on-failure" or not (tries.isascii() and tries.isdigit() and len(tries) < 9 and int(tries) > 0):
        raise ValueError
    return {"kind": kind, "tries": int(tries)}


def _check_restart(rule: RestartRule, given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if rule.tries is not None and rule.kind != "on-failure":
        yield "tries", f'goes with policy = "on-failure", and the policy is "{rule.kind}"'


def _check_backoff(rule: BackoffRule, given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if rule.cap < rule.first:
        yield "cap", f"is shorter than the first delay: {rule.cap:g} and {rule.first:g} seconds"


def _check_probe(probe: Probe, given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    asked = [kind for kind in ("exec", "tcp", "http") if kind in given]
    if len(asked) > 1:
        yield asked[1], f"does not go with {asked[0]}; a probe asks in one way"
    elif not probe.kind:
        yield "", "needs one of exec, tcp, http"


def _short_ready(value: object) -> dict[str, object]:
    plain = ("start", "notify", "fd")
    if value not in plain:
        raise ValueError(kinds.hint(value, plain))
    return {"kind": value}


def _check_ready(rule: ReadyRule, given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for kind, name, is_there in (("log", "pattern", bool(rule.pattern)), ("probe", "probe", rule.probe is not None)):
        if rule.kind == kind and not is_there:
            yield "", f'when = "{kind}" needs {name}'
    for name, kind in (("fd", "fd"), ("pattern", "log"), ("probe", "probe"), ("interval", "probe")):
        if name in given and rule.kind != kind:
            yield name, f'goes with when = "{kind}", and it is "{rule.kind}"'


def _check_health(rule: HealthRule, given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if not rule.probe.kind:
        yield "", 'needs probe, as { http = "http://127.0.0.1:8080/" }'


RESTART = Section(
    f'one of {", ".join(RESTARTS)}, "on-failure:5", or a table',
    RestartRule(),
    (
        Key("policy", choice(RESTARTS), "kind"),
        Key("tries", whole(1)),
        Key("success", jailkinds.SUCCESSES, MANY),
    ),
    _short_restart,
    _check_restart,
)
BACKOFF = Section(
    'a table, as { first = "100ms", cap = "1m" }',
    BackoffRule(),
    (
        Key("first", kinds.DURATION),
        Key("factor", number(1, 100)),
        Key("cap", kinds.DURATION),
        Key("jitter", number(0, 1)),
        Key("reset-after", kinds.DURATION),
        Key("burst", whole(0)),
        Key("window", kinds.SPAN),
        Key("slow-retry", kinds.SPAN_OR_NEVER),
    ),
    check=_check_backoff,
)
PROBE = Section(
    "a table, as { tcp = 5432 }",
    Probe(""),
    (
        Key("exec", jailkinds.PROBE_EXEC, MANY),
        Key("tcp", jailkinds.PROBE_TCP, MANY),
        Key("http", jailkinds.PROBE_HTTP, MANY),
        Key("timeout", kinds.SPAN),
    ),
    check=_check_probe,
)
READY = Section(
    'one of start, notify, fd, or a table, as { when = "log", pattern = "listening" }',
    ReadyRule(),
    (
        Key("when", choice(READINESS), "kind"),
        Key("timeout", kinds.SPAN),
        Key("fd", whole(3, 9)),
        Key("pattern", kinds.PATTERN),
        Key("probe", PROBE),
        Key("interval", kinds.SPAN),
    ),
    _short_ready,
    _check_ready,
)
HEALTH = Section(
    "a table, as { probe = { tcp = 5432 } }",
    HealthRule(Probe("")),
    (
        Key("probe", PROBE),
        Key("interval", kinds.SPAN),
        Key("start-period", kinds.DURATION),
        Key("failures", whole(1)),
        Key("successes", whole(1)),
        Key("action", choice(ACTIONS)),
    ),
    check=_check_health,
)
STOP = Section(
    'a table, as { signal = "TERM", timeout = 10 }',
    StopRule(),
    (
        Key("hook", kinds.TEXTS),
        Key("hook-timeout", kinds.DURATION),
        Key("signal", kinds.SIGNAL),
        Key("timeout", kinds.DURATION),
    ),
)
LOG = Section(
    'a table, as { format = "cri", max-size = "10MiB" }',
    LogRule(),
    (
        Key("format", choice(FORMATS)),
        Key("pressure", choice(PRESSURES)),
        Key("line-limit", kinds.SIZE),
        Key("max-size", kinds.SIZE),
        Key("max-age", kinds.DURATION),
        Key("keep", whole(0, 10_000)),
        Key("compress", jailkinds.COMPRESSION),
        Key("syslog", jailkinds.SYSLOG),
        Key("program", kinds.TEXTS),
    ),
)
LIMITS = Section(
    'a table, as { memory = "512MiB", processes = 100 }',
    Limits(),
    (
        Key("memory", kinds.SIZE),
        Key("cpus", number(0, 1024)),
        Key("processes", whole(0)),
        Key("files", whole(0)),
    ),
)

#: how a jail is kept: fields of its settings
SETTINGS = (
    Key("restart", RESTART),
    Key("backoff", BACKOFF),
    Key("ready", READY),
    Key("health", HEALTH),
    Key("stop", STOP),
    Key("log", LOG),
    Key("autostart", kinds.FLAG),
    Key("owner", choice(("operator", "admin"))),
)
#: its place among the others
ORDER = (Key("requires", jailkinds.NAMES), Key("after", jailkinds.NAMES))
#: what it is made of, where it has a bundle and where it has none
BUNDLE = (Key("bundle", kinds.PATH),)
RUN = (Key("runtime", kinds.TEXT), Key("stdin", kinds.FLAG))
#: fields of its short form: those that are its own, and those that may be common to all
OWN = (Key("root", kinds.PATH), Key("command", kinds.COMMAND), Key("hostname", jailkinds.HOSTNAME))
SHORT = (
    Key("user", jailkinds.USER),
    Key("cwd", kinds.PATH),
    Key("environment", jailkinds.ENVIRONMENT),
    Key("read-only", kinds.FLAG, "readonly"),
    Key("terminal", kinds.FLAG),
    Key("mounts", jailkinds.MOUNTS),
    Key("network", jailkinds.NETWORK, MANY),
    Key("interface", kinds.TEXT),
    Key("limits", LIMITS),
)
JAIL = (*BUNDLE, *OWN, *SHORT, *RUN, *ORDER, *SETTINGS)
DEFAULTS = (*SHORT, *RUN, *SETTINGS)
