"""The keeper outlives its daemon, and exits outlive even the keeper."""

import os
import signal
import time

import pytest

from runjd.keeper import messages
from runjd.keeper.wire import encode
from tests.keeper.daemon import Daemon
from tests.keeper.running import RunningKeeper, process_of

_COUNT = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.001; done"


def _lines(daemon: Daemon, jail: str, seconds: float) -> bytes:
    data, fd, end = b"", daemon.open[jail, "", "out"], time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            data += os.read(fd, 65536)
        except BlockingIOError:
            time.sleep(0.001)
    return data


def test_no_byte_is_lost_between_two_daemons(keeper: RunningKeeper) -> None:
    """Jails write on while no daemon is there, and the next one reads on where the last one stopped."""
    first = keeper.greeted()
    bundle = keeper.bundle("count", "/bin/sh", "-c", _COUNT)
    jails = [f"count{number}" for number in range(5)]
    pids = {jail: first.run(jail, bundle, note={"jail": jail})["pid"] for jail in jails}
    read = {jail: _lines(first, jail, 0.02) for jail in jails}
    first.close()
    time.sleep(0.1)

    second = keeper.daemon()
    told = second.greet()
    for jail in jails:
        read[jail] += _lines(second, jail, 0.02)

    assert {message["jail"]: message["pid"] for message in told} == pids
    assert all(message["note"] == {"jail": message["jail"]} for message in told)
    for jail in jails:
        numbers = [int(line) for line in read[jail].rpartition(b"\n")[0].split()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) > 20


def test_exits_without_a_daemon_are_told_with_their_time(keeper: RunningKeeper) -> None:
    """What ended while no daemon was there is told to each that comes, with status and time, until acknowledged."""
    first = keeper.greeted()
    pid = first.run("web", keeper.bundle("web", "/bin/sh", "-c", "read line; echo bye; exit 9"), stdin=True)["pid"]
    (stdin,) = first.answer(first.ask(messages.ask_stdin, "web", "")).descriptors
    first.close()
    before = time.time()
    os.write(stdin, b"go\n")
    os.close(stdin)
    keeper.wait(lambda: not os.path.exists(f"/proc/{pid}"), "exit")
    after = time.time()

    keeper.greeted().close()
    last = keeper.daemon()
    process, ended = last.greet()

    assert (process["m"], process["pid"], process["streams"]) == ("process", pid, ["out", "err"])
    assert (ended["m"], ended["pid"], ended["status"]) == ("exit", pid, 9)
    assert before <= ended["at"] <= after
    assert last.read("web", 4) == b"bye\n"
    last.ack(ended)
    last.close()
    assert keeper.daemon().greet() == [messages.tell_leftover("web")]


def test_a_closed_stdin_stays_closed(keeper: RunningKeeper) -> None:
    """The next daemon is told whether standard input is open still."""
    first = keeper.greeted()
    bundle = keeper.bundle("web", "/bin/sleep", "1000")
    for jail in ("open", "closed"):
        first.run(jail, bundle, stdin=True)
    first.do(messages.ask_close_stdin, "closed", "")
    first.close()

    told = {message["jail"]: message["stdin_open"] for message in keeper.daemon().greet()}

    assert told == {"open": True, "closed": False}


def test_a_request_of_a_dead_daemon_goes_on(keeper: RunningKeeper) -> None:
    """What a daemon asked for and did not live to see is found by the next one."""
    first = keeper.greeted()
    bundle = keeper.bundle("web", "/bin/sleep", "1000")
    for number in range(3):
        first.ask(messages.ask_run, f"web{number}", bundle, "plain", False, None, {})
    first.close()

    second = keeper.daemon()
    found = {str(message["jail"]) for message in second.greet()}
    while len(found) < 3:
        found.add(str(second.next("process")["jail"]))

    assert found == {"web0", "web1", "web2"}


@pytest.mark.parametrize("cut", [0, 1, 3, 5, 6, 7, 60, 180])
def test_a_daemon_may_die_at_any_byte(keeper: RunningKeeper, cut: int) -> None:
    """A message that was cut off by the death of its daemon is forgotten, and the next daemon is served."""
    first = keeper.greeted()
    bundle = keeper.bundle("web", "/bin/true")
    first.say_bytes(encode(messages.ask_run(1, "cut", bundle, "plain", False, None, {"padding": "x" * 100}))[:cut])
    first.close()

    second = keeper.greeted()
    second.run("web", bundle)

    assert second.exit("web")["status"] == 0
    assert os.listdir(keeper.root) == ["web"]


def test_exits_outlive_the_keeper(keeper: RunningKeeper) -> None:
    """A keeper tells what an earlier one wrote down and no daemon acknowledged; its descriptors are gone."""
    first = keeper.greeted()
    pid = first.run("web", keeper.bundle("web", "/bin/sh", "-c", "kill -9 $$"), note={"n": 1})["pid"]
    ended = first.exit("web")
    keeper.kill()
    with open(f"{keeper.directory}/keeper/exits/1-1.exit", "wb") as file:
        file.write(b"{")
    keeper.start()

    second = keeper.daemon()
    process, again = second.greet()

    assert (process["pid"], process["streams"], process["note"]) == (pid, [], {"n": 1})
    assert again == ended
    assert "1-1.exit cannot be read" in keeper.log()
    second.ack(again)
    keeper.wait(lambda: os.listdir(f"{keeper.directory}/keeper/exits") == [], "end of the records")


def test_an_exit_that_cannot_be_written_is_told_and_written_later(keeper: RunningKeeper) -> None:
    """Where the disk does not take a record, the exit is told as unrecorded, and written once that is possible."""
    daemon = keeper.greeted()
    exits = f"{keeper.directory}/keeper/exits"
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000"))
    os.rename(exits, f"{exits}.away")
    os.rmdir(f"{exits}.away")

    daemon.do(messages.ask_signal, "web", "", signal.SIGTERM, False)
    ended = daemon.exit("web")

    assert (ended["signal"], ended["recorded"]) == (signal.SIGTERM, False)
    assert "cannot be written yet" in keeper.log()
    daemon.close()
    told = keeper.daemon().greet()
    assert {"m": "trouble", "reason": "exits cannot be written down: No such file or directory"} in told


def test_an_orphan_of_a_jail_is_reaped_silently(keeper: RunningKeeper) -> None:
    """A process that a jail's process left behind comes to the keeper, which reaps it and tells nobody."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sh", "-c", "(sleep 0.05 & echo $!); exec sleep 1000"))
    pid = b""
    while not pid.endswith(b"\n"):
        pid += daemon.read("web", 1)

    keeper.wait(lambda: not os.path.exists(f"/proc/{int(pid)}"), "end of the orphan")

    daemon.exec("web", "e1", process_of("/bin/true"))
    daemon.exit("web", "e1")
    assert [parcel.message["m"] for parcel in daemon.parcels] == []
