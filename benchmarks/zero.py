"""
What is resident before there is a jail: daemon and keeper, without and with TLS and metrics; and others like them.

The floor is twistd with a service that does nothing, TLS kept out, and an interpreter that does nothing.  What
processes share is counted by shares (PSS), so other interpreters that run meanwhile make all of it look smaller; what
daemon and keeper would take if nobody else ran is counted, too: each page once.

    python -m benchmarks.zero
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from operator import itemgetter

from benchmarks import host, peers
from benchmarks.daemon import Daemon
from benchmarks.figure import FLOOR, PEER, Budget, Figure
from benchmarks.installation import Installation
from benchmarks.measurement import Plan, run
from benchmarks.processes import below, pages_of, pss_of
from runjd.values import Value

_WHAT = "memory before there is a jail, of all processes"
_ALONE = "memory before there is a jail, each page once, shared with nobody else"
#: an application of twistd; what brings pyOpenSSL along finds that it is not there
_EMPTY = """\
import sys
sys.modules["OpenSSL"] = None
from twisted.application.service import Application
application = Application("empty")
"""
_TLS = """\
[daemon]
metrics = "tcp:{web}"
[daemon.tls]
listen = "tcp:{port}:interface=127.0.0.1"
certificate = "{tls}/server.crt"
key = "{tls}/server.key"
ca = "{tls}/ca.crt"
"""
#: seconds for them to have read all they read at their start, and the same when it is quick
_SETTLED, _QUICKLY = 3.0, 1.0


class Taken(Value):
    """
    The memory of some processes, in MB.

    :ivar shared: their share of what is shared with whoever else there is.
    :ivar alone: each page once.
    """

    shared: float
    alone: float


def measure(plan: Plan) -> list[Figure]:
    """Return the memory of each."""
    rounds, settled = max(1, plan.few // 2), _QUICKLY if plan.is_quick else _SETTLED
    with host.work_directory() as directory:
        installed = plan.installed(directory)
        bare, full, floor = [], [], []
        for number in range(rounds):
            bare.append(_daemon(installed, directory, f"bare{number}", settled))
            full.append(_daemon(installed, directory, f"full{number}", settled, tls=True))
            floor.append(_floor(installed, directory, settled))
        found = []
        for index, what in enumerate((_WHAT, _ALONE)):
            of = itemgetter(index)  # Taken.shared, Taken.alone
            limits = (Budget(42.0), Budget(60.0)) if what == _WHAT else (None, None)
            found += [
                Figure(what, "runjd, without TLS and web", "MB", tuple(map(of, bare)), budget=limits[0]),
                Figure(what, "runjd, with TLS and metrics", "MB", tuple(map(of, full)), budget=limits[1]),
                Figure(what, "an empty twistd and an empty interpreter", "MB", tuple(map(of, floor)), role=FLOOR),
            ]
        for who, words in _others(directory).items():
            with running(words) as pid:
                time.sleep(settled)
                found.append(Figure(_WHAT, who, "MB", (_taken(below(pid)).shared,), role=PEER))
        return found


def _floor(installed: Installation, directory: str, settled: float) -> Taken:
    with open(f"{directory}/empty.py", "w", encoding="utf-8") as file:
        file.write(_EMPTY)
    twistd = [installed.program("twistd"), "--nodaemon", "--pidfile=", f"--logfile={directory}/empty.log"]
    interpreter = [installed.python, "-I", "-S", "-X", "utf8", "-c", "import time; time.sleep(1000)"]
    with running([*twistd, f"--python={directory}/empty.py"]) as first, running(interpreter) as second:
        time.sleep(1.0 + settled)  # a daemon is waited for until it answers
        return _taken([first, second])


def _daemon(installed: Installation, directory: str, name: str, settled: float, *, tls: bool = False) -> Taken:
    own = f"{directory}/{name}"
    os.mkdir(own)
    if tls:
        subprocess.run(
            [installed.program("runjctl"), "certs", "init", "--name", "localhost", f"{own}/tls"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with open(f"{own}/runjd.toml", "w", encoding="utf-8") as file:
            port = 20_000 + 2 * (os.getpid() % 5_000)
            file.write(_TLS.format(tls=f"{own}/tls", web=port, port=port + 1))
    with Daemon(installed, own) as daemon:
        daemon.ask("status")
        time.sleep(settled)
        return _taken(daemon.pids())


def _others(directory: str) -> dict[str, list[str]]:
    """Return the commands of others that are resident, each with nothing to do."""
    found = {}
    os.mkdir(f"{directory}/services")
    if path := peers.path_of("s6"):
        found["s6-svscan"] = [path, f"{directory}/services"]
    if path := peers.path_of("runit"):
        found["runsvdir"] = [path, f"{directory}/services"]
    if path := peers.path_of("supervisor"):
        with open(f"{directory}/supervisord.conf", "w", encoding="utf-8") as file:
            file.write("[supervisord]\nnodaemon=true\nuser=root\n")
            file.write(f"logfile={directory}/supervisord.log\npidfile={directory}/supervisord.pid\n")
        found["supervisord"] = [path, "-c", f"{directory}/supervisord.conf"]
    if path := peers.path_of("containerd"):
        with open(f"{directory}/containerd.toml", "w", encoding="utf-8") as file:
            file.write('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
            file.write(f'root = "{directory}/containerd"\nstate = "{directory}/containerd-state"\n')
            file.write(f'[grpc]\naddress = "{directory}/containerd.sock"\n')
            file.write(f'[plugins."io.containerd.internal.v1.opt"]\npath = "{directory}/opt"\n')
        found["containerd, without CRI"] = [path, "--config", f"{directory}/containerd.toml"]
    return found


@contextlib.contextmanager
def running(words: list[str]) -> Iterator[int]:
    """Have a program run, and kill it and all that descend from it; yield its pid."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet, cwd="/", start_new_session=True)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGSTOP)  # so that it starts nobody again
        for pid in below(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def _taken(pids: list[int]) -> Taken:
    return Taken(pss_of(pids) * 1024 / 1e6, pages_of(pids) * 1024 / 1e6)


if __name__ == "__main__":
    run(measure, __doc__)
