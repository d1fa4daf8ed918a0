"""The keys of a jail: what each takes, what is made of it, and what is told where it is wrong."""

import signal

import pytest

from runjd.config.jailkeys import DEFAULTS, JAIL
from runjd.config.model import Limits
from runjd.config.sections import names_of
from runjd.policy.settings import (
    BackoffRule,
    HealthRule,
    LogRule,
    Probe,
    ReadyRule,
    RestartRule,
    Settings,
    StopRule,
)
from tests.config.written import faults_of, jail_of, write

TAKEN = [
    ('restart = "never"', "restart", RestartRule("never")),
    ('restart = "on-failure:5"', "restart", RestartRule("on-failure", 5)),
    (
        'restart = { policy = "always", success = [3, "TERM", 9] }',
        "restart",
        RestartRule("always", None, (0, 3, 9), (signal.SIGTERM,)),
    ),
    (
        (
            'backoff = { first = "100ms", factor = 3, cap = "1m30s", jitter = 0, reset-after = "1h", burst = 5,'
            ' window = "10m", slow-retry = "1d" }'
        ),
        "backoff",
        BackoffRule(0.1, 3.0, 90.0, 0.0, 3600.0, 5, 600.0, 86400.0),
    ),
    ('backoff = { slow-retry = "never" }', "backoff", BackoffRule()),
    ('ready = "notify"', "ready", ReadyRule("notify")),
    ('ready = { when = "fd", fd = 4, timeout = 5 }', "ready", ReadyRule("fd", 5.0, 4)),
    ('ready = { when = "log", pattern = "^up" }', "ready", ReadyRule("log", pattern="^up")),
    (
        'ready = { when = "probe", probe = { tcp = 5432 }, interval = 0.5 }',
        "ready",
        ReadyRule("probe", probe=Probe("tcp", port=5432), interval=0.5),
    ),
    (
        (
            'health = { probe = { http = "http://[::1]:8080/up?x=1", timeout = 2 }, interval = "10s", start-period = 3,'
            ' failures = 4, successes = 2, action = "restart" }'
        ),
        "health",
        HealthRule(Probe("http", host="::1", port=8080, path="/up?x=1", timeout=2.0), 10.0, 3.0, 4, 2, "restart"),
    ),
    ('health.probe = { exec = ["/up"] }', "health", HealthRule(Probe("exec", ("/up",)))),
    ('health.probe = { tcp = "10.1.2.3:1" }', "health", HealthRule(Probe("tcp", host="10.1.2.3", port=1))),
    ('health.probe = { http = "http://localhost" }', "health", HealthRule(Probe("http", host="localhost", port=80))),
    (
        'stop = { hook = ["/bin/stop", "now"], hook-timeout = 1, signal = "SIGINT", timeout = "1m" }',
        "stop",
        StopRule(("/bin/stop", "now"), 1.0, signal.SIGINT, 60.0),
    ),
    ("stop.signal = 15", "stop", StopRule()),
    (
        (
            'log = { format = "json", pressure = "drop", line-limit = "1KiB", max-size = "10 MB", max-age = "1d",'
            ' keep = 3, compress = "gzip", syslog = "udp:loghost:514", program = ["/bin/cat"] }'
        ),
        "log",
        LogRule("json", "drop", 1024, 10_000_000, 86400.0, 3, "gzip", "udp:loghost:514", ("/bin/cat",)),
    ),
    ("autostart = false", "autostart", False),
    ('owner = "admin"', "owner", "admin"),
]


@pytest.mark.parametrize(("text", "field", "value"), TAKEN, ids=[text for text, _, _ in TAKEN])
def test_how_a_jail_is_kept(tmp_path, text, field, value):
    """Each key is one part of its settings, and changes nothing else."""
    jail = jail_of(tmp_path, f'[jail.web]\nbundle = "/b"\n{text}\n')

    assert jail.settings == Settings(restart=RestartRule("on-failure"))._replace(**{field: value})


