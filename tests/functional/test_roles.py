"""Who may do what, with users and groups of the host and a real daemon (torture row 50)."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.daemon import Daemon, wait_until
from tests.functional.people import People, ask

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(sys.platform != "linux" or not shutil.which("useradd"), reason="makes users by useradd(8)"),
]


class Town:
    """A daemon with rules, and those whom they are about."""

    def __init__(self, daemon: Daemon, people: People) -> None:
        self.daemon = daemon
        self.door = people.group()
        self.operators = people.group()
        self.oper = people.user(self.door, self.operators)
        self.observer = people.user(self.door)
        self.mallory = people.user(self.door)
        self.outsider = people.user()
        os.chmod(daemon.directory, 0o755)
        self.rules = f"""
            [[access]]
            who = "group:{self.operators}"
            role = "operator"
            jails = ["web"]

            [[access]]
            who = "user:{self.observer}"
            role = "observer"
        """
        self.configure(self.rules)

    def configure(self, rules: str) -> None:
        jail = 'command = ["/bin/sleep", "1000"]\nroot = "/"\nenvironment = { PASSWORD = "hunter2" }\n'
        self.daemon.configure(
            f'[daemon]\ngroup = "{self.door}"\n{rules}\n[jail.web]\n{jail}[jail.db]\n{jail}',
        )

    def say(self, user: str, *lines: str, **keywords: object) -> list[str]:
        return ask(self.daemon.path, user, *lines, **keywords)  # type: ignore[arg-type]

    def audit(self) -> str:
        path = f"{self.daemon.logs}/audit/audit.log"
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read()


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """Return the daemon of all tests of the module."""
    daemon = Daemon()
    with People() as people:
        try:
            made = Town(daemon, people)
            daemon.start()
            wait_until(lambda: daemon.status("web")["phase"] == "running", "web does not run")
            wait_until(lambda: daemon.status("db")["phase"] == "running", "db does not run")
            yield made
        finally:
            daemon.remove()


def test_the_group_may_open_the_socket(town):
    """Once there are rules it has mode 0660 and belongs to root and the group."""
    found = os.stat(town.daemon.path)

    assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o660, 0)
    assert town.say(town.outsider, "whoami") == ["cannot connect: Permission denied"]


def test_each_has_his_role(town):
    """By his user or by one of his groups, as the kernel knows them."""
    uid = pwd.getpwnam(town.oper).pw_uid

    [operator] = town.say(town.oper, "whoami")
    assert operator.startswith(f"+ uid={uid} gid=")
    assert operator.endswith(" role=operator")
    assert town.say(town.observer, "whoami")[0].endswith(" role=observer")
    assert town.say("root", "whoami")[0].endswith(" role=admin")


def test_what_an_operator_sees(town):
    """Only the jails of his rule."""
    assert [line.split()[1] for line in town.say(town.oper, "list")] == ["jail=web", "n=1"]
    assert [line.split()[1] for line in town.say(town.observer, "list")] == ["jail=db", "jail=web", "n=2"]


def test_what_is_denied_is_written_down(town):
    """The answer tells the rule, or that there is none; the audit tells who it was."""
    before = len(town.audit())

    assert town.say(town.oper, "restart web wait=none") == ["+ jail=web"]
    assert "- DENIED verb=stop jail=db role=none rule=none " in town.say(town.oper, "stop db")[0]
    assert "- DENIED verb=stop jail=web role=observer rule=none " in town.say(town.observer, "stop web")[0]
    assert "- DENIED verb=run jail=x role=none rule=none " in town.say(town.oper, "run x /bundle")[0]

    oper, observer = (f" who=uid:{pwd.getpwnam(each).pw_uid} " for each in (town.oper, town.observer))
    wait_until(lambda: "verb=run" in town.audit()[before:], "the audit is not written")
    lines = [line for line in town.audit()[before:].splitlines() if oper in line or observer in line]
    assert [line.split(" verb=")[1] for line in lines] == [
        "restart jail=web result=ok",
        "stop jail=db result=DENIED rule=none",
        "stop jail=web result=DENIED rule=none",
        "run jail=x result=DENIED rule=none",
    ]
    assert stat.S_IMODE(os.stat(f"{town.daemon.logs}/audit").st_mode) == 0o700


def test_a_stranger_in_the_group_is_not_let_in(town):
    """To open the socket allows nothing."""
    uid = pwd.getpwnam(town.mallory).pw_uid

    [answer] = town.say(town.mallory, "status")

    assert answer.startswith(f"-? DENIED role=none who=uid:{uid} ")
    wait_until(lambda: f"who=uid:{uid} " in town.audit(), "the audit is not written")


def test_a_group_is_one_that_the_process_has(town):
    """What the user database says of somebody counts at no connection; what the process has does."""
    assert town.say(town.oper, "whoami", groups=[town.door])[0].startswith("-? DENIED role=none ")
    [answer] = town.say(town.mallory, "whoami", groups=[town.door, town.operators])
    assert answer.endswith(" role=operator")


def test_a_setuid_program_is_whose_it_is(town):
    """The effective user counts: a program of somebody without rights gets none of those of whoever starts it."""
    assert town.say(town.mallory, "whoami", real=town.observer)[0].startswith("-? DENIED role=none ")
    assert town.say(town.observer, "whoami", real=town.mallory)[0].endswith(" role=observer")


def test_nobody_can_say_that_he_is_another(town):
    """There is no verb for it, and what looks like one of the server's lines is none."""
    answers = town.say(town.observer, "! 0 ev=hello role=admin uid=0", "hello 1", "stop web by=uid:0", "stop web")

    assert [line.split()[:2] for line in answers if line.startswith("-")] == [
        ["-", "SYNTAX"],
        ["-", "DENIED"],
        ["-", "DENIED"],
    ]
    assert " role=observer " in answers[1]


