"""A keeper is killed, its jails live on, and the next keeper takes them in."""

import json
import os
import signal
import stat
import sys
import time

import pytest

from runjd.keeper import messages
from runjd.kernel import process
from tests.keeper.daemon import Daemon, Failed
from tests.keeper.running import RunningKeeper, process_of


def _restart(keeper: RunningKeeper, *daemons: Daemon) -> tuple[Daemon, list[dict[str, object]]]:
    """Kill the keeper and whoever is connected; return a daemon of the next one, and what that is told."""
    keeper.kill()
    for each in daemons:
        each.close()
    keeper.start()
    daemon = keeper.daemon()
    return daemon, daemon.greet()


@pytest.mark.parametrize("runtime", ["plain", pytest.param("linux", marks=pytest.mark.root)])
def test_what_lives_is_taken_in_with_its_output(keeper: RunningKeeper, runtime: str) -> None:
    """Pid, start and jid are those of before; what was written meanwhile is read from the FIFOs, and what comes."""
    first = keeper.greeted()
    script = "read line; echo err >&2; while :; do echo tick; sleep 0.05; done"
    make = keeper.bundle if runtime == "plain" else keeper.isolated_bundle
    before = first.run("web", make("web", "/bin/sh", "-c", script), runtime, stdin=True)

    second, (told,) = _restart(keeper, first)  # the end of standard input lets it go on

    for key in ("pid", "start", "jid", "terminal"):
        assert told[key] == before[key]
    assert (told["streams"], told["stdin_open"]) == (["out", "err"], False)
    assert told["note"]["definition"] == {"id": "web", "bundle": f"{keeper.directory}/web.bundle", "runtime": runtime}
    assert "its keeper was killed" in str(told["notices"])
    assert second.read("web", 10) == b"tick\ntick\n"
    assert second.read("web", 4, stream="err") == b"err\n"


@pytest.mark.parametrize(
    ("how", "status", "signum"), [("exit 7", 7, None), ("kill -9 $$", None, 9), ("exit 0", 0, None)]
)
def test_the_end_of_an_orphan_is_told_as_it_was(
    keeper: RunningKeeper, how: str, status: int | None, signum: int | None
) -> None:
    """It is no child of this keeper, and its status is known all the same, recorded, and told after its output."""
    first = keeper.greeted()
    go = f"{keeper.directory}/go"
    os.mkfifo(go)
    pid = first.run("web", keeper.bundle("web", "/bin/sh", "-c", f"read line < {go}; echo bye; {how}"))["pid"]
    second, _ = _restart(keeper, first)

    with open(go, "w", encoding="ascii") as file:
        file.write("go\n")
    ended = second.exit("web")

    assert (ended["pid"], ended["status"], ended["signal"]) == (pid, status, signum)
    assert ended["recorded"] is True
    assert second.read("web", 4) == b"bye\n"


def test_an_orphan_is_signalled_entered_and_deleted(keeper: RunningKeeper) -> None:
    """The operations do it, which look whose the pid is; the end is told before the deletion is."""
    first = keeper.greeted()
    script = "trap 'echo term' TERM; echo up; while :; do sleep 0.05; done"
    first.run("web", keeper.bundle("web", "/bin/sh", "-c", script))
    assert first.read("web", 3) == b"up\n"
    second, _ = _restart(keeper, first)

    second.do(messages.ask_signal, "web", "", signal.SIGTERM, False)
    assert second.read("web", 5) == b"term\n"
    second.exec("web", "e1", process_of("/bin/sh", "-c", "exit 4"))
    assert second.exit("web", "e1")["status"] == 4
    with pytest.raises(Failed, match="processes of jails live"):
        second.do(messages.ask_shutdown)
    second.delete("web")

    kinds = [parcel.message["m"] for parcel in second.parcels]
    assert kinds == ["exit"]
    assert second.exit("web")["signal"] == signal.SIGKILL


def test_what_ended_meanwhile_is_left_over(keeper: RunningKeeper) -> None:
    """Nobody saw its end; only its place on the host is told, until it is deleted."""
    first = keeper.greeted()
    pid = first.run("web", keeper.bundle("web", "/bin/sleep", "1000"))["pid"]
    keeper.kill()
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    _wait_dead(pid)

    second, told = _restart(keeper, first)

    assert told == [messages.tell_leftover("web")]
    second.delete("web")
    second.close()
    assert keeper.daemon().greet() == []


def test_what_is_not_ours_is_not_told(keeper: RunningKeeper) -> None:
    """A directory that is no container, a file, and a container that somebody is at work on stay as they are."""
    first = keeper.greeted()
    os.makedirs(f"{keeper.root}/strange/things")
    with open(f"{keeper.root}/file", "wb"):
        pass
    hook = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "1"]}]}
    bundle = keeper.bundle("slow", "/bin/sleep", "1000")
    _add(bundle, {"hooks": hook})
    first.ask(messages.ask_run, "slow", bundle, "plain", False, None, {})
    keeper.wait(lambda: os.path.exists(f"{keeper.root}/slow/state.json"), "begin of the creation")

    second, told = _restart(keeper, first)

    assert told == []
    os.rmdir(f"{keeper.root}/strange/things")
    os.rmdir(f"{keeper.root}/strange")
    os.unlink(f"{keeper.root}/file")
    second.delete("slow")


