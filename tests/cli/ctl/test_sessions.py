"""runjctl sessions, and attach where others are attached."""

from __future__ import annotations

import json

from runjd.protocols.attach import format_named
from tests.cli.program import runjctl
from tests.cli.scripted import HELLO, Peer
from tests.cli.test_runjctl import Start, answering

SESSIONS = (
    b"* session=3 kind=attach jail=web pid=7 by=uid:1 since=2026-11-23T15:01:20.102Z input=yes paused=no lost=0\n"
    b"* session=4 kind=exec jail=web exec=x1 pid=8 by=uid:2 since=2026-11-23T15:01:21.000Z input=no paused=yes lost=9\n"
    b"+ n=2\n"
)


def test_sessions_are_a_table_for_people_and_an_array_for_programs(scripted: Start) -> None:
    """Numbers, who, and whose input counts."""
    daemon = scripted(answering(("sessions web", SESSIONS)), answering(("sessions", SESSIONS)))

    table = runjctl("-s", daemon.path, "sessions", "web").stdout.decode().splitlines()
    found = json.loads(runjctl("-s", daemon.path, "sessions", "--json").stdout)

    assert table[0].split()[:6] == ["SESSION", "KIND", "JAIL", "EXEC", "BY", "INPUT"]
    assert table[2].split()[:7] == ["4", "exec", "web", "x1", "uid:2", "no", "yes"]
    assert [(each["session"], each["lost"]) for each in found] == [(3, 0), (4, 9)]


def test_closing_a_session(scripted: Start) -> None:
    """By its number; success is silent."""
    daemon = scripted(answering(("sessions close=3", b"+ session=3 jail=web\n")))
    done = runjctl("-s", daemon.path, "sessions", "--close", "3")
    assert (done.returncode, done.stdout) == (0, b"")


def test_who_is_closed_learns_by_whom(scripted: Start) -> None:
    """The program runs on, and the message says how to come back; so it does for the one who only looks on."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear() == "attach web mode=frame exec=x1 input=steal"
        peer.say(b"+ jail=web exec=x1 pid=8 mode=frame tty=no session=5 input=no typist=uid:2\n")
        peer.say(format_named("X", [("closed", "uid:0")]))

    done = runjctl("-s", scripted(script).path, "attach", "--exec", "x1", "--steal", "web")
    told = done.stderr.decode()
    assert done.returncode == 125
    assert "uid:2 types into web, and you look on" in told
    assert "uid:0 closed this session; runjctl attach --exec x1 web comes back to it" in told


def test_one_way_to_type_at_a_time(scripted: Start) -> None:
    """Options that contradict each other are told, and no connection is made."""
    done = runjctl("attach", "--share", "--read-only", "web")
    assert done.returncode == 125
    assert b"do not go together" in done.stderr
