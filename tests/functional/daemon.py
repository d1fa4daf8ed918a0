"""A private daemon: real twistd, real keeper, the plain runtime, in a directory of its own."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

from runjd.kernel.process import look
from runjd.spec.example import plain_config
from tests.cli.program import ROOT, Program, runjctl
from tests.installation import Installation
from tests.leftovers import Leftovers

PATIENCE = 15.0

_TWISTD = f"import sys; sys.path.insert(0, {ROOT!r}); from twisted.scripts.twistd import run; run()"
_KEEPER = f"import sys; sys.path.insert(0, {ROOT!r}); from runjd.keeper.main import main; sys.exit(main(%s))"


class Daemon:
    """
    One daemon with its directories; :meth:`start` it, and :meth:`remove` it whatever happened.

    :param runtime: which the jails get unless they say otherwise.
    :param descriptors: how many it may have; 0: as many as we.
    :param installed: run a copy of this checkout, which a test can replace; else the checkout itself.
    :ivar installation: that copy.
    :ivar config: its runjd.toml, which :meth:`configure` writes; without it, it has no configuration.
    :ivar path: the control socket.
    :ivar interpreter: options of Python.
    :cvar keeper_options: of the keeper, besides those that the daemon gives.
    """

    keeper_options: tuple[str, ...] = ()

    def __init__(self, runtime: str = "plain", descriptors: int = 0, installed: bool = False) -> None:
        self.directory = tempfile.mkdtemp(prefix="runjd-functional-", dir="/tmp")
        self.state = os.path.join(self.directory, "state")
        self.logs = os.path.join(self.directory, "log")
        self.path = os.path.join(self.state, "control")
        self.config = os.path.join(self.directory, "etc", "runjd.toml")
        self.interpreter = ["-X", "faulthandler"]
        self._runtime = runtime
        self.installation = Installation(os.path.join(self.directory, "installation")) if installed else None
        self._before = ["/bin/sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh"] if descriptors else []
        self._process: subprocess.Popen[bytes] | None = None
        self._words = os.path.join(self.directory, "daemon.log")

    @property
    def pid(self) -> int:
        """The daemon's pid."""
        assert self._process is not None
        return self._process.pid

    def configure(self, text: str, **jails: str) -> None:
        """Write runjd.toml, and files of jails.d by their names."""
        directory = os.path.join(os.path.dirname(self.config), "jails.d")
        os.makedirs(directory, exist_ok=True)
        for path, words in ((self.config, text), *((f"{directory}/{name}.toml", jails[name]) for name in jails)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(words or "#\n")

    def send_signal(self, signum: int) -> None:
        """Send a signal to the daemon."""
        os.kill(self.pid, signum)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self.launch()
        process = self._process
        assert process is not None
        try:
            wait_until(self._has_opened, "the daemon takes no connections")
        except AssertionError as error:
            process.send_signal(signal.SIGABRT)  # faulthandler tells where it hangs
            process.wait(PATIENCE)
            self._process = None
            raise AssertionError(f"{error}: {self.words()}") from None

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        arguments = ["--nodaemon", "--pidfile=", "runjd", "--state", self.state, "--log", self.logs]
        arguments += ["--runtime", self._runtime, "--keeper", self._keeper()]
        arguments += ["--config", self.config] if os.path.exists(self.config) else []
        with open(self._words, "ab") as words:
            self._process = subprocess.Popen(
                [*self._before, *self._twistd(), *arguments],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
            )

    def poll(self) -> int | None:
        """Return how the daemon that was started ended, as Popen does; None while it lives."""
        assert self._process is not None
        return self._process.poll()

    def forget(self) -> None:
        """It has ended, which was dealt with."""
        self._process = None

    def is_listening(self) -> bool:
        """Whether it takes connections."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.path)
            except OSError:
                return False
        return True

    def words(self) -> str:
        """Return what the daemon said on its own log."""
        with open(self._words, encoding="utf-8", errors="replace") as words:
            return words.read()

    def runjctl(self, *arguments: str, stdin: bytes = b"", ok: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Run runjctl on this daemon; ``ok``: it has to succeed."""
        done = runjctl("--socket", self.path, *arguments, stdin=stdin)
        assert not ok or done.returncode == 0, (arguments, done.returncode, done.stderr.decode(), self.words())
        return done

    def upgrade(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Have daemon and keeper replaced, which takes as long as four programs that load all they need."""
        done = runjctl("--socket", self.path, "upgrade", *arguments, patience=50)
        assert not ok or done.returncode == 0, (done.returncode, done.stderr.decode(), self.words())
        return done

    def begin(self, *arguments: str, **keywords: object) -> Program:
        """Start runjctl on this daemon; keywords as for Popen."""
        return Program(["--socket", self.path, *arguments], **keywords)

    def status(self, jail: str) -> dict[str, object]:
        """Return the status of a jail."""
        found = json.loads(self.runjctl("status", "--json", jail).stdout)
        assert isinstance(found[0], dict)
        return found[0]

    def bundle(self, name: str, args: Sequence[str], **keywords: object) -> str:
        """Make a bundle; keywords as for :func:`plain_config`."""
        path = os.path.join(self.directory, "bundles", name)
        os.makedirs(os.path.join(path, "rootfs"), exist_ok=True)
        with open(os.path.join(path, "config.json"), "w", encoding="utf-8") as file:
            json.dump(plain_config(args, **keywords), file)  # type: ignore[arg-type]
        return path

    def shell(self, name: str, script: str, **keywords: object) -> str:
        """Make a bundle that runs a script of sh(1)."""
        return self.bundle(name, ["/bin/sh", "-c", script], **keywords)

    def kill(self) -> None:
        """Kill the daemon as the kernel would, and leave the keeper alone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)
        self._process = None

    def end(self) -> None:
        """End the daemon in order, as a service manager does, and leave the jails to the keeper."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._process = None

    def keeper(self) -> int:
        """Return the pid of the keeper, 0 where there is none."""
        mark = os.fsencode(f"{self.state}/keeper")
        # who started it has the same command line, and so have its workers, which lead sessions, too
        return next((pid for pid in _pids() if mark in _words(pid) and _leads_session(pid) and not _is_worker(pid)), 0)

    def kill_keeper(self) -> int:
        """Kill the keeper as the kernel would, and leave the daemon alone; return its pid."""
        pid = self.keeper()
        assert pid, "there is no keeper"
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self) -> None:
        """Stop all jails, the daemon and the keeper."""
        if self._process is None:
            return
        runjctl("--socket", self.path, "shutdown", "--stop", patience=2 * PATIENCE)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE)
            raise AssertionError(f"the daemon does not end: {self.words()}") from None
        finally:
            self._process = None

    def remove(self) -> None:
        """End what is left, remove the directories, and fail if anything had to be ended."""
        try:
            self.stop()
        finally:
            leftovers = Leftovers(self.directory)
            left = leftovers.found()
            for pid in leftovers.processes():
                os.kill(pid, signal.SIGKILL)
            subprocess.run(["rm", "-rf", "--one-file-system", self.directory], check=True)
        assert not left, f"left behind: {'; '.join(left)}"

    def _has_opened(self) -> bool:
        assert self.poll() is None, "the daemon ended"
        return self.is_listening()

    def _twistd(self) -> list[str]:
        if self.installation is not None:
            return [self.installation.twistd]
        return [sys.executable, *self.interpreter, "-c", _TWISTD]

    def _keeper(self) -> str:
        if self.installation is not None:
            return self.installation.keeper
        path = os.path.join(self.directory, "runjd-keeper")
        if not os.path.exists(path):
            words = f"[*sys.argv[1:], *{self.keeper_options!r}]" if self.keeper_options else "sys.argv[1:]"
            with open(path, "w", encoding="utf-8") as script:
                script.write(f"#!{sys.executable} -IS\n{_KEEPER % words}\n")
            os.chmod(path, 0o755)
        return path


def wait_until(is_met: Callable[[], bool], complaint: str, patience: float = PATIENCE) -> None:
    """Wait until the condition is met. :raise AssertionError: it is not in time."""
    deadline = time.monotonic() + patience
    while not is_met():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.01)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _words(pid: int) -> list[bytes]:
    """Return the command line of a process; nothing for one that is gone, or a zombie."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def _leads_session(pid: int) -> bool:
    seen = look(pid)
    return seen is not None and seen.session == pid


def _is_worker(pid: int) -> bool:
    """Whether a process has the command line of its parent, and that one is no mere starter."""
    seen = look(pid)
    return seen is not None and _words(seen.parent) == _words(pid) and _leads_session(seen.parent)


def assert_log_goes_on(numbers: Sequence[int]) -> None:
    """
    Check the log of a program that counts from 1, after the daemon was killed once.

    What it had read and not yet written died with it: at most one piece of a stream.
    """
    gaps = [(before, after) for before, after in itertools.pairwise([0, *numbers]) if after != before + 1]
    assert len(gaps) <= 1, f"lost more than one piece: {gaps}"
    assert all(before < after for before, after in gaps), f"written twice: {gaps}"
