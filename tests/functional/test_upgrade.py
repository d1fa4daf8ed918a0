"""Daemon and keeper are replaced by the version that is installed, while the jails go on."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tests.functional.daemon import Daemon, wait_until
from tests.functional.person import Person


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Return runjd as it is installed in version 1.0, running."""
    made = Daemon(installed=True)
    try:
        made.start()
        yield made
    finally:
        made.remove()


def _install(daemon: Daemon, version: str, **changes: str) -> None:
    assert daemon.installation is not None
    daemon.installation.install(version, **changes)


def _greeting(daemon: Daemon) -> dict[str, str]:
    with socket.socket(socket.AF_UNIX) as made:
        made.connect(daemon.path)
        words = made.makefile("r", encoding="utf-8").readline().split()
    return dict(word.split("=", 1) for word in words if "=" in word)


def test_all_is_replaced_and_the_jails_go_on(daemon: Daemon) -> None:
    """Pids stay, of the daemon, the keeper and the jail; the versions are told, and the jail can be stopped."""
    daemon.runjctl("run", "-d", "--name", "web", daemon.shell("web", "trap 'exit 0' TERM; while :; do sleep 0.1; done"))
    before, keeper, greeting = daemon.status("web"), daemon.keeper(), _greeting(daemon)
    _install(daemon, "2.0")

    done = daemon.upgrade()

    after = _greeting(daemon)
    assert done.stdout.decode() == (f"daemon  1.0 -> 2.0  run {after['run']}, pid {daemon.pid}\nkeeper  1.0 -> 2.0\n")
    assert after["server"] == "runjd/2.0"
    assert after["run"] != greeting["run"]
    assert (after["pid"], daemon.keeper()) == (str(daemon.pid), keeper)
    for key in ("pid", "status", "phase", "want", "restarts"):
        assert daemon.status("web")[key] == before[key]
    daemon.runjctl("stop", "web")
    assert daemon.status("web")["exit"] == 0


def test_what_it_comes_to_is_told_to_programs(daemon: Daemon) -> None:
    """As JSON."""
    _install(daemon, "2.0")

    told = json.loads(daemon.upgrade("--json").stdout)

    assert {key: told[key] for key in ("from", "to", "keeper_from", "keeper_to", "pid")} == {
        "from": "1.0",
        "to": "2.0",
        "keeper_from": "1.0",
        "keeper_to": "2.0",
        "pid": daemon.pid,
    }


def test_no_client_is_refused_meanwhile(daemon: Daemon) -> None:
    """Whoever connects in any moment is greeted, if not by this daemon then by the next."""
    _install(daemon, "2.0")
    problems: list[str] = []
    versions: set[str] = set()
    is_over = threading.Event()

    def come() -> None:
        while not is_over.is_set():
            try:
                found = _greeting(daemon).get("server", "")
            except OSError as error:
                problems.append(str(error))
                return
            if found:  # nothing: it was about to be greeted when the daemon went
                versions.add(found)

    thread = threading.Thread(target=come)
    thread.start()
    try:
        daemon.upgrade()
        wait_until(lambda: "runjd/2.0" in versions or bool(problems), "nobody is greeted")
    finally:
        is_over.set()
        thread.join()

    assert (problems, versions) == ([], {"runjd/1.0", "runjd/2.0"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"runjd__supervise__vigil": "import no_such_module\n"}, "No module named 'no_such_module'"),
        ({"runjd__keeper__loop": "import no_such_module\n"}, "No module named 'no_such_module'"),
        (
            {"runjd__keeper__handover": "read.__defaults__ = STEPS, 0\n"},  # as of a version that is older than we
            "it is of version 1, written by a newer runjd; this one knows 0",
        ),
        ({"runjd__tap": "def make_service(*_):\n    os.kill(os.getpid(), 9)\n"}, "signal 9"),
    ],
)
def test_a_version_that_cannot_take_over_changes_nothing(daemon: Daemon, changes: dict[str, str], said: str) -> None:
    """The daemon that is there says what is wrong, and goes on as if nothing had been asked."""
    daemon.runjctl("run", "-d", "--name", "web", daemon.shell("web", "exec sleep 1000"))
    run = _greeting(daemon)["run"]
    _install(daemon, "2.0", **changes)

    done = daemon.upgrade(ok=False)

    assert done.returncode == 75
    assert said in done.stderr.decode()
    assert b"nothing was changed: repair the installation, and upgrade again" in done.stderr
    assert _greeting(daemon)["run"] == run
    daemon.runjctl("stop", "web")
    _install(daemon, "3.0")
    assert b"1.0 -> 3.0" in daemon.upgrade().stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only /proc tells that the code was put by")
def test_what_is_installed_is_not_mixed_into_the_daemon_that_is_there() -> None:
    """What is asked of it for the first time it does in its own version, until it is replaced."""
    daemon = Daemon(installed=True)
    daemon.configure("")
    try:
        daemon.start()
        _assert_unmixed(daemon)
    finally:
        daemon.remove()