SHORT = [
    ("user = 80", "user", (80, 80)),
    ('user = "80:81"', "user", (80, 81)),
    ('cwd = "/var"', "cwd", "/var"),
    ('environment = { A = "b" }', "environment", (("A", "b"),)),
    ('hostname = "www"', "hostname", "www"),
    ("read-only = true", "readonly", True),
    ("terminal = true", "terminal", True),
    ('mounts = ["/a:/b:ro", "tmpfs:/tmp"]', "mounts", ("/a:/b:ro", "tmpfs:/tmp")),
    ('network = "host"', "network", "host"),
    ('interface = "em0"', "interface", "em0"),
    (
        'limits = { memory = "512MiB", cpus = 1.5, processes = 100, files = 1024 }',
        "limits",
        Limits(512 << 20, 1.5, 100, 1024),
    ),
]


@pytest.mark.parametrize(("text", "field", "value"), SHORT, ids=[text for text, _, _ in SHORT])
def test_what_a_jail_without_a_bundle_is_made_of(tmp_path, text, field, value):
    """The short form."""
    jail = jail_of(tmp_path, f'[jail.web]\nroot = "/r"\ncommand = ["/c"]\n{text}\n')

    assert getattr(jail.short, field) == value


WRONG = [
    ("restart = 5", 'restart: found 5, expected one of never, on-failure, always, unless-stopped, "on-failure:5", or'),
    ('restart = "always:5"', "restart: found"),
    ('restart = "on-failure:0"', "restart: found"),
    ('restart = "allways"', 'a table; did you mean "always"?'),
    ('restart = { policy = "always", tries = 5 }', 'restart.tries: goes with policy = "on-failure", and the policy'),
    (
        'restart = { success = ["TREM"] }',
        "restart.success: found an array of 1, expected an array of exit statuses and",
    ),
    ("restart = { success = [256] }", "restart.success: found"),
    ('backoff = "1s"', 'backoff: found "1s", expected a table, as { first = "100ms", cap = "1m" }'),
    ("backoff = { first = -1 }", 'backoff.first: found -1, expected seconds, or a duration as "1m30s"'),
    ("backoff = { first = nan }", "backoff.first: found nan"),
    ('backoff = { first = "1 min" }', 'backoff.first: found "1 min"'),
    ('backoff = { first = "1y" }', 'backoff.first: found "1y"'),
    ("backoff = { first = 9e99 }", "backoff.first: found"),
    (f"backoff = {{ first = {'9' * 400} }}", "backoff.first: found a number that is far too large"),
    ("backoff = { first = true }", "backoff.first: found true"),
    ("backoff = { first = 1979-05-27 }", "backoff.first: found a date"),
    ("backoff = { cap = 1, first = 2 }", "backoff.cap: is shorter than the first delay: 1 and 2 seconds"),
    ("backoff = { reset_after = 1 }", 'backoff.reset_after: no such key; did you mean "reset-after"?'),
    ('ready = "log"', "ready: found"),
    ('ready = { when = "log" }', 'ready: when = "log" needs pattern'),
    ('ready = { when = "log", pattern = "(" }', "ready.pattern: found"),
    ("ready = { when = 'log', pattern = '^(a+b)*c' }", "it repeats without limit what itself repeats without limit"),
    ('ready = { when = "log", pattern = "a.*b.*c.*d" }', "a line of 512 bytes can cost too much; use fewer of .*"),
    ('ready = { when = "probe" }', 'ready: when = "probe" needs probe'),
    ('ready = { pattern = "x" }', 'ready.pattern: goes with when = "log", and it is "start"'),
    ('ready = { when = "fd", fd = 2 }', "ready.fd: found 2, expected a whole number from 3 to 9"),
    ("health = { interval = 1 }", "health: needs probe"),
    ("health = { probe = {} }", "health.probe: needs one of exec, tcp, http"),
    ('health.probe = { tcp = "db.example.org:1" }', "expected a numeric address, as 10.11.12.13; a probe asks no name"),
    ('health.probe = { http = "http://h/" }', "expected a numeric address, as 10.11.12.13; a probe asks no name"),
    ('health.probe = { exec = ["/x"], tcp = 1 }', "health.probe.tcp: does not go with exec; a probe asks in one way"),
    ("health.probe = { tcp = 0 }", "health.probe.tcp: found 0"),
    ("health.probe = { tcp = 65536 }", "health.probe.tcp: found 65536"),
    ('health.probe = { tcp = "db" }', "health.probe.tcp: found"),
    ('health.probe = { http = "https://x/" }', "health.probe.http: found"),
    ('health.probe = { http = "http://x:99999/" }', "health.probe.http: found"),
    (
        'stop.signal = "TREM"',
        'stop.signal: found "TREM", expected a signal, as "TERM" or 15; no signal "TREM"; did you',
    ),
    ("stop.signal = 0", "stop.signal: found 0"),
    ('log.max-size = "10 pounds"', 'log.max-size: found "10 pounds", expected bytes, or a size as "10MiB"'),
    (f'log.max-size = "{"9" * 99}TiB"', "log.max-size: found"),
    ('log.syslog = "loghost"', "log.syslog: found"),
    ("autostart = 1", "autostart: found 1, expected true or false"),
    ('requires = ["web2", "web2"]', 'requires: found an array of 2, expected an array of names of jails; "web2" is'),
    ("requires = [5]", "requires: found an array of 1, expected an array of names of jails; element 0 is 5"),
]


