"""``twistd runjd``: its options, and the daemon that comes of them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from twisted.python.usage import UsageError

from runjd import tap
from runjd.config.model import Configuration
from runjd.spec.example import plain_config
from runjd.supervise.keeperstart import keeper_command
from tests.leftovers import Leftovers

PATIENCE = 15.0
CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def parsed(*words):
    """Return options."""
    options = tap.Options()
    options.parseOptions(list(words))
    return options


def test_the_socket_lies_in_the_state_directory():
    """Unless it is put elsewhere."""
    assert parsed("--state", "/s/../t")["control"] == "/t/control"
    assert parsed("--control", "/c")["control"] == "/c"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--state", ""], "--state needs a directory"),
        (["--runtime", "nonsense"], 'no runtime named "nonsense" here; there is'),
        (["--keeper", "/nonsense"], "--keeper: /nonsense is not a program"),
        (["--state", "/" + "x" * 100], "too long for a socket"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_options_that_make_no_sense_are_refused(words, message):
    """One line says which, and why."""
    with pytest.raises(UsageError, match=re.escape(message)):
        parsed(*words)


@pytest.mark.parametrize(
    ("platform", "uid", "wanted", "expected"),
    [
        ("linux", 0, None, ("linux", "plain")),
        ("linux", 0, "plain", ("plain", "linux")),
        ("linux", 1001, None, ("plain",)),
        ("freebsd14", 0, None, ("freebsd", "plain")),
        ("freebsd14", 0, "plain", ("plain", "freebsd")),
        ("freebsd14", 1001, None, ("plain",)),
        ("netbsd10", 0, None, ("plain",)),
    ],
)
def test_the_default_runtime_is_the_best_that_works(platform, uid, wanted, expected):
    """Root on Linux and on FreeBSD gets isolation, everyone else gets what there is."""
    assert tap.runtimes_here(platform, uid, wanted) == expected


@pytest.mark.parametrize("platform", ["linux", "freebsd14"])
def test_isolation_is_never_dropped_silently(platform):
    """Who asks for it and cannot have it is told."""
    with pytest.raises(UsageError, match="needs root"):
        tap.runtimes_here(platform, 1001, platform.rstrip("14"))


def test_the_keeper_beside_twistd_is_used(tmp_path):
    """Another one may be named, and without any the interpreter starts it."""
    program = tmp_path / "runjd-keeper"
    places = ["--root", "/s/state", "--dir", "/s/keeper"]
    assert keeper_command(None, "/s", f"{tmp_path}/twistd")[0] == sys.executable

    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    assert keeper_command(None, "/s", f"{tmp_path}/twistd") == [str(program), *places]
    assert keeper_command("/bin/true", "/s", f"{tmp_path}/twistd") == ["/bin/true", *places]


class Twistd:
    """A daemon of its own for one test, with a keeper that the interpreter starts."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.words = f"{directory}/words"
        self.started: list[subprocess.Popen] = []

    def begin(self, *options: str) -> subprocess.Popen:
        """Start one more on the same directories."""
        code = f"import sys; sys.path.insert(0, {CHECKOUT!r}); from twisted.scripts.twistd import run; run()"
        words = ["--nodaemon", "--pidfile=", "runjd", "--state", f"{self.directory}/s", "--log", f"{self.directory}/l"]
        with open(self.words, "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", code, *words, "--runtime", "plain", *options],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.PIPE,
            )
        self.started.append(process)
        return process

    def said(self) -> str:
        """Return what the daemon logged."""
        with open(self.words, encoding="utf-8") as log:
            return log.read()

    def ask(self, *lines: str) -> str:
        """Send lines, and return all that comes."""
        deadline = time.monotonic() + PATIENCE
        with socket.socket(socket.AF_UNIX) as client:
            while True:
                try:
                    client.connect(f"{self.directory}/s/control")
                    break
                except OSError:
                    assert time.monotonic() < deadline, f"the daemon takes no connections: {self.said()}"
                    time.sleep(0.01)
            client.settimeout(PATIENCE)
            client.sendall("".join(f"{line}\n" for line in lines).encode())
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65_536), b"")).decode()

    def bundle(self, *args: str) -> str:
        """Return a bundle."""
        path = f"{self.directory}/bundle"
        os.makedirs(f"{path}/rootfs", exist_ok=True)
        with open(f"{path}/config.json", "w", encoding="utf-8") as file:
            json.dump(plain_config(args), file)
        return path

    def end(self) -> None:
        """End what is left, the keeper first asked."""
        try:
            if self.started and os.path.exists(f"{self.directory}/s/keeper/socket"):
                if self.started[-1].poll() is not None:
                    self.begin()
                self.ask("shutdown stop")
            for process in self.started:
                process.wait(PATIENCE)
        finally:
            for process in self.started:
                process.kill()
                process.wait()
                process.stderr.close()


@pytest.fixture
def twistd(private_dir):
    """Return daemons on private directories; nothing of them is left."""
    twistd = Twistd(private_dir)
    yield twistd
    twistd.end()
    assert not Leftovers(private_dir).found()