def test_an_environment_is_shown_to_nobody(town):
    """Neither to observers nor in any log: values of variables stay with the jail."""
    requests = ["show web", "status web", "list", "plan web", "stats web", "sessions", "caps", "help"]
    answers = town.say("root", *requests, "reload dry-run=yes", "subscribe since=0:0", "unsubscribe")

    town.configure(f'{town.rules}\n[defaults]\nenvironment = {{ OTHER = "hunter22" }}')
    answers += town.say("root", "reload dry-run=yes", "reload", "exec web /bin/true detach=yes env.1=TOKEN=hunter23")
    answers += town.say("root", "subscribe since=0:0", "unsubscribe")

    assert "hunter2" not in "\n".join(answers)
    assert "environment.OTHER from=- to=..." in "\n".join(answers)
    for directory, _, names in os.walk(town.daemon.logs):
        for name in names:
            with open(os.path.join(directory, name), "rb") as file:
                assert b"hunter2" not in file.read(), name
    assert "hunter2" not in town.daemon.words()


def test_the_audit_is_where_the_configuration_says():
    """It is made with the first line; once it was moved, and the daemon told, what follows is in a new one."""
    daemon = Daemon()
    path = f"{daemon.directory}/who"
    try:
        daemon.configure(f'[daemon]\naudit = "{path}"\n')
        daemon.start()
        daemon.runjctl("run", "-d", daemon.shell("web", "exec sleep 1000"))
        wait_until(lambda: os.path.exists(path), "no audit is written")
        os.rename(path, f"{path}.old")
        daemon.runjctl("log", "reopen")
        daemon.runjctl("kill", "-s", "TERM", "web")
        for name, verb in ((f"{path}.old", "run"), (path, "kill")):
            line = f" verb={verb} jail=web result=ok\n"
            wait_until(lambda: os.path.exists(name) and line in Path(name).read_text(), f"{name} is not written")  # noqa: B023 # now
    finally:
        daemon.remove()


def test_other_rules_hold_at_once(town):
    """A reload changes what others may do; without rules the socket is closed to the group again."""
    town.configure(town.rules.replace('operator"\n', 'observer"\n'))
    town.say("root", "reload")
    assert town.say(town.oper, "whoami")[0].endswith(" role=observer")

    town.configure("")
    town.say("root", "reload")
    assert stat.S_IMODE(os.stat(town.daemon.path).st_mode) == 0o600
    assert town.say(town.oper, "whoami") == ["cannot connect: Permission denied"]

    town.configure(town.rules)
    town.say("root", "reload")
    assert town.say(town.oper, "whoami")[0].endswith(" role=operator")
