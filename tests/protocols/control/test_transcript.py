"""The transcript of the protocol's description, as far as jails that are only talked about can play it."""

from __future__ import annotations

import pytest

from runjd.errors import DependencyFailed
from tests.protocols.control.offline import Offline


@pytest.fixture
def offline():
    """Return a connection without a socket, of an operator."""
    made = Offline(role="operator")
    yield made
    made.lose()


def test_the_conversation(offline):
    """A person types, then a program speaks."""
    assert offline.greeting.startswith("! 0 ev=hello proto=1 server=runjd/0.4.0 run=7f3a91 pid=")
    assert " role=operator uid=0 max_line=8192 caps=attach,exec,follow" in offline.greeting
    assert offline.say("status") == [
        "* jail=web want=up status=running phase=running ready=yes pid=2210 up=0.0 restarts=0",
        "+ n=1",
    ]
    assert offline.say("start webb") == ['- NOJAIL jail=webb msg="no jail named \\"webb\\"; did you mean \\"web\\"?"']
    offline.jails.output("web", b"listening on \xc3\x28\n")
    offline.jails.output("web", b"panic: no database\n", "err")
    last = offline.jails.events.last_seq

    lines = offline.say(f"1 subscribe ev=state,exit since=7f3a91:{last}")
    lines += offline.say("2 restart web wait=ready timeout=30\n3 log web lines=2")

    at = "2025-11-23T15:01:20.102Z"
    assert lines == [
        f"+1 seq={last + 1}",
        f"! {last + 1} at={at} jail=web ev=state from=running to=stopping by=uid:0",
        f"! {last + 2} at={at} jail=web ev=exit pid=2210 signal=15 by=uid:0",
        f"! {last + 3} at={at} jail=web ev=state from=stopping to=idle by=uid:0",
        f"! {last + 4} at={at} jail=web ev=state from=idle to=starting by=uid:0",
        f"! {last + 5} at={at} jail=web ev=state from=starting to=running by=uid:0 pid=2211",
        "+2 jail=web phase=running ready=yes pid=2211 took_ms=0",
        "|3 F 2025-11-23T15:01:20.102000000Z out listening on \\xc3(",
        "|3 F 2025-11-23T15:01:20.102000000Z err panic: no database",
        "+3 lines=2 next=1:2",
    ]
    assert offline.say("4 reload dry-run=yes") == [
        '-4 DENIED verb=reload role=operator rule=none msg="reload needs the role admin, which uid:0 does not have"'
    ]
    assert offline.say("attach web mode=frame rows=40 cols=120") == [
        '- STATE msg="a subscription is open on this connection; attach on another one"'
    ]


def test_errors_keep_their_code_and_details(offline):
    """What the controller raises comes out as it is."""
    offline.jails.exit("web", 0)
    offline.jails.next_start_error = DependencyFailed("web needs db, which is down", needs="db")

    assert offline.say("start web") == ['- DEPEND needs=db msg="web needs db, which is down"']