def _assert_unmixed(daemon: Daemon) -> None:
    wait_until(lambda: _has_put_by(daemon), "the code of what it does later is not put by")
    broken = "raise SystemError('two versions at once')\n"
    _install(daemon, "2.0", runjd__protocols__outlets__program=broken, runjd__web__families=broken)
    out = f"{daemon.directory}/out"
    rule = f'bundle = "{daemon.shell("web", "echo line")}"\nlog = {{ program = ["/bin/sh", "-c", "cat > {out}"] }}\n'
    daemon.configure(f"[jail.web]\n{rule}")

    daemon.runjctl("reload")

    wait_until(lambda: os.path.exists(out) and os.path.getsize(out) > 0, "its output does not come to the program")


def _has_put_by(daemon: Daemon) -> bool:
    """Whether a file without a name in the directory of state has all that it will have."""
    before = _sizes_of_nameless(daemon)
    time.sleep(0.5)
    return sum(before) > 0 and before == _sizes_of_nameless(daemon)


def _sizes_of_nameless(daemon: Daemon) -> list[int]:
    sizes = []
    for each in os.scandir(f"/proc/{daemon.pid}/fd"):
        try:
            path = os.readlink(each.path)
            if path.startswith(daemon.state) and path.endswith("(deleted)"):
                sizes.append(os.stat(each.path).st_size)
        except FileNotFoundError:  # just closed
            continue
    return sizes


def test_going_back_is_an_upgrade_too(daemon: Daemon) -> None:
    """What is installed is what runs, be it older, as long as it knows the files that are there."""
    _install(daemon, "0.9")

    assert b"1.0 -> 0.9" in daemon.upgrade().stdout


def test_subscribers_are_told(daemon: Daemon) -> None:
    """They see an event with the versions, and who wanted it, before the connection ends."""
    _install(daemon, "2.0")
    with socket.socket(socket.AF_UNIX) as made:
        made.connect(daemon.path)
        made.sendall(b"subscribe ev=upgrade\n")
        lines = made.makefile("r", encoding="utf-8")
        while not lines.readline().startswith("+"):
            pass
        daemon.upgrade()
        told = lines.read()

    event = dict(word.split("=", 1) for word in told.splitlines()[0].split() if "=" in word)
    assert told.splitlines()[1:] == ['-? BYE msg="another version of the daemon takes its place; connect again"']
    assert {key: event[key] for key in ("ev", "from", "to", "by")} == {
        "ev": "upgrade",
        "from": "1.0",
        "to": "2.0",
        "by": f"uid:{os.getuid()}",
    }


def test_signals_meanwhile_do_not_end_the_daemon(daemon: Daemon) -> None:
    """A reload that is asked for by SIGHUP while nobody listens is done by starting; nothing ends."""
    _install(daemon, "2.0")
    with daemon.begin("upgrade") as upgrade:
        while upgrade.poll() is None:
            daemon.send_signal(signal.SIGHUP)
            daemon.send_signal(signal.SIGUSR1)
            time.sleep(0.005)
        assert upgrade.returncode == 0

    assert _greeting(daemon)["server"] == "runjd/2.0"


def test_limits_are_those_of_the_first_start() -> None:
    """What jails inherit does not grow with upgrades, also where the keeper is a new one."""
    daemon = Daemon(descriptors=0, installed=True)
    try:
        daemon.start()
        limits = "ulimit -Sn; exec sleep 1000"
        daemon.runjctl("run", "-d", "--name", "a", daemon.shell("a", limits))
        daemon.upgrade()
        daemon.kill_keeper()
        wait_until(
            lambda: daemon.runjctl("run", "-d", "--name", "b", daemon.shell("b", limits), ok=False).returncode == 0,
            "no new keeper",
        )
        wait_until(lambda: daemon.runjctl("logs", "b").stdout != b"", "nothing is logged")
        assert daemon.runjctl("logs", "a").stdout == daemon.runjctl("logs", "b").stdout
    finally:
        daemon.remove()


def test_a_terminal_stays_attached(daemon: Daemon) -> None:
    """Whoever types into a jail goes on typing into it, and an exec on a terminal goes on, too."""
    script = 'echo ready; while read line; do echo "got $line"; [ "$line" = end ] && exit 5; done'
    at_box, at_shell = Person(), Person()
    bundle = daemon.shell("box", script, terminal=True)
    try:
        with at_box.run(daemon, "run", "-it", "--name", "box", bundle) as box:
            at_box.look_for(b"ready")
            with at_shell.run(daemon, "exec", "-it", "box", "--", "/bin/sh", "-c", script) as shell:
                at_shell.look_for(b"ready")
                _install(daemon, "2.0")

                daemon.upgrade()

                for person, program in ((at_shell, shell), (at_box, box)):
                    person.look_for(b"connected again")
                    person.type(b"end\r")
                    person.look_for(b"got end")
                    assert program.wait(10) == 5
    finally:
        at_box.leave()
        at_shell.leave()
