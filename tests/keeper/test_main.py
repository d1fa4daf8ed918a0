"""The keeper as a process of its own: what it does for jails, from run to delete."""

import json
import os
import resource
import signal
import sys
import time

import pytest

from runjd.keeper import messages
from tests.keeper.daemon import Failed
from tests.keeper.running import RunningKeeper, process_of


def test_runs_a_program_and_records_its_exit(keeper: RunningKeeper) -> None:
    """A program's pid is told before its exit status, which stays on disk until it is acknowledged."""
    daemon = keeper.greeted()
    before = time.time()

    ran = daemon.run("web", keeper.bundle("web", "/bin/sh", "-c", "exit 7"))
    ended = daemon.exit("web")

    assert ran["pid"] == ended["pid"]
    assert (ended["status"], ended["signal"], ended["core"], ended["recorded"]) == (7, None, False, True)
    assert before <= ended["at"] <= time.time()
    assert len(os.listdir(f"{keeper.directory}/keeper/exits")) == 1

    daemon.ack(ended)
    daemon.delete("web")

    assert os.listdir(f"{keeper.directory}/keeper/exits") == []
    assert os.listdir(keeper.root) == []


def test_done_comes_before_exit(keeper: RunningKeeper) -> None:
    """However fast a program ends, its exit is told after the answer to the request that ran it."""
    daemon = keeper.greeted()
    bundle = keeper.bundle("true", "/bin/true")

    for number in range(20):
        daemon.ask(messages.ask_run, f"fast{number}", bundle, "plain", False, None, {})
    kinds: dict[int, list[str]] = {}
    while sum(len(each) for each in kinds.values()) < 40:
        parcel = daemon.take(lambda _: True, "anything")
        parcel.drop()
        kinds.setdefault(int(str(parcel.message["pid"])), []).append(str(parcel.message["m"]))

    assert all(each == ["done", "exit"] for each in kinds.values())


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1])
def test_tells_the_signal_that_ended_a_program(keeper: RunningKeeper, signum: int) -> None:
    """A signal reaches the init process, and its number is told in place of a status."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000"))

    daemon.do(messages.ask_signal, "web", "", signum, False)
    ended = daemon.exit("web")

    assert (ended["status"], ended["signal"]) == (None, signum)


def test_streams_are_separate(keeper: RunningKeeper) -> None:
    """Standard output and error come through descriptors of their own."""
    daemon = keeper.greeted()

    ran = daemon.run("web", keeper.bundle("web", "/bin/sh", "-c", "echo to out; echo to err >&2; exec sleep 1000"))

    assert ran["streams"] == ["out", "err"]
    assert daemon.read("web", 7) == b"to out\n"
    assert daemon.read("web", 7, stream="err") == b"to err\n"


def test_stdin_reaches_the_program_and_can_be_closed(keeper: RunningKeeper) -> None:
    """Once keeper and daemon have closed standard input, the program reads end of file."""
    daemon = keeper.greeted()
    daemon.run("cat", keeper.bundle("cat", "/bin/cat"), stdin=True)
    parcel = daemon.answer(daemon.ask(messages.ask_stdin, "cat", ""))
    (stdin,) = parcel.descriptors

    os.write(stdin, b"hello")
    assert daemon.read("cat", 5) == b"hello"
    os.close(stdin)
    daemon.do(messages.ask_close_stdin, "cat", "")

    assert daemon.exit("cat")["status"] == 0
    with pytest.raises(Failed, match="STATE"):
        daemon.do(messages.ask_stdin, "cat", "")


def test_without_stdin_the_program_reads_end_of_file(keeper: RunningKeeper) -> None:
    """A jail that was run without standard input reads from /dev/null."""
    daemon = keeper.greeted()

    daemon.run("cat", keeper.bundle("cat", "/bin/cat"), stdin=False)

    assert daemon.exit("cat")["status"] == 0
    with pytest.raises(Failed, match="STATE"):
        daemon.do(messages.ask_stdin, "cat", "")


def test_what_is_typed_into_a_terminal_is_no_input_of_its_program(keeper: RunningKeeper) -> None:
    """The keeper holds the FIFO of a client for reading, and gives it to nobody who wants to write."""
    daemon = keeper.greeted()
    typed = f"{keeper.directory}/typed"
    os.mkfifo(typed)
    bundle = keeper.bundle("tty", "/bin/sleep", "1000", terminal=True)
    daemon.ran(daemon.ask(messages.ask_create, "tty", bundle, "plain", {"in": typed}, [], {}), "tty")

    with pytest.raises(Failed, match="STATE"):
        daemon.do(messages.ask_stdin, "tty", "")
    daemon.close()
    [process] = keeper.daemon().greet()

    assert process["stdin_open"] is False


def test_a_terminal_is_one_descriptor(keeper: RunningKeeper) -> None:
    """Where the bundle asks for a terminal, its master is passed, with the size that was asked for."""
    daemon = keeper.greeted()

    ran = daemon.run("tty", keeper.bundle("tty", "/bin/sh", "-c", "stty size; cat", terminal=True), size=(31, 97))

    assert (ran["terminal"], ran["streams"]) == (True, ["tty"])
    assert daemon.read("tty", 7, stream="tty") == b"31 97\r\n"
    os.write(daemon.open["tty", "", "tty"], b"x\n\x04")
    assert daemon.read("tty", 6, stream="tty") == b"x\r\nx\r\n"
    assert daemon.exit("tty")["status"] == 0


def test_exec_runs_beside_the_init_process(keeper: RunningKeeper) -> None:
    """A process of an exec has streams and an exit of its own; that of the init process is another."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000"))

    ran = daemon.exec("web", "e1", process_of("/bin/sh", "-c", "cat; exit 3"), stdin=True)
    (stdin,) = daemon.answer(daemon.ask(messages.ask_stdin, "web", "e1")).descriptors
    os.write(stdin, b"ping")
    assert daemon.read("web", 4, exec="e1") == b"ping"
    os.close(stdin)
    daemon.do(messages.ask_close_stdin, "web", "e1")
    ended = daemon.exit("web", "e1")

    assert (ended["pid"], ended["status"]) == (ran["pid"], 3)
    assert all(parcel.message["m"] != "exit" for parcel in daemon.parcels)


