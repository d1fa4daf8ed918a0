"""
What jails that crash all the time cost, with the delays of the default.

A hundred jails whose program ends at once are run with restart=always.  Once their
delays have reached the cap the CPU time of the daemon, of the keeper, and of what the
keeper has reaped (its workers, and the programs themselves) is taken for a while.

    benchmarks/crashes.py [--runtime linux] [--jails 100] [--settle 420] [--seconds 300]

Needs root on Linux for the runtime linux.
"""

import argparse
import json
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, CHECKOUT)

from attach import keeper_of  # noqa: E402 # the path comes first
from start import daemon  # noqa: E402

from runjd.spec.example import minimal_config  # noqa: E402

_TICK = os.sysconf("SC_CLK_TCK")


def ask(directory: str, request: str) -> list[str]:
    """Return the lines of an answer."""
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rwb") as stream:
        connection.connect(f"{directory}/control")
        stream.readline()
        stream.write(request.encode() + b"\n")
        stream.flush()
        return list(_answer(stream))


def restarts(directory: str) -> int:
    """Return how many restarts there were."""
    words = [word for line in ask(directory, "status") for word in line.split()]
    return sum(int(word.removeprefix("restarts=")) for word in words if word.startswith("restarts="))


def cpu(pid: int) -> tuple[float, float]:
    """Return the CPU seconds of a process, and of those that it has reaped."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = [int(each) for each in file.read().rpartition(")")[2].split()[11:15]]
    return (fields[0] + fields[1]) / _TICK, (fields[2] + fields[3]) / _TICK


def main() -> None:
    """Measure, and write a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("--runtime", default="linux" if os.geteuid() == 0 else "plain")
    parser.add_argument("--jails", type=int, default=100)
    parser.add_argument("--settle", type=float, default=420.0)
    parser.add_argument("--seconds", type=float, default=300.0)
    given = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="runjd-crashes-")
    try:
        _make_bundle(f"{directory}/bundle")
        with daemon(directory) as pid:
            for number in range(given.jails):
                request = f"run c{number} {directory}/bundle restart=always runtime={given.runtime} wait=none"
                [answer] = ask(directory, request)
                if not answer.startswith("+"):
                    raise SystemExit(f"The daemon says {answer}")
            pids = {"daemon": pid, "keeper": keeper_of(directory)}
            time.sleep(given.settle)
            before, count, began = (
                {name: cpu(each) for name, each in pids.items()},
                restarts(directory),
                time.monotonic(),
            )
            time.sleep(given.seconds)
            span, count = time.monotonic() - began, restarts(directory) - count
            for name, each in pids.items():
                own, reaped = (100 * (now - then) / span for now, then in zip(cpu(each), before[name], strict=True))
                print(f"{name}: {own:.2f} % of a core, what it reaped {reaped:.2f} %")
            print(f"{count / span:.2f} restarts a second of {given.jails} jails, runtime {given.runtime}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _answer(stream: object) -> Iterator[str]:
    for line in stream:  # type: ignore[attr-defined]
        yield line.decode().rstrip()
        if line[:1] in b"+-":
            return


def _make_bundle(bundle: str) -> None:
    busybox = shutil.which("busybox")
    if busybox is None:
        raise SystemExit("The benchmark needs a static busybox, of the package busybox-static.")
    for name in ("bin", "proc", "dev", "sys"):
        os.makedirs(f"{bundle}/rootfs/{name}")
    shutil.copy(busybox, f"{bundle}/rootfs/bin/busybox")
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(minimal_config(["/bin/busybox", "false"]), file)


if __name__ == "__main__":
    main()
