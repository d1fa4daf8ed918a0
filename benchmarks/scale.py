"""
A thousand jails: what it takes to read, plan and show them, what they cost while nothing happens, many ends at once.

A thousand jails stand in the configuration, and five hundred of them run sleep(1) with the runtime plain.  Then
all of those are killed at once, and every end has to be told once, and before what follows from it.

    benchmarks/scale.py [--jails 1000] [--running 500] [--seconds 20]
"""

import argparse
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, CHECKOUT)

from attach import keeper_of  # noqa: E402 # the path comes first
from crashes import ask, cpu  # noqa: E402
from start import control, daemon  # noqa: E402

from runjd.config.load import load  # noqa: E402
from runjd.protocols.control.reply import Announcement, parse_reply  # noqa: E402

_JAIL = (
    '[jail.jail{number:04}]\nroot = "/"\ncommand = ["/bin/sleep", "100000"]\nrestart = "never"\nautostart = {starts}\n'
)
_PATIENCE = 300.0
#: how often all metrics are asked for
_SCRAPES = 20


def write_configuration(directory: str, jails: int, running: int) -> str:
    """Write runjd.toml; return its path."""
    path = f"{directory}/runjd.toml"
    with open(path, "w", encoding="utf-8") as file:
        file.write('[daemon]\nruntime = "plain"\n')
        for number in range(jails):
            file.write(_JAIL.format(number=number, starts=str(number < running).lower()))
    return path


def timed(directory: str, *words: str) -> float:
    """Return the seconds that a call of runjctl takes."""
    began = time.monotonic()
    if control(directory, *words) != 0:
        raise SystemExit(f"runjctl {' '.join(words)} fails.")
    return time.monotonic() - began


def pids(directory: str) -> dict[str, int]:
    """Return the pids of all jails that run."""
    lines = [dict(word.split("=", 1) for word in line.split()[1:] if "=" in word) for line in ask(directory, "list")]
    return {line["jail"]: int(line["pid"]) for line in lines if "pid" in line and line["phase"] == "running"}


def wait_for(directory: str, running: int) -> float:
    """Return the seconds until so many run."""
    began = time.monotonic()
    while len(pids(directory)) < running:
        if time.monotonic() > began + _PATIENCE:
            raise SystemExit(f"Only {len(pids(directory))} jails run.")
        time.sleep(0.5)
    return time.monotonic() - began


def scrape(directory: str) -> tuple[float, int, float, float]:
    """
    Ask for all metrics again and again, and for an answer every few milliseconds meanwhile.

    :return: seconds of one text, its lines, and the longest that an answer took with and without that, in seconds.
    """
    times: list[float] = []
    lines = 0

    def ask_all() -> None:
        nonlocal lines
        for _ in range(_SCRAPES):
            began = time.monotonic()
            lines = len(ask(directory, "metrics"))
            times.append(time.monotonic() - began)

    asking = threading.Thread(target=ask_all)
    until = time.monotonic() + 5
    calm = longest_ping(directory, lambda: time.monotonic() < until)
    asking.start()
    busy = longest_ping(directory, asking.is_alive)
    asking.join()
    return sorted(times)[len(times) // 2], lines, busy, calm


def longest_ping(directory: str, goes_on: Callable[[], bool]) -> float:
    """Return the seconds that the slowest answer took."""
    longest = 0.0
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rwb") as stream:
        connection.connect(f"{directory}/control")
        stream.readline()
        while goes_on():
            began = time.monotonic()
            stream.write(b"ping\n")
            stream.flush()
            stream.readline()
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.003)
    return longest


def end_all(directory: str) -> tuple[float, int]:
    """Kill all that run; return the seconds until all is told, and the number of those told rightly."""
    targets = pids(directory)
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rwb") as stream:
        connection.settimeout(_PATIENCE)
        connection.connect(f"{directory}/control")
        stream.write(b"subscribe ev=exit,state\n")
        stream.flush()
        stream.readline()
        stream.readline()
        began = time.monotonic()
        for pid in targets.values():
            os.kill(pid, signal.SIGKILL)
        told: dict[str, list[str]] = {id: [] for id in targets}
        left = len(targets)
        while left:
            event = parse_reply(stream.readline().decode().rstrip("\n"))
            if not isinstance(event, Announcement) or event.fields.get("jail") not in told:
                continue
            fields = event.fields
            is_exit = fields["ev"] == "exit"
            told[fields["jail"]].append(f"signal {fields.get('signal')}" if is_exit else fields["to"])
            left -= fields.get("to") == "idle"
        took = time.monotonic() - began
    return took, sum(each == ["signal 9", "idle"] for each in told.values())


def main() -> None:
    """Measure, and write a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("--jails", type=int, default=1000)
    parser.add_argument("--running", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="runjd-scale-")
    found: list[tuple[str, str]] = [("load of the machine", " ".join(f"{each:.1f}" for each in os.getloadavg()))]
    try:
        path = write_configuration(directory, given.jails, given.running)
        began = time.monotonic()
        load(path, ("plain",))
        found.append((f"{given.jails} jails: read and checked", f"{time.monotonic() - began:.2f} s"))
        with daemon(directory) as pid:
            found.append((f"{given.running} of them: started", f"{wait_for(directory, given.running):.0f} s"))
            for words in (("plan",), ("status",), ("reload", "-n"), ("top", "-b", "-n", "1", "-d", "0.1")):
                found.append((f"runjctl {' '.join(words)}", f"{timed(directory, *words):.2f} s"))
            took, lines, busy, calm = scrape(directory)
            found.append((f"all metrics, {lines} lines", f"{1000 * took:.0f} ms"))
            found.append(("longest answer to a ping meanwhile", f"{1000 * busy:.0f} ms (else {1000 * calm:.0f} ms)"))
            time.sleep(2)
            processes = {"daemon": pid, "keeper": keeper_of(directory)}
            before = {name: sum(cpu(each)) for name, each in processes.items()}
            time.sleep(given.seconds)
            for name, each in processes.items():
                used = sum(cpu(each)) - before[name]
                found.append((f"idle for {given.seconds:.0f} s: {name}", f"{1000 * used:.0f} ms of CPU"))
            took, right = end_all(directory)
            found.append((f"{given.running} ends at once: told", f"{took:.1f} s, {right} of them in order"))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    width = max(len(name) for name, _ in found)
    for name, text in found:
        print(f"{name:<{width}}  {text}")


if __name__ == "__main__":
    main()