@pytest.mark.parametrize("runtime", ["plain", pytest.param("linux", marks=pytest.mark.root)])
def test_no_exit_is_lost_however_soon_it_comes(keeper: RunningKeeper, runtime: str) -> None:
    """Processes that end before anybody knows of them are each told: that they run, and then how they ended."""
    daemon = keeper.greeted()
    make = keeper.bundle if runtime == "plain" else keeper.isolated_bundle
    daemon.run("web", make("web", "/bin/sleep", "1000"), runtime)

    asked = {
        f"e{n}": daemon.ask(
            messages.ask_exec, "web", f"e{n}", process_of("/bin/sh", "-c", f"exit {n}"), False, None, {}
        )
        for n in range(30)
    }
    ran = {name: daemon.ran(req, "web", name)["pid"] for name, req in asked.items()}
    ended = [daemon.exit("web", name) for name in asked]

    assert [each["status"] for each in ended] == list(range(30))
    assert [each["pid"] for each in ended] == list(ran.values())


def test_signals_reach_the_exec_process_alone(keeper: RunningKeeper) -> None:
    """A signal to an exec process leaves the init process alone."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000"))
    daemon.exec("web", "e1", process_of("/bin/sleep", "1000"))

    daemon.do(messages.ask_signal, "web", "e1", signal.SIGINT, False)

    assert daemon.exit("web", "e1")["signal"] == signal.SIGINT
    daemon.do(messages.ask_signal, "web", "", signal.SIGTERM, True)
    assert daemon.exit("web")["signal"] == signal.SIGTERM


def test_exec_in_a_jail_that_ended(keeper: RunningKeeper) -> None:
    """Neither exec nor signal reaches a jail that has ended: STATE."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/true"))
    ended = daemon.exit("web")

    for _ in range(2):  # with and without the exit being remembered
        with pytest.raises(Failed, match="STATE"):
            daemon.exec("web", "e1", process_of("/bin/true"))
        with pytest.raises(Failed, match="STATE"):
            daemon.do(messages.ask_signal, "web", "", signal.SIGTERM, False)
        daemon.ack(ended)


