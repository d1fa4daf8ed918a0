"""``runjctl reload``, against a scripted daemon."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.cli.program import runjctl
from tests.cli.scripted import Scripted, answering

Start = Callable[..., Scripted]

CHANGES = (
    b"* jail=new change=added\n* jail=old change=removed\n"
    b"* jail=web change=changed key=command from=/a to=/b takes=start\n"
    b"* change=changed key=state from=- to=/s takes=daemon\n"
    b"+ added=1 removed=1 changed=1 unchanged=2 applied=no\n"
)


def test_people_see_what_changes_and_from_when_on(scripted: Start) -> None:
    """A row for each jail and key, and the numbers."""
    daemon = scripted(answering(("reload dry-run=yes", CHANGES)))

    done = runjctl("-s", daemon.path, "reload", "-n")

    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        "JAIL  CHANGE   FROM  TO  TAKES",
        "new   added    -     -   now",
        "old   removed  -     -   now; it is stopped",
        "web   command  /a    /b  at next start",
        "-     state    -     /s  needs restart of the daemon",
    ]
    assert done.stderr == b"runjctl: would be: 1 added, 1 changed, 1 removed, 2 unchanged\n"


def test_programs_get_one_value(scripted: Start) -> None:
    """Numbers are numbers."""
    daemon = scripted(answering(("reload", CHANGES)))

    found = json.loads(runjctl("-s", daemon.path, "reload", "--json").stdout)

    assert (found["added"], found["unchanged"], found["applied"]) == (1, 2, "no")
    assert found["changes"][2] == {
        "jail": "web", "change": "changed", "key": "command", "from": "/a", "to": "/b", "takes": "start"
    }  # fmt: skip


def test_nothing_to_do_is_said(scripted: Start) -> None:
    """There is no table of nothing."""
    daemon = scripted(answering(("reload", b"+ added=0 removed=0 changed=0 unchanged=2 applied=yes\n")))

    done = runjctl("-s", daemon.path, "reload")

    assert (done.stdout, done.stderr) == (b"", b"runjctl: 0 added, 0 changed, 0 removed, 2 unchanged\n")


def test_all_that_is_wrong_is_told(scripted: Start) -> None:
    """One thing on a line, nothing of it for the terminal, and that nothing changed."""
    answer = b'| F /e/a.toml:3: x: is wrong\n| F /e/b.toml: \\x1b[2J\n- CONFIG faults=7 msg="..."\n'
    daemon = scripted(answering(("reload", answer)))

    done = runjctl("-s", daemon.path, "reload")

    assert (done.returncode, done.stdout) == (78, b"")
    assert done.stderr.decode().splitlines() == [
        "/e/a.toml:3: x: is wrong",
        "/e/b.toml: \\x1b[2J",
        "runjctl: the configuration stays as it was (5 more faults; runjctl check shows all)",
    ]


def test_jails_that_changed_are_restarted_on_demand(scripted: Start) -> None:
    """Those that need it, all at once; what goes wrong is told, and the status is that of the first."""
    answer = (
        b"* jail=a change=changed key=command from=/a to=/b takes=start\n"
        b"* jail=a change=changed key=cwd from=/ to=/b takes=start\n"
        b"* jail=b change=changed key=stop.timeout from=1 to=2 takes=now\n"
        b"* jail=c change=changed key=bundle from=/ to=/b takes=start\n"
        b"+ added=0 removed=0 changed=3 unchanged=0 applied=yes\n"
    )
    daemon = scripted(
        answering(
            ("reload", answer),
            ("1 try-restart a", b"+1 jail=a phase=running ready=yes\n"),
            ("2 try-restart c", b'-2 DEPEND msg="db failed"\n'),
        )
    )

    done = runjctl("-s", daemon.path, "reload", "--restart")

    assert done.returncode == 69
    assert done.stderr.decode().splitlines()[1:] == ["runjctl: a is running", "runjctl: db failed"]
