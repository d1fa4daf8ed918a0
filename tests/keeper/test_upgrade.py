"""A keeper is replaced by the version that is installed now, in the same process, with all that it holds."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from runjd.keeper import messages
from runjd.keeper.wire import encode
from tests.installation import Installation
from tests.keeper.daemon import Daemon, Failed
from tests.keeper.running import RunningKeeper, process_of

_SLEEPS = ("/bin/sleep", "1000")


@pytest.fixture
def installation(private_dir: str) -> Installation:
    """Return runjd as it is installed, in version 1.0."""
    return Installation(f"{private_dir}/installation")


@pytest.fixture
def keeper(private_dir: str, installation: Installation) -> Iterator[RunningKeeper]:
    """Return a keeper of that installation."""
    running = RunningKeeper(private_dir, program=installation.keeper)
    yield running
    running.end()


def _upgrade(daemon: Daemon) -> tuple[object, object]:
    """Upgrade the keeper; return the versions before and after."""
    done = daemon.do(messages.ask_upgrade)
    return done["before"], done["software"]


def _other(daemon: Daemon, keeper: RunningKeeper) -> tuple[Daemon, list[dict[str, object]]]:
    """Let another daemon come, and return what it is told."""
    daemon.close()
    other = keeper.daemon()
    return other, other.greet(spool=True)


def _go(path: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write("\n")


@pytest.mark.parametrize("runtime", ["plain", pytest.param("linux", marks=pytest.mark.root)])
def test_a_new_version_goes_on_with_all_there_is(
    keeper: RunningKeeper, installation: Installation, runtime: str
) -> None:
    """Pids and pipes are those of before, on the same connection; both ways of a pipe work, and so does all else."""
    daemon = keeper.greeted()
    make = keeper.bundle if runtime == "plain" else keeper.isolated_bundle
    bundle = make("web", "/bin/sh", "-c", "while read line; do echo got $line; echo err >&2; done; exit 3")
    before = daemon.run("web", bundle, runtime, stdin=True, note={"x": 1})
    pid = keeper.pid
    installation.install("2.0")

    assert _upgrade(daemon) == ("1.0", "2.0")

    stdin = daemon.answer(daemon.ask(messages.ask_stdin, "web", "")).descriptors[0]
    os.write(stdin, b"a\n")
    assert daemon.read("web", 6) == b"got a\n"
    assert daemon.read("web", 4, stream="err") == b"err\n"
    daemon.exec("web", "x1", process_of("/bin/echo", "hello"))
    assert daemon.read("web", 6, "x1") == b"hello\n"
    daemon.ack(daemon.exit("web", "x1"))
    daemon, (told,) = _other(daemon, keeper)
    for key in ("pid", "start", "jid", "terminal"):
        assert told[key] == before[key]
    assert (told["streams"], told["stdin_open"], told["note"]) == (["out", "err"], True, {"x": 1})
    assert keeper.pid == pid
    os.close(stdin)
    daemon.do(messages.ask_close_stdin, "web", "")
    assert daemon.exit("web")["status"] == 3


def test_who_ends_meanwhile_is_told_with_its_status(keeper: RunningKeeper, installation: Installation) -> None:
    """Whenever it ends: before, during and after; each exit is told once, and recorded."""
    daemon = keeper.greeted()
    for number in range(20):
        keeper.bundle(f"j{number}", "/bin/sh", "-c", f"sleep 0.{number:02}; exit {number}")
        daemon.run(f"j{number}", f"{keeper.directory}/j{number}.bundle")
    installation.install("2.0")

    assert _upgrade(daemon) == ("1.0", "2.0")

    for number in range(20):
        told = daemon.exit(f"j{number}")
        assert (told["status"], told["recorded"]) == (number, True)
    assert not [parcel for parcel in daemon.parcels if parcel.message["m"] == "exit"]
    assert len(os.listdir(f"{keeper.directory}/keeper/exits")) == 20


def test_exits_that_nobody_has_dealt_with_are_told_to_the_next_daemon(
    keeper: RunningKeeper, installation: Installation
) -> None:
    """Also those of before the upgrade, with their descriptors, so that their output can be read."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sh", "-c", "echo bye; exit 4"))
    daemon.exit("web")
    installation.install("2.0")
    _upgrade(daemon)

    daemon, (process, exit) = _other(daemon, keeper)

    assert (process["streams"], exit["status"]) == (["out", "err"], 4)
    assert daemon.read("web", 4) == b"bye\n"