@pytest.mark.parametrize(("text", "told"), WRONG, ids=[text[:60] for text, _ in WRONG])
def test_what_makes_no_sense_is_told(tmp_path, text, told):
    """The key, what was found and what was expected."""
    found = faults_of(write(tmp_path, f'[jail.web]\nbundle = "/b"\n{text}\n'))

    assert len(found) == 1
    assert found[0].startswith("runjd.toml:3: jail.web.")
    assert told in found[0]


WRONG_SHORT = [
    ('user = "www"', "user: found"),
    (f"user = {2**32 - 1}", "user: found"),
    (
        "environment = { A = 1 }",
        'environment: found a table, expected a table of strings, as { LANG = "C.UTF-8" }; "A"',
    ),
    ('environment = { "A=B" = "" }', "environment: found"),
    ('mounts = ["a:/b"]', 'the source "a" is neither an absolute path nor tmpfs'),
    ('mounts = ["/a:/b/../.."]', "is no absolute path below the root"),
    ('mounts = ["/a"]', "is not SOURCE:TARGET or SOURCE:TARGET:OPTIONS"),
    ('mounts = ["/a:/b:ro;x"]', "are no words with commas between"),
    ('network = "bridge"', 'network: found "bridge", expected "none", "host", or an array of addresses'),
    ('network = ["10.0.0.300"]', "expected a numeric address"),
    ('hostname = "-x"', "hostname: found"),
    ("command = []", "command: found an empty array"),
    ('command = "/bin/sh"', "command: found"),
    ("limits = { cpus = -1 }", "limits.cpus: found -1, expected a number from 0 to 1024"),
]


@pytest.mark.parametrize(("text", "told"), WRONG_SHORT, ids=[text for text, _ in WRONG_SHORT])
def test_what_makes_no_sense_in_a_short_form_is_told(tmp_path, text, told):
    """Likewise."""
    command = "" if text.startswith("command") else 'command = ["/c"]'
    (found,) = faults_of(write(tmp_path, f'[jail.web]\nroot = "/r"\n{text}\n{command}\n'), platform="freebsd14")

    assert found.startswith("runjd.toml:3: jail.web.")
    assert told in found


def test_a_short_form_of_a_table_replaces_all_that_it_stands_for(tmp_path):
    """The number of tries of the defaults does not stay."""
    text = '[defaults]\nrestart = "on-failure:5"\n[jail.web]\nbundle = "/b"\nrestart = "always"\n'

    assert jail_of(tmp_path, text).settings.restart == RestartRule("always")


def test_every_setting_has_a_key():
    """What policy and logs agree on can be configured, and nothing else can."""
    names = set(names_of(JAIL))
    fields = {name.replace("_", "-") for name in Settings._fields}

    assert fields <= names
    for name, made in {"backoff": BackoffRule, "stop": StopRule, "log": LogRule, "health": HealthRule}.items():
        assert {f"{name}.{each.replace('_', '-')}" for each in made._fields} <= names
    assert set(names_of(DEFAULTS)) < names
