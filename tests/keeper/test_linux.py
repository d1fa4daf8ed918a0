"""The keeper with jails in namespaces of their own."""

import os
import signal
from glob import glob

import pytest

from runjd.keeper import messages
from runjd.runtime.sealed import is_sealed
from tests.keeper.daemon import Daemon, Failed
from tests.keeper.running import RunningKeeper, process_of

pytestmark = pytest.mark.root


def _line(daemon: Daemon, jail: str, exec: str = "", stream: str = "out") -> bytes:
    text = b""
    while not text.endswith(b"\n"):
        text += daemon.read(jail, 1, exec, stream)
    return text


def test_a_jail_from_run_to_delete(keeper: RunningKeeper) -> None:
    """A program is pid 1 of its jail, an exec is beside it, and the end of the one ends the other."""
    daemon = keeper.greeted()
    bundle = keeper.isolated_bundle("web", "/bin/sh", "-c", "echo $$; read line; exit 4")

    ran = daemon.run("web", bundle, "linux", stdin=True)
    assert _line(daemon, "web") == b"1\n"
    beside = daemon.exec("web", "e1", process_of("/bin/sh", "-c", "cat /proc/1/comm; exec sleep 1000"))
    assert _line(daemon, "web", "e1") == b"sh\n"
    (stdin,) = daemon.answer(daemon.ask(messages.ask_stdin, "web", "")).descriptors
    os.write(stdin, b"go\n")
    os.close(stdin)

    ended, also = daemon.exit("web"), daemon.exit("web", "e1")
    assert (ended["pid"], ended["status"]) == (ran["pid"], 4)
    assert (also["pid"], also["signal"]) == (beside["pid"], signal.SIGKILL)
    daemon.do(messages.ask_delete, "web", False)
    assert os.listdir(keeper.root) == []


def test_a_terminal_in_a_jail(keeper: RunningKeeper) -> None:
    """The pty is the jail's own: its name is known inside, and Ctrl-C reaches what runs on it."""
    daemon = keeper.greeted()

    script = "trap 'exit 7' INT; tty; while :; do sleep 0.01; done"
    daemon.run("tty", keeper.isolated_bundle("tty", "/bin/sh", "-c", script, terminal=True), "linux", size=(9, 99))
    assert _line(daemon, "tty", stream="tty") == b"/dev/pts/0\r\n"
    os.write(daemon.open["tty", "", "tty"], b"\x03")

    assert daemon.exit("tty")["status"] == 7


def test_fifty_jails_survive_their_daemon(keeper: RunningKeeper) -> None:
    """Fifty isolated jails are found by the next daemon, and are gone without a trace after a kill of all."""
    first = keeper.greeted()
    before = keeper.descriptors()
    bundle = keeper.isolated_bundle("sleep", "/bin/sleep", "1000")
    jails = [f"sleep{number}" for number in range(50)]
    reqs = {jail: first.ask(messages.ask_run, jail, bundle, "linux", False, None, {}) for jail in jails}
    pids = {first.ran(req, jail)["pid"] for jail, req in reqs.items()}
    first.close()

    second = keeper.daemon()
    assert {message["pid"] for message in second.greet()} == pids
    for req in [second.ask(messages.ask_delete, jail, True) for jail in jails]:
        second.answer(req)
    for jail in jails:
        second.ack(second.exit(jail))

    assert os.listdir(keeper.root) == []
    keeper.wait(lambda: keeper.descriptors() == before, "descriptors")


def test_a_jail_with_limits(keeper: RunningKeeper) -> None:
    """The keeper makes control groups and removes them with all that is in them, though it imports nothing any more."""
    daemon = keeper.greeted()
    group = f"runjd-test-{os.getpid()}"
    limits: dict[str, object] = {"cgroupsPath": f"/{group}/bomb", "resources": {"pids": {"limit": 30}}}
    bomb = "bomb() { bomb | bomb & }; echo up; bomb; while :; do sleep 1; done"

    daemon.run("bomb", keeper.isolated_bundle("bomb", "/bin/sh", "-c", bomb, linux=limits), "linux")
    assert _line(daemon, "bomb") == b"up\n"
    for file in glob(f"/sys/fs/cgroup/**/{group}/bomb/pids.max", recursive=True):
        with open(file) as limit:
            assert limit.read() == "30\n"
    daemon.do(messages.ask_delete, "bomb", True)

    assert daemon.exit("bomb")["signal"] == signal.SIGKILL
    assert glob(f"/sys/fs/cgroup/**/{group}", recursive=True) == []


def test_a_program_that_cannot_be_executed(keeper: RunningKeeper) -> None:
    """Where the program is not in the jail, the request fails and the host is as it was."""
    daemon = keeper.greeted()

    with pytest.raises(Failed, match="nonsense"):
        daemon.run("web", keeper.isolated_bundle("web", "/nonsense"), "linux")

    assert os.listdir(keeper.root) == []


def test_a_jail_cannot_write_to_the_keepers_interpreter(keeper: RunningKeeper) -> None:
    """The keeper, and so what it forks, runs from an interpreter that cannot be opened for writing through /proc."""
    keeper.greeted()

    assert is_sealed(f"/proc/{keeper.pid}/exe")