def test_a_file_in_the_place_of_a_fifo_is_not_read(keeper: RunningKeeper) -> None:
    """What was put there is neither opened by a link nor taken for output; it is told, and the jail is taken in."""
    first = keeper.greeted()
    first.run("web", keeper.bundle("web", "/bin/sleep", "1000"))
    out = f"{keeper.root}/web/io/init.out"
    assert stat.S_ISFIFO(os.stat(out).st_mode)
    os.unlink(out)
    os.symlink("/etc/passwd", out)

    _, (told,) = _restart(keeper, first)

    assert told["streams"] == []
    assert "its output cannot be read" in str(told["notices"])


def test_a_terminal_that_only_we_have_is_told_as_gone(keeper: RunningKeeper) -> None:
    """The master of a pty has no name by which it could be opened again."""
    first = keeper.greeted()
    bundle = keeper.bundle("tty", "/bin/sh", "-c", "trap '' HUP; while :; do sleep 0.05; done", terminal=True)
    first.run("tty", bundle)
    second, (told,) = _restart(keeper)

    assert (told["terminal"], told["streams"]) == (True, [])
    assert "its terminal is gone" in str(told["notices"])
    second.delete("tty")


def test_a_terminal_that_the_daemon_has_is_handed_over(keeper: RunningKeeper) -> None:
    """The keeper holds it from then on, and gives it to the next daemon: the jail is not hung up."""
    first = keeper.greeted()
    script = "stty raw -echo; echo ready; while read line; do echo $line; done"
    pid = first.run("tty", keeper.bundle("tty", "/bin/sh", "-c", script, terminal=True))["pid"]
    assert first.read("tty", 6, stream="tty") == b"ready\n"
    second, _ = _restart(keeper)
    for wrong in (messages.ask_hold("tty", 1), messages.ask_hold("other", 1)):
        second.give(wrong, first.open["tty", "", "tty"])
    second.give(messages.ask_hold("tty", int(str(pid))), first.open["tty", "", "tty"])
    second.give(messages.ask_hold("tty", int(str(pid))), first.open["tty", "", "tty"])  # once is enough
    second.do(messages.ask_process, "tty")  # so all of it has arrived
    descriptors = keeper.descriptors()
    first.close()
    second.close()

    third = keeper.daemon()
    (told,) = third.greet()

    assert (told["streams"], told["notices"]) == (["tty"], [])
    os.write(third.open["tty", "", "tty"], b"again\n")
    assert third.read("tty", 5, stream="tty") == b"again"
    assert keeper.descriptors() == descriptors  # one of it, not three


def test_nothing_is_asked_for_of_an_orphan_that_is_gone(keeper: RunningKeeper) -> None:
    """A keeper that comes after the next keeper's death tells what that one recorded."""
    first = keeper.greeted()
    pid = first.run("web", keeper.bundle("web", "/bin/sh", "-c", "sleep 1000"))["pid"]
    second, _ = _restart(keeper, first)
    second.do(messages.ask_signal, "web", "", signal.SIGKILL, False)
    ended = second.exit("web")

    third, told = _restart(keeper, second)

    assert [each["m"] for each in told] == ["process", "exit"]
    assert (told[1]["pid"], told[1]["signal"]) == (pid, signal.SIGKILL)
    assert told[1] == ended
    third.ack(told[1])
    third.delete("web")


def test_a_bomb_of_orphans_does_not_delay_the_exit_of_another_jail(keeper: RunningKeeper) -> None:
    """Thousands that come to the keeper to be reaped are reaped in turns; another's exit is told in between."""
    daemon = keeper.greeted()
    crowd = "import os\nfor _ in range(4000):\n if os.fork() == 0: os._exit(0 if os.fork() else 0)\nos._exit(6)"
    daemon.run("crowd", keeper.bundle("crowd", sys.executable, "-c", crowd))
    daemon.run("bomb", keeper.bundle("bomb", "/bin/sh", "-c", "while :; do (sh -c 'exit 0' & exit 0); done"))
    go = f"{keeper.directory}/go"
    os.mkfifo(go)
    daemon.run("web", keeper.bundle("web", "/bin/sh", "-c", f"read line < {go}; exit 5"))

    began = time.monotonic()
    with open(go, "wb"):
        pass  # the end of the file is what it reads
    ended = daemon.exit("web")

    assert ended["status"] == 5
    assert time.monotonic() - began < 2.0
    daemon.delete("bomb")  # which takes from the crowd what it has of processors
    assert daemon.exit("crowd")["status"] == 6


def _wait_dead(pid: int) -> None:
    deadline = time.monotonic() + 10
    while (seen := process.look(pid)) is not None and seen.alive:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def _add(bundle: str, more: dict[str, object]) -> None:
    with open(f"{bundle}/config.json", encoding="utf-8") as file:
        config = json.load(file)
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(config | more, file)
