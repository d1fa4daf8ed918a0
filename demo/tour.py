"""
The main job, from a bundle to an empty machine, on this machine.

Everything happens below one new directory; each chapter checks what it shows,
and the last one that nothing is left.  ``make demo`` runs it.
"""

import contextlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, CHECKOUT)

from bundles import Bundles  # noqa: E402 # the path comes first
from screen import DETACH, Screen  # noqa: E402
from stage import Broken, Stage  # noqa: E402

from runjd import __version__  # noqa: E402
from tests.leftovers import Leftovers  # noqa: E402

PROGRAMS = os.path.dirname(sys.executable)
PORT = 8080


class Tour:
    """
    All chapters, on one private directory.

    :param directory: where everything is; it is gone afterwards.
    :param isolated: whether jails are isolated, or run by the plain runtime.
    """

    def __init__(self, directory: str, isolated: bool) -> None:
        self.directory = directory
        self.isolated = isolated
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "RUNJD_SOCKET": f"{directory}/control",
            "TERM": "dumb",
            "LANG": "C.UTF-8",
        }
        self.stage = Stage(PROGRAMS, self.environment, directory)
        self.bundles = Bundles(f"{directory}/bundles", isolated)
        self.daemon: subprocess.Popen[bytes] | None = None
        self.port = PORT if isolated else _free_port()
        self.web = ""
        self.namespaces: set[str] = set()
        self.ended = 0.0

    def go(self) -> None:
        """Take the whole tour."""
        self.make_bundles()
        self.start_daemon()
        self.serve()
        self.fail()
        self.type()
        self.look()
        self.survive()
        self.stop()

    def make_bundles(self) -> None:
        """Show what goes in."""
        stage = self.stage
        stage.chapter("Bundles, from programs that are on this machine")
        self.web = self.bundles.web("web", self.port)
        self.job = self.bundles.shell("job", 'echo "copying"; echo "no space left" >&2; exit 7')
        self.brief = self.bundles.shell("brief", "sleep 0.7; exit 42")
        self.shell = self.bundles.shell("shell", terminal=True)
        of_host, of_busybox = "", ""
        if self.isolated:
            of_host = "; its root is the host's directories, read-only"
            of_busybox = "; its root holds a static busybox and nothing else"
        for bundle, what in (
            (self.web, f"Python's HTTP server{of_host}"),
            (self.job, f"a job that fails{of_busybox}"),
            (self.brief, "a job that ends while nobody looks"),
            (self.shell, f"a shell{of_busybox}"),
        ):
            stage.say(f"{os.path.relpath(bundle, self.directory):16} {what}")
        with open(f"{self.web}/config.json", encoding="utf-8") as file:
            config = json.load(file)
        stage.say("the web jail's process: " + " ".join(config["process"]["args"]))
        if self.isolated:
            kinds = ", ".join(each["type"] for each in config["linux"]["namespaces"])
            stage.say(f"its namespaces: {kinds}; its user: {config['process']['user']['uid']}")

    def start_daemon(self) -> None:
        """Start the daemon, and see that it answers."""
        self.stage.chapter("The daemon")
        self._start()
        self.stage.show("runjctl", "whoami")

    def serve(self) -> None:
        """Run a real service, and use it from inside."""
        stage = self.stage
        stage.chapter("A service")
        stage.show("runjctl", "run", "-d", "--name", "web", self.web)
        url = f"http://127.0.0.1:{self.port}/"
        fetch = self.bundles.fetch(self.web, url)
        stage.wait("the service answers", lambda: self._answers(fetch))
        page = stage.show("runjctl", "exec", "web", "--", *fetch)
        stage.check("the page comes from inside of the jail", "inside of a jail" in page)
        if not self.isolated:
            return
        nets = stage.show("runjctl", "exec", "web", "--", "/bin/cat", "/proc/net/dev")
        stage.check("its network has lo and nothing else", len(nets.splitlines()) == 3)
        stage.check(f"on the host nothing listens on port {self.port}", not _listens(self.port))
        write = f"open('{'/usr/escaped'}', 'w')"
        refused = stage.run("runjctl", "exec", "web", "--", self._python(), "-c", write, status=1)
        stage.check("what it sees of the host cannot be written", "Read-only file system" in refused)

    def fail(self) -> None:
        """Run a job whose exit status matters."""
        stage = self.stage
        stage.chapter("A job that fails")
        stage.show("runjctl", "run", "--name", "job", self.job, status=7)
        stage.check("runjctl ends as the job ended", True)
        status = stage.run("runjctl", "wait", "job")
        stage.check("the status is kept", "7" in status)
        logged = stage.show("runjctl", "logs", "job")
        stage.check("so is all it wrote", "copying" in logged and "no space left" in logged)

    def type(self) -> None:
        """Use a terminal, leave it, and come back."""
        stage = self.stage
        stage.chapter("A shell on a terminal")
        prompt = "jail# " if self.isolated else "jail$ "
        screen = self._screen(["run", "-it", "--name", "shell", self.shell])
        screen.expect(prompt)
        screen.type("tty; stty size; echo $((6 * 7)); echo $$\n")
        screen.expect("24 80")
        screen.expect("42\r\n")
        screen.expect(prompt)
        screen.type("sleep 100\n")
        screen.expect("sleep 100")
        time.sleep(0.1)  # until the shell has forked, ctrl-c would hit the shell
        screen.type("\x03")
        screen.expect(prompt)
        screen.type(DETACH)
        status = screen.end()
        self._show_screen(screen)
        stage.check(
            "the terminal is one of the jail's own, ctrl-c reaches what runs, ctrl-p ctrl-q leaves", status == 0
        )
        screen = self._screen(["attach", "shell"])
        screen.wait_raw()
        screen.type("exit 3\n")
        status = screen.end()
        self._show_screen(screen)
        stage.check("the shell is still there to come back to; it ends with status 3", status == 3)

    def look(self) -> None:
        """See what the daemon knows."""
        stage = self.stage
        stage.chapter("What the daemon knows")
        stage.show("runjctl", "status")
        stage.show("runjctl", "show", "web")
        stage.show("runjctl", "logs", "-t", "-n", "3", "web")
        events = self._events()
        for line in events[-8:]:
            stage.say(f"  {line}")
        stage.check("every change was told as an event", any("exit" in line and "job" in line for line in events))

    def survive(self) -> None:
        """Kill the daemon while the service serves."""
        stage = self.stage
        stage.chapter("The daemon is killed while the service serves")
        pid = self._pid_of("web")
        self.namespaces = _namespaces(pid) - _namespaces("self")
        command, notes = self.bundles.client(self.web, self.port)
        stage.show("runjctl", "exec", "-d", "web", "--", *command)
        stage.wait("the client fetches", lambda: len(self._notes(notes)) > 10)
        stage.show("runjctl", "run", "-d", "--name", "brief", self.brief)
        brief = self._pid_of("brief")
        assert self.daemon is not None
        stage.command("kill", "-KILL", str(self.daemon.pid))
        self.daemon.kill()
        self.daemon.wait()
        dead_from = time.monotonic()
        stage.check("no daemon answers", "no daemon" in stage.run("runjctl", "ping", status=74))
        stage.wait("the brief job ends unseen", lambda: not os.path.exists(f"/proc/{brief}"))
        time.sleep(0.5)  # the longer nobody is there, the more there is to take over
        dead_until = time.monotonic()
        self._start()
        stage.show("runjctl", "status")
        stage.check(f"the service is the same process, {pid}", self._pid_of("web") == pid)
        stage.check("the status of what ended meanwhile is known: 42", "42" in stage.run("runjctl", "wait", "brief"))
        seen = len(self._notes(notes))
        stage.wait("the client goes on", lambda: len(self._notes(notes)) > seen + 10)
        stage.run("runjctl", "exec", "web", "--", self._python(), "-c", f"open('{notes}.enough', 'w')")
        stage.wait("the client stops", lambda: self._notes(notes)[-1].startswith("enough"))
        self._judge(self._notes(notes)[:-1], dead_from, dead_until)

    def stop(self) -> None:
        """End everything in order."""
        stage = self.stage
        stage.chapter("The end, in order")
        stage.show("runjctl", "stop", "web")
        if self.isolated:
            self.ended = time.clock_gettime(time.CLOCK_BOOTTIME)
        stage.check("the server ended by itself, with status 0", stage.run("runjctl", "wait", "web").strip() == "0")
        stage.show("runjctl", "delete", "web", "job", "shell", "brief")
        listed = stage.run("runjctl", "list", "--quiet")
        stage.check("no jail is left", not listed.strip())
        stage.show("runjctl", "shutdown", "--stop")
        assert self.daemon is not None
        self.daemon.wait(timeout=10)
        stage.check("the daemon ended with status 0", self.daemon.returncode == 0)

    def give_up(self) -> None:
        """After something went wrong: say what daemon and keeper said, and take everything away by force."""
        for name in ("daemon.log", "state/keeper/log"):
            with contextlib.suppress(OSError), open(f"{self.directory}/{name}", encoding="utf-8") as log:
                print(f"\n$D/{name} ends so:\n{''.join(log.readlines()[-30:])}", file=sys.stderr)
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()
        for pid in Leftovers(self.directory).processes():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _start(self) -> None:
        words = ["--nodaemon", "--pidfile=", f"--logfile={self.directory}/daemon.log", "runjd"]
        options = [f"--control={self.directory}/control", f"--state={self.directory}/state"]
        options += [f"--log={self.directory}/log"]
        self.stage.command("twistd", *words, *options, after=" &")
        self.daemon = subprocess.Popen(
            [f"{PROGRAMS}/twistd", *words, *options], env=self.environment, cwd="/", stdin=subprocess.DEVNULL
        )
        self.stage.wait("the daemon answers", self._is_up)

    def _is_up(self) -> bool:
        assert self.daemon is not None
        if self.daemon.poll() is not None:
            raise Broken(f"the daemon ended with status {self.daemon.returncode}")
        try:
            self.stage.run("runjctl", "ping")
        except Broken:
            return False
        return True

    def _answers(self, fetch: list[str]) -> bool:
        try:
            self.stage.run("runjctl", "exec", "web", "--", *fetch)
        except Broken:
            return False
        return True

    def _python(self) -> str:
        with open(f"{self.web}/config.json", encoding="utf-8") as file:
            return str(json.load(file)["process"]["args"][0])

    def _pid_of(self, name: str) -> int:
        return int(json.loads(self.stage.run("runjctl", "show", "--json", name))["pid"])

    def _notes(self, notes: str) -> list[str]:
        script = f"[ ! -e {notes} ] || cat {notes}"
        return self.stage.run("runjctl", "exec", "web", "--", "/bin/sh", "-c", script).splitlines()

    def _events(self) -> list[str]:
        """Return all events so far: the replay of a follow that is cut off once the last has come."""
        path = f"{PROGRAMS}/runjctl"
        run = json.loads(self.stage.run("runjctl", "ping", "--json"))["run"]
        words = ["events", "--since", f"{run}:0"]
        self.stage.command("runjctl", *words)
        follow = subprocess.Popen([path, *words], env=self.environment, stdout=subprocess.PIPE, text=True)
        assert follow.stdout is not None
        lines: list[str] = []
        for line in follow.stdout:
            lines.append(line.rstrip())
            if "shell" in line and "exit" in line:
                break
        follow.kill()
        follow.wait()
        follow.stdout.close()
        return lines

    def _screen(self, words: list[str]) -> Screen:
        self.stage.command("runjctl", *words)
        environment = self.environment | {"TERM": "xterm"}
        return Screen(f"{PROGRAMS}/runjctl", ["runjctl", *words], environment, (24, 80))

    def _show_screen(self, screen: Screen) -> None:
        for line in screen.lines():
            print(f"     │ {line}")

    def _judge(self, notes: list[str], dead_from: float, dead_until: float) -> None:
        stage = self.stage
        failed = [line for line in notes if not line.startswith("came")]
        meanwhile = [line for line in notes if dead_from < float(line.split()[1]) < dead_until]
        stage.say(
            f"{len(notes)} fetches, {len(meanwhile)} of them in the {dead_until - dead_from:.1f} s without a daemon"
        )
        stage.check("none of them failed", meanwhile and not failed)
        logged = stage.run("runjctl", "logs", "web").count('"GET / HTTP/1.1" 200')
        stage.check(
            f"the log has a line for each of them: {logged} with those fetched before",
            logged >= len(notes) and logged - len(notes) <= 10,
        )