def test_what_was_spooled_is_still_there(keeper: RunningKeeper, installation: Installation) -> None:
    """A daemon that has read a part of it reads on where it was, from the new version's descriptors, too."""
    daemon = keeper.daemon()
    daemon.greet(spool=True)
    go = f"{keeper.directory}/go"
    os.mkfifo(go)
    daemon.run("web", keeper.bundle("web", "/bin/sh", "-c", f"read x < {go}; seq 30000; exec sleep 1000"))
    daemon.close()
    keeper.wait(lambda: "is gone" in keeper.log(), "the loss of the daemon")
    _go(go)
    daemon = keeper.daemon()
    whole = "".join(f"{number}\n" for number in range(1, 30001)).encode()
    keeper.wait(lambda: _spooled(keeper) == whole, "the spool")
    daemon.greet(spool=True)
    first = daemon.read("web", 1000, stream="spool-out")
    installation.install("2.0")

    _upgrade(daemon)

    daemon, _ = _other(daemon, keeper)
    assert first + daemon.read("web", len(whole) - 1000, stream="spool-out") == whole


def test_a_terminal_and_a_closed_input_are_as_they_were(keeper: RunningKeeper, installation: Installation) -> None:
    """The terminal still echoes what is typed; what was closed stays closed."""
    daemon = keeper.greeted()
    daemon.run("box", keeper.bundle("box", "/bin/cat", terminal=True), size=(24, 80))
    daemon.run("web", keeper.bundle("web", *_SLEEPS), stdin=True)
    daemon.do(messages.ask_close_stdin, "web", "")
    installation.install("2.0")
    _upgrade(daemon)

    daemon, told = _other(daemon, keeper)

    os.write(daemon.open["box", "", "tty"], b"hi\n")
    assert daemon.read("box", 4, stream="tty") == b"hi\r\n"
    assert {str(each["jail"]): each["stdin_open"] for each in told if each["jail"] == "web"} == {"web": False}


def test_requests_wait_and_are_carried_out_by_the_new_version(
    keeper: RunningKeeper, installation: Installation
) -> None:
    """A start that is in flight is waited for; what is asked behind the upgrade is done afterwards, in its order."""
    daemon = keeper.greeted()
    slow = keeper.bundle("slow", *_SLEEPS)
    hook = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "sleep 0.3"]}]}
    _add_hooks(slow, hook)
    installation.install("2.0")
    start = daemon.ask(messages.ask_run, "slow", slow, "plain", False, None, {}, "")
    upgrade = daemon.ask(messages.ask_upgrade)
    late = daemon.ask(messages.ask_run, "late", keeper.bundle("late", *_SLEEPS), "plain", False, None, {}, "")
    done = daemon.ask(messages.ask_signal, "slow", "", 9, False)

    daemon.ran(start, "slow")
    assert daemon.answer(upgrade).message["software"] == "2.0"
    daemon.ran(late, "late")
    daemon.answer(done)

    assert daemon.exit("slow")["signal"] == 9


