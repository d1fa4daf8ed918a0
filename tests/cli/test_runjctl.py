"""runjctl as a whole, against a scripted daemon."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import termios
from collections.abc import Callable

import pytest

from runjd.errors import exit_statuses
from runjd.protocols.attach import Frame, format_frame, format_named
from tests.cli.program import PATIENCE, Program, command, runjctl
from tests.cli.scripted import HELLO, Peer, Scripted, answering

Start = Callable[..., Scripted]

STATUS = (
    b"* jail=db want=up status=running phase=running ready=yes health=healthy pid=2210 jid=4 up=86411.2 restarts=0\n"
    b"* jail=web want=up status=stopped phase=backoff ready=no exit=1 next_in=7.5 restarts=4 "
    b'reason="\\x1b[2J"\n+ n=2\n'
)


def test_no_verb_and_a_wrong_verb_are_explained() -> None:
    """The message names the way to the help, or what was probably meant; the status is EX_USAGE."""
    done = runjctl()
    assert (done.returncode, done.stdout) == (64, b"")
    assert b"runjctl help" in done.stderr
    done = runjctl("statsu")
    assert done.returncode == 64
    assert b'did you mean "status"?' in done.stderr


@pytest.mark.parametrize("arguments", [("help",), ("--help",), ("help", "run"), ("run", "--help"), ("--version",)])
def test_help_needs_no_daemon(arguments: tuple[str, ...]) -> None:
    """Help and version are told without a connection."""
    done = runjctl("--socket", "/nonexistent/control", *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"runjctl" in done.stdout


def test_status_is_a_table_for_people(scripted: Start) -> None:
    """Facts are in columns, spans are short, hostile text is shown as an escape."""
    daemon = scripted(answering(("status", STATUS)))
    done = runjctl("-s", daemon.path, "status")
    assert done.stdout.decode().splitlines() == [
        "JAIL  STATUS   PHASE    WANT  READY  HEALTH    PID  JID     UP  RESTARTS  EXIT  REASON",
        "db    running  running  up    yes    healthy  2210    4  1d00h         0  -     -",
        r"web   stopped  backoff  up    no     -           -    -      -         4  1     again in 7s; \x1b[2J",
    ]


def test_status_is_an_array_for_programs(scripted: Start) -> None:
    """--json works before and behind the verb."""
    daemon = scripted(answering(("status web", STATUS)), answering(("status web", STATUS)))
    for arguments in (("--json", "status", "web"), ("status", "web", "--json")):
        found = json.loads(runjctl("-s", daemon.path, *arguments).stdout)
        assert [each["pid"] if "pid" in each else each["next_in"] for each in found] == [2210, 7.5]


def test_the_environment_names_the_socket(scripted: Start) -> None:
    """Without --socket, RUNJD_SOCKET counts; list -q writes ids alone."""
    daemon = scripted(answering(("list", b"* jail=db\n* jail=web\n+ n=2\n")))
    assert runjctl("ls", "-q", environment={"RUNJD_SOCKET": daemon.path}).stdout == b"db\nweb\n"


def test_no_jails_is_an_empty_output(scripted: Start) -> None:
    """A program reads nothing, or an empty array."""
    daemon = scripted(answering(("list", b"+ n=0\n")), answering(("list", b"+ n=0\n")))
    assert runjctl("-s", daemon.path, "list").stdout == b""
    assert runjctl("-s", daemon.path, "list", "--json").stdout == b"[]\n"


@pytest.mark.parametrize(("code", "status"), sorted(exit_statuses().items()))
def test_each_code_has_its_exit_status(scripted: Start, code: str, status: int) -> None:
    """Scripts can tell failures apart by the documented table."""
    daemon = scripted(answering(("show web", f'- {code} msg="it is so"\n'.encode())))
    done = runjctl("-s", daemon.path, "show", "web")
    assert (done.returncode, done.stderr) == (status, b"runjctl: it is so\n")


def test_errors_are_json_where_json_is_asked_for(scripted: Start) -> None:
    """A program reads code, message and details."""
    daemon = scripted(answering(("show web", b'- OCI step="mount /proc" path=mounts[0] msg="it failed"\n')))
    done = runjctl("-s", daemon.path, "show", "--json", "web")
    assert json.loads(done.stderr) == {
        "code": "OCI",
        "message": "it failed",
        "details": {"step": "mount /proc", "path": "mounts[0]"},
    }


def test_many_jails_are_asked_for_at_once_and_the_first_failure_counts(scripted: Start) -> None:
    """One that fails does not keep the others from being stopped."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        assert [peer.hear() for _ in range(3)] == ["1 stop a grace=5", "2 stop b grace=5", "3 stop c grace=5"]
        peer.say(b"-3 TIMEOUT msg=late\n+1 jail=a\n-2 NOJAIL msg=none\n")
        assert peer.hear_end() == b""

    done = runjctl("-s", scripted(script).path, "stop", "--timeout", "5", "a", "b", "c", "a")
    assert (done.returncode, done.stderr) == (69, b"runjctl: late\nrunjctl: none\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("start", "--wait", "ready", "--timeout", "30", "web"), "1 start web wait=ready timeout=30"),
        (("restart", "web"), "1 restart web"),
        (("start", "--once", "web"), "1 start web once=yes"),
        (("try-restart", "--timeout", "5", "web"), "1 try-restart web grace=5"),
        (("reset", "web"), "1 reset web"),
        (("enable", "web"), "1 enable web"),
        (("disable", "web"), "1 disable web"),
        (("kill", "-s", "hup", "--all", "web"), "1 kill web 1 all=yes"),
        (("kill", "web"), "1 kill web 15"),
        (("rm", "-f", "web"), "1 delete web force=yes"),
        (("delete", "--", "web"), "1 delete web"),
    ],
)
def test_changing_verbs_ask_for_what_was_said(scripted: Start, arguments: tuple[str, ...], line: str) -> None:
    """Options become keys of the protocol; success is silent."""
    daemon = scripted(answering((line, b"+1 jail=web phase=running\n")))
    done = runjctl("-s", daemon.path, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_wait_writes_how_jails_ended(scripted: Start) -> None:
    """One number for one jail; ids and numbers for several; a signal is 128 and its number."""
    daemon = scripted(
        answering(("1 wait a until=stopped", b"+1 jail=a exit=3\n")),
        answering(
            ("1 wait a until=stopped", b"+1 jail=a signal=9\n"), ("2 wait b until=stopped", b"+2 exit=unknown\n")
        ),
        answering(("1 wait a until=ready timeout=1", b"+1 jail=a ready=yes\n")),
    )
    assert runjctl("-s", daemon.path, "wait", "a").stdout == b"3\n"
    assert runjctl("-s", daemon.path, "wait", "a", "b").stdout == b"a 137\nb unknown\n"
    assert runjctl("-s", daemon.path, "wait", "--until", "ready", "--timeout", "1", "a").stdout == b""


LOG = (
    b"|1 F 2026-11-23T15:01:20.102Z out listening on \\xc3\\x28\n|1 P 2026-11-23T15:01:21.000Z out half \n"
    b"|1 F 2026-11-23T15:01:21.100Z out line\n|1 P 2026-11-23T15:01:22.000Z out cut\n"
    b"|1 F 2026-11-23T15:01:22.001Z err panic\\x1b[2J\n+1 lines=5\n"
)


def test_logs_are_the_bytes_that_were_written(scripted: Start) -> None:
    """Pieces are put together, bytes come as they were, streams do not get into one line."""
    daemon = scripted(answering(("1 log web lines=all", LOG)))
    done = runjctl("-s", daemon.path, "logs", "web")
    assert done.stdout == b"listening on \xc3(\nhalf line\ncut\npanic\x1b[2J\n"


def test_logs_of_one_stream_and_time(scripted: Start) -> None:
    """The daemon chooses the lines; --timestamps tells when they were written."""
    answer = b"|1 F 2026-11-23T15:01:22.001Z err panic\\x1b[2J\n+1 lines=1\n"
    daemon = scripted(answering(("1 log web since=10m until=1m stream=err lines=10", answer)))
    arguments = ["--since", "10m", "--until", "1m", "--stream", "err"]
    done = runjctl("-s", daemon.path, "logs", "-t", "-n", "10", *arguments, "web")
    assert done.stdout == b"2026-11-23T15:01:22.001Z err panic\x1b[2J\n"


def test_logs_for_programs_are_json_lines(scripted: Start) -> None:
    """Each piece is an object."""
    daemon = scripted(answering(("1 log web lines=all", LOG)))
    found = [json.loads(line) for line in runjctl("-s", daemon.path, "logs", "--json", "web").stdout.splitlines()]
    assert found[0]["text"].encode("utf-8", "surrogateescape") == b"listening on \xc3("
    assert (found[1]["partial"], found[4]["stream"]) == (True, "err")


def test_following_shows_each_line_when_it_comes_and_ends_by_the_signal(scripted: Start) -> None:
    """Nothing waits in a buffer; ^C ends it as it ends tail -f."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear() == "1 log web lines=all follow=yes"
        peer.say(b"|1 F 2026-11-23T15:01:20.102Z out first\n")
        assert peer.hear_end() == b""

    daemon = scripted(script)
    with Program(["-s", daemon.path, "logs", "-f", "web"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.read(6) == b"first\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(PATIENCE) == -signal.SIGINT
        assert child.complaint() == b""


def test_following_ends_when_nobody_reads(scripted: Start) -> None:
    """As in runjctl logs -f web | head -1, although no further line comes."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        peer.hear()
        peer.say(b"|1 F 2026-11-23T15:01:20.102Z out first\n")
        assert peer.hear_end() == b""

    daemon = scripted(script)
    with Program(["-s", daemon.path, "logs", "-f", "web"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.read(6)
        assert child.stdout is not None
        child.stdout.close()
        assert child.wait(PATIENCE) == -signal.SIGPIPE
        assert child.complaint() == b""


def test_events_are_lines_for_people_and_json_for_programs(scripted: Start) -> None:
    """Both end with the good-bye of a daemon that does not go itself, as a second look tells."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear() == "subscribe ev=state,exit jail=web* since=7f3a91:1040"
        peer.say(b"+ seq=1041\n! 1041 at=2026-11-23T15:02:03.201Z jail=web ev=state from=idle to=running pid=7\n")
        peer.say(b"-? BYE msg=over\n")
        assert peer.hear_end() == b""

    def again(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear_end() == b""

    arguments = ("events", "--type", "state,exit", "--jail", "web*", "--since", "7f3a91:1040")
    daemon = scripted(script, again, script, again)
    done = runjctl("-s", daemon.path, *arguments)
    assert done.stdout.split() == b"2026-11-23T15:02:03.201Z web state from=idle to=running pid=7".split()
    assert (done.returncode, done.stderr) == (76, b"runjctl: over\n")
    done = runjctl("-s", daemon.path, *arguments, "--json")
    assert json.loads(done.stdout)["seq"] == 1041


def test_run_detached_writes_the_id(scripted: Start, private_dir: str) -> None:
    """The bundle's path becomes absolute, its last part the id."""
    daemon = scripted(answering((f"run job {private_dir}/job rm=yes stdin=yes", b"+ jail=job pid=7\n")))
    done = runjctl("-s", daemon.path, "run", "-di", "--rm", f"{private_dir}/x/../job/")
    assert (done.returncode, done.stdout) == (0, b"job\n")


def test_an_empty_name_is_not_taken_for_none(scripted: Start, private_dir: str) -> None:
    """An id that is given and empty goes to the daemon, which refuses it; the bundle's name does not replace it."""
    answer = b'- BAD_ARG verb=run arg=ID msg="run: the id is empty"\n'
    daemon = scripted(answering((f'run "" {private_dir}/job', answer)))
    done = runjctl("-s", daemon.path, "run", "-d", "--name", "", f"{private_dir}/job")
    assert (done.returncode, done.stderr) == (125, b"runjctl: run: the id is empty\n")


def test_what_the_daemon_finds_worth_telling_is_told(scripted: Start) -> None:
    """A notice goes to standard error, whether we stay with the jail or not."""
    answer = b'+ jail=job tty=no notice="no \\x1b isolation" notice.2=more\n'
    daemon = scripted(
        answering(("run job /b/job", answer)),
        answering(("run job /b/job mode=frame", answer + b"X 6\nexit=0")),
        answering(("1 start job", b"+1" + answer[1:])),
    )
    for arguments in (("run", "-d", "/b/job"), ("run", "/b/job"), ("start", "job")):
        done = runjctl("-s", daemon.path, *arguments)
        assert done.stderr == b"runjctl: no \\x1b isolation\nrunjctl: more\n"


def test_run_shows_everything_and_passes_the_status_on(scripted: Start) -> None:
    """From the first byte that comes with the answer to the exit."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear() == "run batch /b/job runtime=plain mode=frame"
        peer.say(b"+ jail=batch pid=7 mode=frame tty=no\nO 5\nhello" + format_frame("E", b"oops\n"))
        peer.say(format_named("X", [("exit", "42")]))
        assert peer.hear_end() == b""

    done = runjctl(
        "-s", scripted(script).path, "run", "--runtime", "plain", "--name", "batch", "/b/job", stdin=b"unused"
    )
    assert (done.returncode, done.stdout, done.stderr) == (42, b"hello", b"oops\n")


def test_exec_passes_input_environment_user_and_the_signal(scripted: Start) -> None:
    """What stands behind the command is its own; a program that a signal ended is 128 and its number."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear() == (
            'exec web cat -i "a=b" user=1001:20 cwd=/tmp env.1="A=1 2" env.2=HOME=/h stdin=yes mode=frame'
        )
        peer.say(b"+ jail=web exec=e1 pid=7 tty=no\n")
        assert peer.hear_frame() == Frame("I", b"\0\x10\x11")
        assert peer.hear_frame() == Frame("I", b"")
        peer.say(format_named("X", [("signal", "9")]))
        assert peer.hear_end() == b""

    arguments = ["exec", "-i", "-u", "1001:20", "-w", "/tmp", "-e", "A=1 2", "-e", "HOME", "-e", "UNSET", "web"]
    done = runjctl(
        "-s", scripted(script).path, *arguments, "cat", "-i", "a=b", stdin=b"\0\x10\x11", environment={"HOME": "/h"}
    )
    assert (done.returncode, done.stderr) == (137, b"")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b'- OCI step=exec path=process.args[0] errno=2 msg="no such program"\n', 127),
        (b'- OCI step=exec path=process.args[0] errno=13 msg="not executable"\n', 126),
        (b'- OCI step=chdir path=process.cwd errno=2 msg="no such directory"\n', 125),
        (b'- OCI step=bind path=mounts[3] errno=13 msg="permission denied"\n', 125),
        (b'- NOJAIL jail=web msg="no jail"\n', 125),
        (b"", 125),
        (b"+ jail=web tty=no\n", 125),
        (b"+ jail=web tty=no\nX 0\n", 125),
        (b"+ jail=web tty=no\nX 12\nexit=unknown", 125),
        (b"+ jail=web tty=no\nrubbish!", 125),
    ],
)
def test_failures_of_ours_are_told_from_the_programs(scripted: Start, answer: bytes, status: int) -> None:
    """125 to 127, as env(1) has it, with a reason on standard error."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        peer.hear()
        peer.say(answer)

    # one that ends without a word is looked for again, and is still there
    is_lost = answer in (b"+ jail=web tty=no\n", b"+ jail=web tty=no\nX 0\n")
    daemon = scripted(script, answering()) if is_lost else scripted(script)
    done = runjctl("-s", daemon.path, "exec", "web", "true")
    assert done.returncode == status
    assert done.stderr.startswith(b"runjctl: ")
    assert b"Traceback" not in done.stderr


def test_a_wrong_command_line_of_run_is_125() -> None:
    """Also what is wrong before anything was asked."""
    assert runjctl("run").returncode == 125
    assert runjctl("run", "--bogus", "x").returncode == 125
    assert runjctl("attach", "--detach-keys", "ctrl-1", "x").returncode == 125


def test_an_interrupt_is_passed_on_to_the_program(scripted: Start) -> None:
    """^C of a job without a terminal reaches the job, and its status comes back."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        peer.hear()
        peer.say(b"+ jail=job pid=7 tty=no\nO 2\nup")
        jobs.append(peer)
        peer.connected = peer.connected.dup()

    def kill(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear() == "kill job 2"
        peer.say(b"+ jail=job signal=2\n")
        assert peer.hear_end() == b""
        jobs[0].say(format_named("X", [("signal", "2")]))
        assert jobs[0].hear_end() == b""
        jobs[0].connected.close()

    jobs: list[Peer] = []
    daemon = scripted(script, kill)
    with Program(["-s", daemon.path, "run", "/b/job"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.read(2) == b"up"
        child.send_signal(signal.SIGINT)
        assert child.wait(PATIENCE) == 130


def test_raw_sends_lines_as_they_are(scripted: Start) -> None:
    """One line from the command line, or all of standard input; the status is that of the last answer."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear_end() == b"ping\nnope  x\n"
        peer.say(b"+ at=1\n- UNKNOWN_VERB msg=no\n")

    def one(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear_end() == b"status --json web\n"
        peer.say(b"+ n=0\n")

    daemon = scripted(script, one)
    done = runjctl("-s", daemon.path, "raw", stdin=b"ping\nnope  x\n")
    assert (done.returncode, done.stdout) == (64, b"+ at=1\n- UNKNOWN_VERB msg=no\n")
    assert runjctl("-s", daemon.path, "raw", "status", "--json", "web").returncode == 0


def test_shutdown_wants_to_know_what_becomes_of_the_jails(scripted: Start) -> None:
    """Neither is the default: both are what somebody does not expect."""
    assert runjctl("shutdown").returncode == 64
    daemon = scripted(answering(("shutdown keep", b"+ how=keep\n")))
    assert runjctl("-s", daemon.path, "shutdown", "--keep").returncode == 0


def test_closed_standard_descriptors_are_no_trap(scripted: Start) -> None:
    """The connection does not become standard output where that is closed."""
    daemon = scripted(answering(("list", b"* jail=db\n+ n=1\n")))
    line = shlex.join(command("-s", daemon.path, "list"))
    done = subprocess.run(["sh", "-c", f"{line} <&- >&- 2>&-"], timeout=PATIENCE, check=False)
    assert done.returncode == 0


def test_output_that_nobody_reads_ends_it_quietly(scripted: Start) -> None:
    """As any other tool in a pipe."""
    daemon = scripted(answering(("list", b"* jail=db\n+ n=1\n")))
    reading, writing = os.pipe()
    os.close(reading)
    with Program(["-s", daemon.path, "list"], stdout=writing, stderr=subprocess.PIPE) as child:
        os.close(writing)
        assert child.wait(PATIENCE) == -signal.SIGPIPE
        assert child.complaint() == b""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, 0])
def test_the_terminal_is_restored_whatever_ends_a_session(scripted: Start, signum: int) -> None:
    """A signal from outside, or a lost connection: the shell finds its terminal as it was."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear() == "attach web mode=frame rows=33 cols=99"
        peer.say(b"+ jail=web pid=7 mode=frame tty=yes\n")
        assert peer.hear_frame() == Frame("W", b"33 99")
        peer.say(format_frame("O", b"prompt$ "))
        if signum:
            assert peer.hear_end() == b""

    daemon = scripted(script) if signum else scripted(script, answering())
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (33, 99))
    before = termios.tcgetattr(slave)
    with Program(["-s", daemon.path, "attach", "web"], stdin=slave, stdout=slave, stderr=subprocess.PIPE) as child:
        seen = b""
        while not seen.endswith(b"prompt$ "):
            seen += os.read(master, 100)
        if signum:
            child.send_signal(signum)
        assert child.wait(PATIENCE) == (-signum if signum else 125)
    assert termios.tcgetattr(slave) == before
    os.close(slave)
    os.close(master)


def test_detaching_says_how_to_come_back(scripted: Start) -> None:
    """Status 0, and the program goes on."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        peer.hear()
        peer.say(b"+ jail=web pid=7 mode=frame tty=yes\n")
        peer.hear_frame()
        os.write(master, b"\x01d")
        assert peer.hear_end() == b""

    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (33, 99))
    daemon = scripted(script)
    arguments = ["-s", daemon.path, "attach", "--detach-keys", "^Ad", "web"]
    with Program(arguments, stdin=slave, stdout=slave, stderr=subprocess.PIPE) as child:
        assert child.wait(PATIENCE) == 0
        assert b"runjctl attach web" in child.complaint()
    os.close(slave)
    os.close(master)


PLAN = b"""\
* jail=cache does=keep phase=running
* jail=db does=start step=1 phase=idle
* jail=app does=start step=2 phase=idle waits_for=db,cache
* jail=web does=wait phase=idle waits_for=old reason="waiting for old (stopped)"
+ n=4 starts=2
"""


def test_plan_is_a_table_of_steps(scripted: Start) -> None:
    """The step, what is done, to whom, and what it waits for; programs get lists."""
    daemon = scripted(answering(("plan app", PLAN)), answering(("plan", PLAN)))
    assert runjctl("-s", daemon.path, "plan", "app").stdout.decode().splitlines() == [
        "STEP  DOES   JAIL   NOW      WAITS FOR",
        "   -  keep   cache  running  -",
        "   1  start  db     idle     -",
        "   2  start  app    idle     db, cache",
        "   -  wait   web    idle     old (stopped)",
    ]
    found = json.loads(runjctl("-s", daemon.path, "plan", "--json").stdout)
    assert [(each["jail"], each.get("step"), each["waits_for"]) for each in found] == [
        ("cache", None, []),
        ("db", 1, []),
        ("app", 2, ["db", "cache"]),
        ("web", None, ["old"]),
    ]