def test_process_is_that_of_the_bundle(keeper: RunningKeeper) -> None:
    """The process of the jail's config.json can be asked for, as what an exec starts from."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000", noNewPrivileges=True))

    process = daemon.do(messages.ask_process, "web")["process"]

    assert process["args"] == ["/bin/sleep", "1000"]
    assert process["noNewPrivileges"] is True


@pytest.mark.parametrize(
    ("make", "arguments", "code"),
    [
        (messages.ask_run, ("../x", "/nowhere", "plain", False, None, {}), "BAD_ARG"),
        (messages.ask_run, ("web", "/nowhere", "plain", False, None, {}), "CONFIG"),
        (messages.ask_run, ("web", "/nowhere", 5, False, None, {}), "BAD_ARG"),
        (messages.ask_exec, ("web", "e1", {"args": ["true"], "cwd": "/"}, False, None, {}), "NOJAIL"),
        (messages.ask_exec, ("web", "", {"args": ["true"], "cwd": "/"}, False, None, {}), "BAD_ARG"),
        (messages.ask_exec, ("web", "e1", {}, False, None, {}), "CONFIG"),
        (messages.ask_signal, ("web", "", 15, False), "NOJAIL"),
        (messages.ask_signal, ("web", "", 0, False), "BAD_ARG"),
        (messages.ask_signal, ("web", "", 1 << 40, False), "BAD_ARG"),
        (messages.ask_signal, ("web", "e1", 15, False), "NOTFOUND"),
        (messages.ask_delete, ("web", False), "NOJAIL"),
        (messages.ask_close_stdin, ("web", ""), "NOJAIL"),
        (messages.ask_stdin, ("web", "e1"), "NOTFOUND"),
        (messages.ask_process, ("web",), "NOJAIL"),
    ],
)
def test_a_request_that_makes_no_sense_is_answered(
    keeper: RunningKeeper, make: object, arguments: tuple[object, ...], code: str
) -> None:
    """Each request that cannot be carried out gets one error with a code, and the keeper goes on."""
    daemon = keeper.greeted()

    with pytest.raises(Failed) as failed:
        daemon.do(make, *arguments)

    assert failed.value.code == code
    assert daemon.do(messages.ask_delete, "nothing", True)["m"] == "done"


def test_a_program_that_cannot_be_executed(keeper: RunningKeeper) -> None:
    """Where the program is not found, the request fails and nothing is left: no process, no state, no descriptor."""
    daemon = keeper.greeted()
    before = keeper.descriptors()

    with pytest.raises(Failed, match="nonsense"):
        daemon.run("web", keeper.bundle("web", "/nonsense"))

    assert os.listdir(keeper.root) == []
    keeper.wait(lambda: keeper.descriptors() == before, "descriptors")


def test_an_id_that_is_taken(keeper: RunningKeeper) -> None:
    """A second jail of the same id is refused, and the first is not touched."""
    daemon = keeper.greeted()
    bundle = keeper.bundle("web", "/bin/sleep", "1000")
    pid = daemon.run("web", bundle)["pid"]

    with pytest.raises(Failed, match="EXISTS"):
        daemon.run("web", bundle)
    daemon.exec("web", "e1", process_of("/bin/sleep", "1000"))
    with pytest.raises(Failed, match="STATE"):
        daemon.exec("web", "e1", process_of("/bin/sleep", "1000"))

    os.kill(int(str(pid)), 0)


def test_deleting_by_force_tells_the_exits_first(keeper: RunningKeeper) -> None:
    """A jail that is deleted by force is killed; its exit comes before the answer."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000"))

    with pytest.raises(Failed, match="STATE"):
        daemon.do(messages.ask_delete, "web", False)
    req = daemon.ask(messages.ask_delete, "web", True)
    kinds = []
    while "done" not in kinds:
        kinds.append(daemon.take(lambda _: True, "anything").message["m"])

    assert kinds == ["exit", "done"]
    assert req


def test_deleting_ends_what_an_exec_left(keeper: RunningKeeper) -> None:
    """A process that was brought into a jail does not outlive it, even where nothing isolates."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000"))
    daemon.exec("web", "e1", process_of("/bin/sleep", "1000"))

    daemon.delete("web")

    assert daemon.exit("web", "e1")["signal"] == signal.SIGKILL


def test_shutdown_waits_for_nobody(keeper: RunningKeeper) -> None:
    """While a process lives, shutdown is refused; then the keeper ends and takes its socket away."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000"))

    with pytest.raises(Failed, match="STATE"):
        daemon.do(messages.ask_shutdown)
    os.kill(keeper.pid, signal.SIGTERM)
    keeper.wait(lambda: "goes on" in keeper.log(), "log")
    daemon.delete("web")
    daemon.do(messages.ask_shutdown)

    assert keeper.process is not None
    assert keeper.process.wait(5) == 0
    assert not os.path.exists(keeper.path)


def test_a_child_gets_nothing_of_the_keepers(keeper: RunningKeeper) -> None:
    """A program finds descriptors 0 to 2 alone, default signals, a session of its own and the caller's limits."""
    daemon = keeper.greeted()
    daemon.run("other", keeper.bundle("other", "/bin/sleep", "1000"), stdin=True)
    script = (
        "import json, os, resource; status = dict(line.split(':', 1) for line in open('/proc/self/status'));"
        "print(json.dumps([sorted(os.listdir('/proc/self/fd')), status['SigIgn'].strip(), status['SigBlk'].strip(),"
        "os.getsid(0) == os.getpid(), resource.getrlimit(resource.RLIMIT_NOFILE),"
        "open('/proc/self/oom_score_adj').read(), os.umask(0)]), flush=True); os.execv('/bin/sleep', ['sleep', '1000'])"
    )

    daemon.run("web", keeper.bundle("web", sys.executable, "-I", "-S", "-c", script))
    text = b""
    while not text.endswith(b"\n"):
        text += daemon.read("web", 1)
    descriptors, ignored, blocked, leads, limits, oom_score, umask = json.loads(text)

    assert descriptors == ["0", "1", "2", "3"]  # 3 is that of the listing
    # what Python itself ignores from its start
    assert int(ignored, 16) == 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1
    assert int(blocked, 16) == 0
    assert leads
    assert tuple(limits) == resource.getrlimit(resource.RLIMIT_NOFILE)
    with open("/proc/self/oom_score_adj", encoding="ascii") as file:
        assert oom_score == file.read()
    assert umask == 0o022