def test_half_a_message_is_read_to_its_end_by_the_new_version(
    keeper: RunningKeeper, installation: Installation
) -> None:
    """A message that is cut in two by the upgrade is whole."""
    daemon = keeper.greeted()
    installation.install("2.0")
    second = encode(messages.ask_process(7, "nobody"))
    daemon.say_bytes(encode(messages.ask_upgrade(6)) + second[:5])
    assert daemon.answer(6).message["software"] == "2.0"
    daemon.say_bytes(second[5:])

    with pytest.raises(Failed, match="NOJAIL"):
        daemon.answer(7)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"runjd__keeper__loop": "import no_such_module\n"}, "No module named 'no_such_module'"),
        ({"runjd__container__delete": "this is no python\n"}, "SyntaxError"),
        ({"runjd__keeper__handover": "def read_file(fd):\n    raise ValueError('not this one')\n"}, "not this one"),
        (
            {"runjd__keeper__successor": "def rehearse(fd, arguments):\n    os.kill(os.getpid(), 11)\n"},
            "it said nothing and ended",
        ),
        ({"runjd__keeper__successor": "def rehearse(fd, arguments):\n    return 0\n"}, "it said nothing and ended"),
    ],
)
def test_a_version_that_cannot_take_over_changes_nothing(
    keeper: RunningKeeper, installation: Installation, changes: dict[str, str], said: str
) -> None:
    """Whatever is wrong with it is told, with what to do; the keeper that is there goes on with everything."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/cat"), stdin=True)
    installation.install("2.0", **changes)
    descriptors = keeper.descriptors()

    with pytest.raises(Failed, match=said) as refused:
        _upgrade(daemon)

    assert "nothing was changed: repair the installation, and upgrade again" in str(refused.value)
    assert keeper.descriptors() == descriptors
    daemon.do(messages.ask_signal, "web", "", 15, False)
    assert daemon.exit("web")["signal"] == 15
    daemon.run("late", keeper.bundle("late", *_SLEEPS))
    installation.install("3.0")
    assert _upgrade(daemon) == ("1.0", "3.0")


def test_a_program_that_is_gone_changes_nothing(keeper: RunningKeeper, installation: Installation) -> None:
    """It is named."""
    daemon = keeper.greeted()
    os.rename(installation.keeper, installation.keeper + ".old")

    with pytest.raises(Failed, match="runjd-keeper cannot take over from this keeper: it cannot be run: No such file"):
        _upgrade(daemon)

    os.rename(installation.keeper + ".old", installation.keeper)


def test_killing_the_rehearsal_changes_nothing(keeper: RunningKeeper, installation: Installation) -> None:
    """The child that tries the new version out is killed, and the next try works."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", *_SLEEPS))
    installation.install("2.0", runjd__keeper__successor="import time\ntime.sleep(1000)\n")
    req = daemon.ask(messages.ask_upgrade)
    keeper.wait(lambda: _rehearsals(keeper), "the rehearsal")

    os.kill(_rehearsals(keeper)[0], signal.SIGKILL)

    with pytest.raises(Failed, match="it said nothing and ended"):
        daemon.answer(req)
    installation.install("2.0")
    assert _upgrade(daemon) == ("1.0", "2.0")


def test_a_daemon_that_goes_away_wants_no_upgrade(keeper: RunningKeeper, installation: Installation) -> None:
    """The rehearsal is ended, and the next daemon finds the keeper as it was."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", *_SLEEPS))
    installation.install("2.0", runjd__keeper__successor="import time\ntime.sleep(1000)\n")
    daemon.ask(messages.ask_upgrade)
    keeper.wait(lambda: _rehearsals(keeper), "the rehearsal")

    daemon, told = _other(daemon, keeper)

    keeper.wait(lambda: not _rehearsals(keeper), "the end of the rehearsal")
    assert [each["jail"] for each in told] == ["web"]
    installation.install("2.0")
    assert _upgrade(daemon) == ("1.0", "2.0")


def test_an_upgrade_meanwhile_is_refused_or_waits(keeper: RunningKeeper, installation: Installation) -> None:
    """A second one of the same daemon waits for the first, and comes to the same."""
    daemon = keeper.greeted()
    installation.install("2.0")

    first, second = daemon.ask(messages.ask_upgrade), daemon.ask(messages.ask_upgrade)

    assert daemon.answer(first).message["before"] == "1.0"
    assert daemon.answer(second).message["before"] == "2.0"


def test_signals_meanwhile_end_nothing(keeper: RunningKeeper, installation: Installation) -> None:
    """SIGTERM and SIGHUP in any moment of it are as harmless as ever while a jail lives."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", *_SLEEPS))
    installation.install("2.0")
    req = daemon.ask(messages.ask_upgrade)
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            os.kill(keeper.pid, signum)
        time.sleep(0.005)

    assert daemon.answer(req).message["software"] == "2.0"

    daemon.do(messages.ask_signal, "web", "", 9, False)
    assert daemon.exit("web")["signal"] == 9