def test_a_daemon_serves_dies_and_is_followed(twistd):
    """A jail runs, survives SIGKILL of its daemon, is adopted by the next one, and ends with it when asked."""
    first = twistd.begin()
    assert "phase=running" in twistd.ask(f"run web {twistd.bundle('/bin/sleep', '1000')}", "status")
    assert re.search(r"runtimes: plain", twistd.said())
    first.kill()
    first.wait()

    second = twistd.begin()
    assert "jail=web want=up status=running phase=running" in twistd.ask("status web")
    twistd.ask("shutdown stop")

    assert second.wait(PATIENCE) == 0
    left = ["bundles", "containerd", "data", "jails", "keeper", "lock", "state", "tasks"]
    assert sorted(os.listdir(f"{twistd.directory}/s")) == left
    assert os.listdir(f"{twistd.directory}/s/state") == []


def test_a_configuration_that_is_wrong_is_told_and_nothing_is_touched(twistd):
    """All of it, a line each, and a status."""
    config = f"{twistd.directory}/runjd.toml"
    with open(config, "w", encoding="utf-8") as file:
        file.write('[jail.x]\nbundle = "y"\n[jail.z]\nrestart = 5\n')

    process = twistd.begin("--config", config)

    assert process.wait(PATIENCE) == 78
    assert process.stderr.read().decode().splitlines() == [
        f'runjd: {config}:2: jail.x.bundle: found "y", expected an absolute path',
        f"runjd: {config}:3: jail.z: needs bundle, or root and command",
        (
            f"runjd: {config}:4: jail.z.restart: found 5, expected one of never, on-failure, always, unless-stopped, "
            '"on-failure:5", or a table'
        ),
    ]
    assert not os.path.exists(f"{twistd.directory}/s")


def test_the_configuration_says_where_the_daemon_lives(tmp_path):
    """Unless an option says it; where it is wrong, too, as far as it can be read."""
    config = tmp_path / "runjd.toml"
    config.write_text('[daemon]\nstate = "/s"\nlog = "/l"\nruntime = "plain"\n')

    found = parsed("--config", str(config))
    assert (found["state"], found["log"], found["control"], found["runtimes"][0]) == ("/s", "/l", "/s/control", "plain")
    assert parsed("--config", str(config), "--state", "/t")["state"] == "/t"

    config.write_text('[daemon]\nstate = "/s"\nlog = 5\n')
    found = parsed("--config", str(config))
    assert (found["state"], found["log"]) == ("/s", "/var/log/runjd")
    assert [fault.line for fault in found["first"].faults] == [3]


def test_a_daemon_with_directories_of_its_own_takes_nobody_elses_jails():
    """The configuration of the system is for the daemon of the system."""
    assert parsed("--state", "/s")["first"] == Configuration()


def test_a_second_daemon_is_refused_and_touches_nothing(twistd):
    """It says who is there, in one line, and ends with a status; the first one serves on."""
    first = twistd.begin()
    assert "proto=1" in twistd.ask("ping")

    second = twistd.begin()

    assert second.wait(PATIENCE) == 75
    error = second.stderr.read().decode()
    assert error == f"runjd: another runjd serves {twistd.directory}/s, with pid {first.pid}\n"
    assert "+" in twistd.ask("ping")
    twistd.started.remove(second)
    second.stderr.close()


def test_sigterm_leaves_the_jails_running(twistd):
    """A daemon that is ended by the service manager keeps its jails for the next one."""
    first = twistd.begin()
    pid = re.search(r"pid=(\d+) took", twistd.ask(f"run web {twistd.bundle('/bin/sleep', '1000')}")).group(1)

    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE) == -signal.SIGTERM
    os.kill(int(pid), 0)

    twistd.begin()
    assert f"pid={pid}" in twistd.ask("status web")


def test_sigterm_during_the_start_is_an_end_in_order(twistd):
    """However far it came: nothing hangs, and the next daemon serves."""
    for delay in (0.1, 0.5, 1.0):
        process = twistd.begin()
        time.sleep(delay)  # the moment that is meant; it is another one on each machine
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) in (0, -signal.SIGTERM)
        assert "Traceback" not in process.stderr.read().decode()

    twistd.begin()

    assert "+ n=0" in twistd.ask("status")


def test_a_keeper_that_cannot_start_is_one_line_and_a_status(twistd):
    """What it said is in the daemon's log; nothing hangs, and there is no traceback."""
    os.makedirs(f"{twistd.directory}/s/keeper", 0o700)
    os.makedirs(f"{twistd.directory}/s/state", 0o700)
    os.symlink("/tmp", f"{twistd.directory}/s/jails")

    process = twistd.begin()

    assert process.wait(PATIENCE) == 74
    assert process.stderr.read().decode() == (
        f"runjd: directory {twistd.directory}/s/jails: is a symbolic link or no directory\n"
    )


def test_the_socket_is_its_owners(twistd):
    """Until there are roles, nobody else may connect."""
    twistd.begin()
    twistd.ask("ping")

    assert os.stat(f"{twistd.directory}/s/control").st_mode & 0o777 == 0o600
    for private in ("state", "keeper", "jails"):
        assert os.stat(f"{twistd.directory}/s/{private}").st_mode & 0o777 == 0o700


def test_a_stale_socket_is_replaced(twistd):
    """What a killed daemon left is no obstacle."""
    first = twistd.begin()
    twistd.ask("ping")
    first.kill()
    first.wait()
    assert os.path.exists(f"{twistd.directory}/s/control")

    twistd.begin()

    assert "proto=1" in twistd.ask("ping")


def test_the_daemon_does_without_tls(twistd):
    """Nothing that brings cryptography is imported."""
    first = twistd.begin()
    twistd.ask("ping")

    with open(f"/proc/{first.pid}/maps", encoding="utf-8") as maps:
        assert "cryptography" not in maps.read()