def main() -> int:
    """Take the tour, then look for what it left."""
    isolated = os.geteuid() == 0 and sys.platform == "linux"
    began = time.monotonic()
    directory = tempfile.mkdtemp(prefix="runjd-demo-", dir="/tmp")
    print(f"runjd {__version__}, Python {platform.python_version()}, {platform.system()} {platform.release()}")
    if isolated:
        print("Jails are isolated by Linux namespaces.")
    else:
        print("Not root on Linux: jails run WITHOUT isolation, by the plain runtime.")
    print(f"D={directory}; RUNJD_SOCKET=$D/control; everything is below $D.")
    tour = Tour(directory, isolated)
    try:
        tour.go()
    except (Broken, AssertionError, subprocess.SubprocessError) as problem:
        print(f"\nThe tour ends here: {problem}", file=sys.stderr)
        tour.give_up()
        return 1
    except BaseException:
        tour.give_up()
        raise
    finally:
        left = Leftovers(directory).found()
        if not any(line.startswith("mount ") for line in left):
            shutil.rmtree(directory, ignore_errors=True)
    tour.stage.chapter("What is left")
    try:
        tour.stage.check("no process and no mount" + "".join(f"\n     {line}" for line in left), not left)
        if isolated:
            # Numbers of namespaces are used again: who began later has new ones.
            older = [pid for pid in os.listdir("/proc") if pid.isdigit() and _began(pid) < tour.ended]
            left = [pid for pid in older if tour.namespaces & _namespaces(pid)]
            tour.stage.check("none of the namespaces that the web jail had" + " ".join(["", *left]), not left)
        tour.stage.check("no file", not os.path.exists(directory))
    except Broken as problem:
        print(f"\nThe tour ends badly: {problem}", file=sys.stderr)
        return 1
    print(f"\nThat was all, in {time.monotonic() - began:.1f} seconds.")
    return 0


def _namespaces(pid: int | str) -> set[str]:
    found = set()
    for kind in ("mnt", "pid", "net", "uts", "ipc", "cgroup"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
    return found


def _began(pid: str) -> float:
    """Return when a process began, in seconds of CLOCK_BOOTTIME."""
    with (
        contextlib.suppress(OSError, IndexError),
        open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat,
    ):
        return int(stat.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return float("inf")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main())