def test_orphans_of_an_earlier_keeper_are_still_watched(keeper: RunningKeeper, installation: Installation) -> None:
    """How one ends is known although it is nobody's child, also where it ends during the upgrade."""
    daemon = keeper.greeted()
    go = f"{keeper.directory}/go."
    for name in ("early", "late"):
        os.mkfifo(go + name)
        daemon.run(name, keeper.bundle(name, "/bin/sh", "-c", f"read line < {go}{name}; exit 6"))
    keeper.kill()
    daemon.close()
    keeper.start()
    daemon = keeper.greeted()
    installation.install("2.0")
    req = daemon.ask(messages.ask_upgrade)
    _go(f"{go}early")
    assert daemon.answer(req).message["software"] == "2.0"
    _go(f"{go}late")

    # whoever reaps orphans here may be faster than we, on a kernel that then forgets how they ended
    for name in ("early", "late"):
        told = daemon.exit(name)
        assert told["status"] in (6, None)
        assert told["recorded"] is True


def test_many_upgrades_leave_nothing_behind(keeper: RunningKeeper, installation: Installation) -> None:
    """Descriptors are as many as before, and memory does not grow with each."""
    daemon = keeper.greeted()
    for number in range(5):
        daemon.run(f"j{number}", keeper.bundle(f"j{number}", *_SLEEPS), stdin=True)
    _upgrade(daemon)
    descriptors, memory = keeper.descriptors(), _memory(keeper)

    for _ in range(8):
        _upgrade(daemon)

    assert keeper.descriptors() == descriptors
    assert _memory(keeper) < memory * 1.1
    assert sorted(os.listdir(f"{keeper.directory}/keeper")) == ["exits", "lock", "log", "socket"]


def test_workers_get_what_the_first_keeper_was_started_with(private_dir: str, installation: Installation) -> None:
    """Limits, umask and the standing with the kernel's killer are passed on, however often it was upgraded."""
    running = RunningKeeper(private_dir, program=installation.keeper, shell_before="ulimit -Sn 256; umask 027")
    try:
        daemon = running.greeted()
        for name in ("before", "after"):
            script = "umask; ulimit -Sn; cat /proc/self/oom_score_adj; exec sleep 1000"
            daemon.run(name, running.bundle(name, "/bin/sh", "-c", script))
            _upgrade(daemon)
        expected = daemon.read("before", 10)
        assert daemon.read("after", len(expected)) == expected
        assert b"256" in expected
    finally:
        running.end()


def _spooled(keeper: RunningKeeper) -> bytes:
    """Return what the files without a name hold, less the room that waits for more."""
    held = b""
    for name in os.listdir(f"/proc/{keeper.pid}/fd"):
        path = f"/proc/{keeper.pid}/fd/{name}"
        try:
            if "spool.new" in os.readlink(path):
                with open(path, "rb") as file:  # a description of its own: the place of the keeper's does not move
                    held += file.read().rstrip(b"\0")
        except OSError:
            continue
    return held


def _rehearsals(keeper: RunningKeeper) -> list[int]:
    """Return the pids of children that try a version out."""
    found = []
    for pid in os.listdir("/proc"):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read()
        except OSError:
            continue
        if b"--rehearse" in words and os.fsencode(keeper.directory) in words:
            found.append(int(pid))
    return found


def _memory(keeper: RunningKeeper) -> int:
    """Return the bytes of memory that are the keeper's own."""
    with open(f"/proc/{keeper.pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(("Private_Clean", "Private_Dirty")))


def _add_hooks(bundle: str, hooks: dict[str, object]) -> None:
    with open(f"{bundle}/config.json", "r+", encoding="utf-8") as file:
        config = json.load(file)
        config["hooks"] = hooks
        file.seek(0)
        json.dump(config, file)
