"""Tests for :mod:`runjd.protocols.control.authority`: every verb, for every role."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from runjd.policy.access import CONNECTION, DAEMON, JAIL, JAILS, ROLES, VERBS, Rule, Subject, includes
from runjd.policy.facts import Definition
from runjd.policy.settings import Settings
from runjd.protocols.control.verbs.all import all_verbs
from tests.protocols.control.offline import FULL, Offline

EVERYBODY = (Subject("anybody", text="everybody"),)

#: a request for each verb, and what it is about where that is a jail
REQUESTS = {
    "attach": "attach {jail} mode=frame",
    "cancel": "cancel 4",
    "delete": "delete {jail} force=yes",
    "disable": "disable {jail}",
    "enable": "enable {jail}",
    "exec": "exec {jail} /bin/true",
    "kill": "kill {jail} HUP",
    "log": "log {jail}",
    "log-reopen": "log reopen {jail}",
    "log-rotate": "log rotate {jail}",
    "pause": "pause {jail}",
    "plan": "plan {jail}",
    "reload": "reload dry-run=yes",
    "reset": "reset {jail}",
    "resume": "resume {jail}",
    "resize": "resize {jail} rows=4 cols=5",
    "restart": "restart {jail}",
    "run": "run {jail} /bundle",
    "sessions": "sessions {jail}",
    "show": "show {jail}",
    "shutdown": "shutdown keep",
    "upgrade": "upgrade",
    "start": "start {jail}",
    "stats": "stats {jail}",
    "status": "status {jail}",
    "stop": "stop {jail}",
    "try-restart": "try-restart {jail}",
    "wait": "wait {jail} until=started",
}
#: the verbs that leave jails alone whatever they are asked
WITHOUT = {"help", "caps", "whoami", "ping", "hello", "quit", "dump", "list", "metrics", "subscribe", "unsubscribe"}


def deeds() -> Iterator[tuple[str, str, str]]:
    """Yield all that can be asked for: name, role, and what it is about."""
    for verb in all_verbs().verbs.values():
        yield verb.name.lower(), verb.role, verb.about
    yield "log-rotate", "operator", JAILS
    yield "log-reopen", "operator", JAILS


@pytest.fixture
def offline():
    """Return a connection of an observer; the jail web is configured, the jail own was made by run."""
    made = Offline()
    made.jails.run(Definition("own", "/bundles/own", "memory", stdin=True), "uid:0")
    yield made
    made.lose()


def code_of(offline: Offline, deed: str, jail: str = "web") -> str:
    """Ask for it, and return the code of the answer, ``ok`` where there is none."""
    lines = offline.say(REQUESTS.get(deed, deed).format(jail=jail))
    last = next(each for each in lines if each[0] in "+-")
    return last.split()[1] if last[0] == "-" else "ok"


def test_every_verb_can_be_named_in_a_rule():
    """The verbs that the configuration knows are those that there are."""
    assert set(VERBS) == {name for name, _, _ in deeds()}


@pytest.mark.parametrize("role", ROLES[1:])
@pytest.mark.parametrize(("deed", "needed", "about"), list(deeds()), ids=[name for name, _, _ in deeds()])
def test_a_verb_is_for_its_role_and_those_above(offline, deed, needed, about, role):
    """Each verb is denied to whoever has a lower role, and to nobody else."""
    offline.guard.take((Rule("access[0]", EVERYBODY, role),))

    assert (code_of(offline, deed) == "DENIED") is not includes(role, needed)
    assert deed in REQUESTS or deed in WITHOUT
    assert about in (CONNECTION, DAEMON, JAILS, JAIL)


@pytest.mark.parametrize("deed", [name for name, _, about in deeds() if about in (JAIL, JAILS) and name in REQUESTS])
def test_a_verb_about_a_jail_minds_the_jail(offline, deed):
    """Whoever has a role with one jail is denied the same with another, whether there is one of that name or not."""
    offline.guard.take((Rule("access[0]", EVERYBODY, verbs=(deed,), jails=("web",)),))

    for jail in ("own", "absent"):
        assert code_of(offline, deed, jail) == "DENIED"
    assert code_of(offline, deed) != "DENIED"


@pytest.mark.parametrize("deed", [name for name, _, about in deeds() if about == DAEMON])
def test_a_verb_about_the_daemon_needs_a_rule_for_all_jails(offline, deed):
    """Somebody who is trusted with some jails only does not reload or end the daemon."""
    offline.guard.take((Rule("access[0]", EVERYBODY, verbs=(deed,), jails=("*",)),))
    assert code_of(offline, deed) == "DENIED"

    offline.guard.take((Rule("access[0]", EVERYBODY, verbs=(deed,)),))
    assert code_of(offline, deed) != "DENIED"


@pytest.mark.parametrize(
    "deed", [name for name, role, about in deeds() if role == "operator" and about in (JAIL, JAILS)]
)
def test_an_operator_minds_the_configuration(offline, deed):
    """An operator does nothing to a jail that was made by run."""
    offline.guard.take((Rule("access[0]", EVERYBODY, "operator"),))

    assert code_of(offline, deed, "own") == "DENIED"


def test_denied_before_anything_else(offline):
    """Whoever may not use a verb is not told what else is wrong with the request."""
    offline.guard.take((Rule("access[0]", EVERYBODY, "observer"),))

    assert code_of(offline, "reload dry-run=maybe") == "DENIED"
    assert code_of(offline, "stop") == "DENIED"
    assert offline.say("show")[0].startswith("- BAD_ARG verb=show ")


def test_what_decided(offline):
    """The answer names verb, jail, role and rule."""
    offline.guard.take(
        (Rule("access[0]", EVERYBODY, verbs=("stop",), is_denial=True), Rule("access[1]", EVERYBODY, "operator"))
    )

    assert offline.say("stop web") == [
        (
            '- DENIED verb=stop jail=web role=operator rule="access[0] everybody" '
            'msg="stop of web is denied by access[0] everybody"'
        )
    ]
    assert offline.say("start own") == [
        (
            "- DENIED verb=start jail=own role=operator rule=none "
            'msg="start of own needs the role admin: it was made by run, or its configuration says so"'
        )
    ]


def test_only_what_may_be_seen_is_listed(offline):
    """LIST, STATUS, STATS, PLAN, SESSIONS and patterns are about the jails of the rules alone."""
    offline.guard.take((Rule("access[0]", EVERYBODY, "operator", jails=("w*",)),))

    for request in ("list", "status", "status *", "stats", "stats *", "plan", "sessions"):
        lines = offline.say(request)
        assert not [each for each in lines if "own" in each], request
        assert lines[-1][0] == "+"
    assert offline.say("status *")[-1] == "+ n=1"


def test_a_near_miss_is_one_that_may_be_seen(offline):
    """The hint about a name that is not known tells no other name."""
    offline.guard.take((Rule("access[0]", EVERYBODY, "observer", jails=("web", "owl")),))
    assert offline.say("show owl") == ['- NOJAIL jail=owl msg="no jail named \\"owl\\""']

    offline.guard.take((Rule("access[0]", EVERYBODY, "observer", jails=("o*",)),))
    assert offline.say("show owl") == ['- NOJAIL jail=owl msg="no jail named \\"owl\\"; did you mean \\"own\\"?"']


def test_only_events_of_jails_that_may_be_seen_are_shown(offline):
    """Neither what happens nor what happened is told of other jails; other rules count from the next event on."""
    offline.guard.take((Rule("access[0]", EVERYBODY, "observer", jails=("w*",)),))
    offline.jails.kill("own", 17, "uid:0")
    offline.jails.kill("web", 17, "uid:0")

    lines = offline.say("subscribe since=7f3a91:0")
    assert [each for each in lines if "jail=web" in each]
    assert not [each for each in lines if "jail=own" in each]

    offline.jails.kill("own", 17, "uid:0")
    assert not offline.lines()
    offline.guard.take((Rule("access[0]", EVERYBODY, "observer", jails=("own",)),))
    offline.jails.kill("own", 17, "uid:0")
    offline.jails.kill("web", 17, "uid:0")
    assert ["jail=own" in each for each in offline.lines()] == [True]


def test_the_sessions_of_others_are_closed_by_who_may(offline):
    """The number of a session is as good as the name of its jail."""
    viewer = Offline(offline.jails)
    try:
        viewer.say("attach own")
        number = viewer.jails.sessions("own")[0].number
        see = Rule("access[1]", EVERYBODY, "observer")
        offline.guard.take((Rule("access[0]", EVERYBODY, "operator", jails=("web",)), see))

        assert code_of(offline, f"sessions close={number}") == "DENIED"
        assert code_of(offline, f"sessions close={number + 1}") == "NOTFOUND"
        assert viewer.jails.sessions("own")
    finally:
        viewer.lose()


def test_a_session_of_a_jail_that_may_not_be_seen_is_not_told_of(offline):
    """Whoever tries numbers hears the same of those there are not, and no name."""
    viewer = Offline(offline.jails)
    try:
        viewer.say("attach own")
        number = viewer.jails.sessions("own")[0].number
        offline.guard.take((Rule("access[0]", EVERYBODY, "operator", jails=("web",)),))

        hidden, absent = offline.say(f"sessions close={number}"), offline.say(f"sessions close={number + 1}")

        assert [each.replace(str(number + 1), "N") for each in absent] == [
            each.replace(str(number), "N") for each in hidden
        ]
        assert "NOTFOUND" in hidden[0]
        assert viewer.jails.sessions("own")
        assert code_of(offline, "sessions own") == "DENIED"
    finally:
        viewer.lose()


def test_what_a_jail_waits_for_is_named_to_those_who_may_see_it(offline):
    """In plans, in the status and in all that is shown; others hear that there is another jail."""
    offline.jails.run(Definition("late", "/bundles/late", "", settings=Settings(requires=("own", "owner"))), "uid:0")
    offline.jails.stop("own", "uid:0")
    everything = [*offline.say("plan late"), *offline.say("status late"), *offline.say("show late")]
    assert any("own" in each for each in everything)

    offline.guard.take((Rule("access[0]", EVERYBODY, "observer", jails=("late", "web")),))

    for request in ("plan late", "status late", "show late"):
        for line in offline.say(request):
            assert "own" not in line.replace("unknown", ""), line


def test_what_a_jail_waits_for_is_named_in_events_to_those_who_may_see_it(offline):
    """In those that happen and in those that happened, by the rules of this moment."""
    waits = {"to": "waiting", "reason": "waiting for owner (failed), web (starting)"}
    offline.guard.take((Rule("access[0]", EVERYBODY, "observer", jails=("late", "web")),))
    offline.jails.events.emit("late", "state", waits)
    *_, past = offline.say("subscribe since=000000:0")
    offline.jails.events.emit("late", "state", waits)
    (present,) = offline.lines()
    for line in (past, present):
        assert 'reason="waiting for another jail (failed), web (starting)"' in line

    offline.guard.take((OBSERVER,))
    offline.jails.events.emit("late", "state", waits)
    assert 'reason="waiting for owner (failed), web (starting)"' in offline.lines()[0]


def test_events_of_the_daemon_are_for_those_who_may_see_all(offline):
    """A rule that names jails is about these alone."""
    offline.guard.take((Rule("access[0]", EVERYBODY, "observer", jails=("web",)),))
    offline.say("subscribe")
    offline.jails.events.emit("", "reload", {"state": "done"})
    assert offline.lines() == []
    offline.guard.take((OBSERVER,))
    offline.jails.events.emit("", "reload", {"state": "done"})

    assert ["ev=reload" in each for each in offline.lines()] == [True]


OBSERVER, OPERATOR = Rule("access[0]", EVERYBODY, "observer"), Rule("access[0]", EVERYBODY, "operator")


def test_what_is_waited_for_ends_with_the_permission(offline):
    """What is in flight and not allowed any more is cancelled; what is allowed goes on."""
    offline.guard.take((OPERATOR,))
    offline.say("1 wait web\n2 wait web exec=x1")
    offline.send("3 log web follow=yes")
    assert offline.lines()[-1:] == []

    offline.guard.take((Rule("access[0]", EVERYBODY, verbs=("wait",)),))

    assert offline.lines() == ['-3 CANCELLED msg="no longer waited for"']
    assert code_of(offline, "log") == "DENIED"


def test_a_session_ends_with_the_permission(offline):
    """A stream that is not allowed any more is closed, and the session with it."""
    offline.guard.take((OPERATOR,))
    offline.say("attach web")
    assert offline.jails.sessions("web")

    offline.guard.take((OBSERVER,))

    assert not offline.jails.sessions("web")
    assert offline.socket.disconnecting


def test_a_session_ends_when_the_jail_becomes_the_administrators(offline):
    """Whoever may not begin one any more does not keep one."""
    offline.guard.take((OPERATOR,))
    offline.say("attach web")

    offline.jails.configured.discard("web")
    offline.guard.take((OPERATOR,))

    assert not offline.jails.sessions("web")


def test_a_session_that_is_allowed_stays(offline):
    """Other rules disturb nobody whom they allow the same."""
    offline.guard.take((OPERATOR,))
    offline.say("attach web")

    offline.guard.take((OPERATOR, OBSERVER))

    assert offline.jails.sessions("web")
    assert not offline.socket.disconnecting


def test_a_stranger_is_sent_away(offline):
    """Whom other rules allow nothing hears why, and his connection is closed."""
    offline.guard.take(())

    assert offline.lines() == ['-? BYE msg="no rule of the configuration allows uid:0 anything any more"']
    assert offline.socket.disconnecting


def test_a_stranger_is_not_let_in():
    """In place of the greeting he is told so, and that is written down."""
    stranger = Offline(role="none")
    try:
        stranger.guard.take(())
        other = stranger.hall.members
        late = stranger.again()
        reason = "no rule of the configuration allows uid:0 anything"
        assert late.greeting == f'-? DENIED role=none who=uid:0 msg="{reason}"\n'
        assert stranger.hall.members == other
        assert stranger.audit()[-1] == "who=uid:0 from=unix gid=0 pid=1 verb=connect result=DENIED rule=none"
        late.protocol.connectionLost(None)
        os.close(late.socket.fd)
    finally:
        stranger.lose()


def test_changes_and_refusals_are_written_down(offline):
    """Each with what came of it, and without what a program is given; what only looks is not."""
    offline.guard.take((OPERATOR,))
    who = "who=uid:0 from=unix gid=0 pid=1 verb="

    for request in ("status", "log web", "stop web", "exec web /bin/sh env.1=SECRET=1", "start absent", "stop own"):
        offline.say(request)
    offline.say("start web")
    offline.say("log rotate web")
    offline.say("exec web /bin/sh -c SECRET env.1=SECRET=1")

    assert offline.audit() == [
        f"{who}stop jail=web result=ok",
        f"{who}exec jail=web result=STATE",
        f"{who}stop jail=own result=DENIED rule=none",
        f"{who}start jail=web result=ok",
        f"{who}log-rotate jail=web result=ok",
        f"{who}exec jail=web result=ok",
    ]


def test_what_the_client_does_not_read_is_written_down(offline):
    """Nothing that somebody did stays out of the audit because he reads no answers, and leaves."""
    while offline.socket.unread <= FULL:
        offline.send(b"help\n" * 5)
    offline.send("2 kill web USR1")
    assert offline.audit() == []
    offline.lose()

    assert offline.audit() == ["who=uid:0 from=unix gid=0 pid=1 verb=kill jail=web result=ok"]


def test_what_the_client_does_not_wait_for_is_written_down(offline):
    """A change goes on without the client, and so does the word of it."""
    offline.send("kill web CHLD wait=stopped")
    offline.lose()

    assert offline.audit() == ["who=uid:0 from=unix gid=0 pid=1 verb=kill jail=web result=CANCELLED"]
