"""
How long a new daemon takes until it has all jails again, from its execve(2) on.

Five hundred jails run sleep(1) with the runtime plain.  The daemon is killed, another one
is started, and it is asked again and again: the time is taken when the control socket
answers, and when it tells all of them as running, with the pids that they had.  Beside it
stand what the interpreter takes for nothing, and with what twistd imports before it
reads its first option.

    benchmarks/readopt.py [--jails 500] [--rounds 7]
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, CHECKOUT)

from crashes import ask  # noqa: E402 # the path comes first
from scale import pids, wait_for, write_configuration  # noqa: E402
from start import daemon, daemon_command  # noqa: E402

_PATIENCE = 60.0


def timed(words: list[str]) -> float:
    """Return the seconds that a program takes."""
    began = time.monotonic()
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def until(is_met: Callable[[], bool], began: float) -> float:
    """Return the seconds from then on until it is met."""
    while not is_met():
        if time.monotonic() > began + _PATIENCE:
            raise SystemExit("The new daemon does not have all jails.")
        time.sleep(0.002)
    return time.monotonic() - began


def answers(directory: str) -> bool:
    """Return whether the control socket answers."""
    try:
        return ask(directory, "ping")[-1].startswith("+")
    except (OSError, IndexError):
        return False


def readopt(directory: str, jails: int, victim: int) -> tuple[int, float, float]:
    """Kill a daemon and start another one; return its pid, the seconds until it answers, and until it has all jails."""
    before = pids(directory)
    os.kill(victim, signal.SIGKILL)
    until(lambda: not is_alive(victim), time.monotonic())
    began = time.monotonic()
    process = subprocess.Popen(daemon_command(directory), stdin=subprocess.DEVNULL, cwd="/")
    answered = until(lambda: answers(directory), began)
    adopted = until(lambda: len(pids(directory)) == jails, began)
    if pids(directory) != before:
        raise SystemExit("The jails are not the same as before.")
    return process.pid, answered, adopted


def is_alive(pid: int) -> bool:
    """Return whether a process that may be our child lives."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    return os.path.exists(f"/proc/{pid}")


def main() -> None:
    """Measure, and write a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("--jails", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode
    directory = tempfile.mkdtemp(prefix="runjd-readopt-")
    found: dict[str, list[float]] = {}
    imports = "from twisted.scripts import twistd; from twisted.internet import reactor"
    floors = {
        "the interpreter, which does nothing": [sys.executable, "-c", ""],
        "twistd and the reactor imported": [sys.executable, "-c", imports],
    }
    try:
        write_configuration(directory, given.jails, given.jails)
        with daemon(directory) as pid:
            wait_for(directory, given.jails)
            for each in range(-1, given.rounds):
                time.sleep(0.5)
                if each == 0:
                    found.clear()  # the first round wrote the bytecode
                for name, words in floors.items():
                    found.setdefault(name, []).append(timed(words))
                pid, answered, adopted = readopt(directory, given.jails, pid)
                found.setdefault("the control socket answers", []).append(answered)
                found.setdefault(f"{given.jails} jails are adopted", []).append(adopted)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print("load of the machine:", " ".join(f"{each:.1f}" for each in os.getloadavg()))
    width = max(len(name) for name in found)
    for name, times in found.items():
        print(f"{name:<{width}}  median {statistics.median(times):.3f} s, least {min(times):.3f} s")


if __name__ == "__main__":
    main()
