"""The other verbs of runjctl, with a real daemon."""

from __future__ import annotations

import json
import signal
import subprocess

from tests.functional.daemon import PATIENCE, Daemon, assert_log_goes_on, wait_until


def test_the_life_of_a_jail(daemon: Daemon) -> None:
    """Run, look, signal, stop, start again, delete."""
    daemon.runjctl("run", "-d", "--name", "life", daemon.shell("life", "echo born; exec sleep 100"))
    first = daemon.status("life")
    assert (first["want"], first["status"], first["phase"]) == ("up", "running", "running")
    assert b"life" in daemon.runjctl("list").stdout
    assert b"life" in daemon.runjctl("list", "-q").stdout.split()
    assert b"bundle" in daemon.runjctl("show", "life").stdout
    assert json.loads(daemon.runjctl("show", "--json", "life").stdout)["runtime"] == "plain"
    wait_until(lambda: daemon.runjctl("logs", "life").stdout == b"born\n", "no log")
    daemon.runjctl("stop", "--timeout", "5", "life")
    assert daemon.status("life")["status"] == "stopped"
    daemon.runjctl("start", "life")
    assert daemon.status("life")["pid"] != first["pid"]
    daemon.runjctl("restart", "--timeout", "5", "life")
    done = daemon.runjctl("delete", "life", ok=False)
    assert (done.returncode, b"life" in done.stderr) == (75, True)
    daemon.runjctl("kill", "-s", "KILL", "life")
    assert daemon.runjctl("wait", "life").stdout == b"137\n"
    daemon.runjctl("delete", "life")
    assert daemon.runjctl("status", "life", ok=False).returncode == 69


def test_many_jails_at_once(daemon: Daemon) -> None:
    """Verbs take many ids; one that is wrong does not keep the others from it."""
    names = [f"many{number}" for number in range(12)]
    bundle = daemon.shell("many", "exec sleep 100")
    for name in names:
        daemon.runjctl("run", "-d", "--name", name, bundle)
    assert set(names) <= set(daemon.runjctl("list", "-q").stdout.decode().split())
    done = daemon.runjctl("stop", *names, "many99", ok=False)
    assert (done.returncode, done.stderr.count(b"\n")) == (69, 1)
    assert all(daemon.status(name)["status"] == "stopped" for name in names)
    daemon.runjctl("delete", *names)


def test_logs_follow_and_choose(daemon: Daemon) -> None:
    """The past, one stream of it, its last lines, and what comes."""
    script = "echo a; echo b >&2; echo c; read x; echo d; exec sleep 100"
    with daemon.begin("run", "-i", daemon.shell("log", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        wait_until(lambda: daemon.runjctl("logs", "log", ok=False).stdout.count(b"\n") == 3, "no log")
        assert daemon.runjctl("logs", "--stream", "err", "log").stdout == b"b\n"
        assert daemon.runjctl("logs", "--stream", "out", "log").stdout == b"a\nc\n"
        with daemon.begin("logs", "-f", "-n", "1", "log", stdout=subprocess.PIPE) as child:
            assert child.read_line() in (b"b\n", b"c\n")
            owner.send_line(b"")
            assert child.read_line() == b"d\n"
            child.send_signal(signal.SIGINT)
            assert child.wait(PATIENCE) == -signal.SIGINT
    daemon.runjctl("delete", "-f", "log")


def test_events_are_told(daemon: Daemon) -> None:
    """Someone who listens hears of a jail's end, and how it was."""
    since = json.loads(daemon.runjctl("ping", "--json").stdout)["run"] + ":0"
    with daemon.begin("events", "--json", "--jail", "heard", "--since", since, stdout=subprocess.PIPE) as child:
        daemon.runjctl("run", "--rm", daemon.shell("heard", "exit 6"), ok=False)
        while (event := json.loads(child.read_line()))["ev"] != "exit":
            assert event["jail"] == "heard"
        assert event["exit"] == 6
        child.send_signal(signal.SIGTERM)
        child.wait(PATIENCE)


def test_exec_has_its_own_directory_user_and_environment(daemon: Daemon) -> None:
    """What is not said is as the jail's own program has it."""
    daemon.runjctl("run", "-d", daemon.shell("inside", "exec sleep 100", env=["A=jail", "B=jail"]))
    done = daemon.runjctl(
        "exec", "-w", "/usr", "-e", "B=mine", "inside", "sh", "-c", "pwd; echo $A $B; exit 3", ok=False
    )
    assert (done.returncode, done.stdout) == (3, b"/usr\njail mine\n")
    data = bytes(range(256)) * 4000
    assert daemon.runjctl("exec", "-i", "inside", "cat", stdin=data).stdout == data
    assert daemon.runjctl("exec", "inside", "/no/such", ok=False).returncode == 127
    assert daemon.runjctl("exec", "inside", "/etc/passwd", ok=False).returncode == 126
    daemon.runjctl("delete", "-f", "inside")


def test_the_daemon_answers_about_itself(daemon: Daemon) -> None:
    """ping, whoami, caps, help and raw."""
    assert b"answers in" in daemon.runjctl("ping").stdout
    assert json.loads(daemon.runjctl("whoami", "--json").stdout)["role"] == "admin"
    assert b"proto" in daemon.runjctl("caps").stdout
    assert b"attach" in daemon.runjctl("help", "--protocol").stdout
    assert daemon.runjctl("raw", "ping").stdout.startswith(b"+ ")


def test_a_daemon_that_is_killed_is_no_end_of_a_jail(own_daemon: Daemon) -> None:
    """Whoever ran it waits, and gets its status from the next daemon, which has the jail, and whose log goes on."""
    script = "n=0; while :; do n=$((n+1)); echo $n; sleep 0.02; done"
    with own_daemon.begin(
        "run", own_daemon.shell("counts", script), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.read_line() == b"1\n"
        pid = own_daemon.status("counts")["pid"]
        own_daemon.kill()
        done = own_daemon.runjctl("list", ok=False)
        assert (done.returncode, b"no daemon" in done.stderr) == (74, True)
        own_daemon.start()
        assert own_daemon.status("counts")["pid"] == pid
        seen = len(own_daemon.runjctl("logs", "counts").stdout.split())
        wait_until(lambda: len(own_daemon.runjctl("logs", "counts").stdout.split()) > seen + 5, "the log stands still")
        own_daemon.runjctl("kill", "-s", "KILL", "counts")
        assert child.wait(PATIENCE) == 128 + signal.SIGKILL
    numbers = [int(word) for word in own_daemon.runjctl("logs", "counts").stdout.split()]
    assert_log_goes_on(numbers)


def test_a_jail_that_was_just_written_down_needs_a_reload(daemon: Daemon) -> None:
    """Who starts what the daemon does not know is told of that; with a near miss, of the near one alone."""
    assert daemon.runjctl("start", "zzzzzz", ok=False).stderr == (
        b'runjctl: no jail named "zzzzzz"; "runjctl reload" takes what was added to the configuration\n'
    )
    assert daemon.runjctl("stop", "zzzzzz", ok=False).stderr == b'runjctl: no jail named "zzzzzz"\n'
