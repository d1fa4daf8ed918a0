"""Tests for :mod:`runjd.access.audit`."""

from __future__ import annotations

import os

import pytest
from twisted.internet.task import Clock

from runjd.access.audit import BURST, TELL, WAITING, Audit
from runjd.logs.memory import MemoryWriter
from runjd.logs.writer import ThreadWriter
from runjd.policy.principal import NOBODY, Principal

ANNA = Principal(1001, 100, 12, (100, 27))
CLIENT = Principal(NOBODY, NOBODY, certificate=("ops\n+ forged=yes",), address="192.0.2.1")
AT = "2025-11-13T15:01:20.102Z"


class Bench:
    """An audit in memory."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.writer = MemoryWriter()
        self.audit = Audit("/log/audit.log", self.writer, self.clock, lambda: 1_763_046_080.102)

    def lines(self) -> list[str]:
        return self.writer.files.get("/log/audit.log", b"").decode().splitlines()


@pytest.fixture
def bench():
    """Return an audit that leaves no delayed call."""
    made = Bench()
    yield made
    made.audit.stop()
    assert not made.clock.getDelayedCalls()


def test_a_change_is_a_line(bench):
    """It tells the time, who, from where, what with which jails, and what came of it."""
    bench.audit.changed(ANNA, "restart", ["web"], "ok")
    bench.audit.changed(ANNA, "log-rotate", ["web", "db"], "IO")
    bench.audit.changed(ANNA, "reload", [], "CONFIG")

    who = f"{AT} who=uid:1001 from=unix gid=100 pid=12"
    assert bench.lines() == [
        f"{who} verb=restart jail=web result=ok",
        f"{who} verb=log-rotate jail=web,db result=IO",
        f"{who} verb=reload result=CONFIG",
    ]


def test_a_refusal_names_the_rule(bench):
    """Whoever reads it knows which one to change."""
    bench.audit.denied(ANNA, "stop", ["db"], "access[1] group:ops")

    assert bench.lines() == [
        f'{AT} who=uid:1001 from=unix gid=100 pid=12 verb=stop jail=db result=DENIED rule="access[1] group:ops"'
    ]


def test_no_name_forges_a_line(bench):
    """What is not printable is escaped, and what could end a value is quoted."""
    bench.audit.changed(CLIENT, "stop", ["web"], "ok")

    assert bench.lines() == [f'{AT} who="cert:ops\\n+ forged=yes" from=192.0.2.1 verb=stop jail=web result=ok']


def test_refusals_do_not_fill_the_disk(bench):
    """Beyond some of them only their number is told, with the next line that may be written, or after a while."""
    for _ in range(BURST + 1000):
        bench.audit.denied(ANNA, "stop", [], "none")
    assert len(bench.lines()) == BURST
    bench.audit.denied(ANNA._replace(uid=7), "stop", [], "none")
    assert len(bench.lines()) == BURST + 1

    bench.clock.advance(TELL)
    assert bench.lines()[BURST + 1 :] == [f"{AT} who=uid:1001 result=DENIED left_out=1000"]

    for _ in range(50):
        bench.audit.denied(ANNA, "stop", [], "none")
    bench.clock.advance(10)
    bench.audit.denied(ANNA, "stop", [], "none")
    assert bench.lines()[-1].endswith(" rule=none left_out=38")


def test_changes_are_never_left_out(bench):
    """Who may change something is trusted with lines."""
    for _ in range(1000):
        bench.audit.changed(ANNA, "stop", ["web"], "ok")

    assert len(bench.lines()) == 1000


def test_the_end_tells_what_was_left_out(bench):
    """Nothing is forgotten when the daemon ends."""
    for _ in range(BURST + 3):
        bench.audit.denied(ANNA, "stop", [], "none")
    bench.audit.stop()

    assert bench.lines()[-1] == f"{AT} who=uid:1001 result=DENIED left_out=3"


def test_a_disk_that_refuses_does_not_fill_the_memory(bench):
    """So many lines wait, and how many were lost is told once it works again."""
    bench.writer.is_held = True
    for _ in range(WAITING + 5):
        bench.audit.changed(ANNA, "stop", ["web"], "ok")
    bench.writer.release()
    bench.audit.changed(ANNA, "start", ["web"], "ok")

    assert len(bench.lines()) == WAITING + 1
    assert bench.lines()[-1].endswith(" verb=start jail=web result=ok lost=5")


def test_the_file_is_reopened(tmp_path):
    """Once somebody moved it, what follows is in a new one; nobody else can read it."""
    os.chmod(tmp_path, 0o755)
    writer = ThreadWriter(lambda call: call(), lambda path, error: None)
    audit = Audit(str(tmp_path / "audit.log"), writer, Clock(), lambda: 0.0)
    audit.changed(ANNA, "stop", ["web"], "ok")
    audit.reopen()
    audit.changed(ANNA, "start", ["web"], "ok")
    writer.stop()
    text = (tmp_path / "audit.log").read_text()

    told = [line.split("verb=")[1] for line in text.splitlines()]
    assert told == [
        "stop jail=web result=ok",
        "start jail=web result=ok",
    ]
    assert (tmp_path / "audit.log").stat().st_mode & 0o777 == 0o640


def test_who_was_turned_away_is_a_line(bench):
    """All of them share one ration: an address costs nothing, and could be any."""
    assert bench.audit.turned_away("192.0.2.1", "it showed no certificate")
    assert bench.lines() == [
        f'{AT} who=tls from=192.0.2.1 verb=connect result=DENIED reason="it showed no certificate"'
    ]

    for number in range(BURST + 10):
        bench.audit.turned_away(f"192.0.2.{number}", "it showed no certificate")
    assert len(bench.lines()) == BURST
    assert not bench.audit.turned_away("198.51.100.1", "it showed no certificate")


def test_all_names_of_a_certificate_are_written_down(bench):
    """A rule may have been about any of them; where one ends is plain, also of URIs, which may have a comma."""
    many = Principal(NOBODY, NOBODY, certificate=("alice", "tag:example.org,2026:web"), address="192.0.2.1")
    bench.audit.changed(many, "stop", ["web"], "ok")

    assert bench.lines() == [
        f'{AT} who=cert:alice from=192.0.2.1 names="alice tag:example.org,2026:web" verb=stop jail=web result=ok'
    ]


def test_what_a_signal_did_is_written_down(bench):
    """The kernel does not say who sent it."""
    bench.audit.signalled("reload", "CONFIG")

    assert bench.lines() == [f"{AT} who=signal from=signal verb=reload result=CONFIG"]
