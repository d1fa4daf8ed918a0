"""
What containerd pays for its shim: it runs one twice for each container, ``start`` and ``delete``.

Ours is measured as it is installed, beside containerd's own shim for runc, by turns.  The first ``start`` of a
namespace makes a relay; that of runc makes a process for each container, whose own start is not counted.  ``delete``
finds nothing to be done, as behind every container that ended in order; in one row ours has no daemon to ask.

    make bench
"""

import argparse
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli import Ready, install, measure, summary, table  # the path comes first
from start import daemon

_BARE = ("-I", "-S", "-X", "utf8")
_RUNC = "containerd-shim-runc-v2"


class Side:
    """
    A shim.

    :param command: how it is called, its environment included.
    :param directory: for its bundles.
    :param namespace: nobody else's.
    """

    def __init__(self, command: list[str], directory: str, namespace: str) -> None:
        self._command = command
        self._directory = f"{directory}/{namespace}"
        self._namespace = namespace
        self._names = (f"box{number}" for number in itertools.count())
        self._namespaces = (f"{namespace}-{number}" for number in itertools.count())

    def words(self, verb: str, *, first: bool = False) -> list[str]:
        """Return the command of a verb, in a bundle of its own; ``first``: in a namespace of its own, too."""
        namespace = next(self._namespaces) if first else self._namespace
        name = next(self._names)
        bundle = f"{self._directory}/{name}"
        os.makedirs(f"{bundle}/rootfs")
        for file, text in (("config.json", '{"ociVersion":"1.0.2","annotations":{}}'), ("runtime", "runc")):
            with open(f"{bundle}/{file}", "w", encoding="utf-8") as made:
                made.write(text)
        flags = ["-namespace", namespace, "-address", f"{self._directory}/containerd.sock", "-id", name]
        flags += ["-publish-binary", "/bin/true", *(["-bundle", bundle] if verb == "delete" else [])]
        return ["/usr/bin/env", "-C", bundle, *self._command, *flags, verb]


def end(mark: str) -> None:
    """Kill the processes whose command line has a mark."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                if mark in file.read() and int(pid) != os.getpid():
                    os.kill(int(pid), signal.SIGKILL)
        except (OSError, ValueError):
            continue


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Have nobody read what the shim for runc says of what is not there."""
    before, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nothing)


def compare(directory: str, rounds: int) -> str:
    """Measure, and return the table."""
    prefix, mark = f"{directory}/prefix", f"runjd-bench-{os.getpid()}"
    install(prefix, "containerd-shim-runj-v1")
    program = f"{prefix}/bin/containerd-shim-runj-v1"
    os.makedirs(f"{directory}/alone")
    with_daemon = Side([f"RUNJD_STATE={directory}/state", program], directory, f"{mark}-a")
    alone = Side([f"RUNJD_STATE={directory}/alone", program], directory, f"{mark}-b")

    def of(side: Side, verb: str, *, first: bool = False) -> Ready:
        return lambda: side.words(verb, first=first)

    python = [f"{prefix}/bin/python3", *_BARE, "-c", "pass"]
    actions: dict[str, dict[str, Callable[[], list[str]]]] = {
        "bare": {"python": lambda: python},
        "start": {"runj": of(alone, "start")},
        "start, first": {"runj": of(alone, "start", first=True)},
        "delete": {"runj": of(alone, "delete")},
        "delete, daemon": {"runj": of(with_daemon, "delete")},
    }
    if path := shutil.which(_RUNC):
        runc = Side(["GOMAXPROCS=2", path], directory, f"{mark}-c")
        for action, contenders in actions.items():
            if action != "bare":
                contenders["runc"] = of(runc, action.split(",")[0])
    try:
        with daemon(directory), _silence():
            found = measure(actions, rounds)
    finally:
        end(mark)
    results = {action: {name: summary(costs) for name, costs in made.items()} for action, made in found.items()}
    return table(results, results["bare"]["python"]["cpu_min_ms"])


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description="Measures shims of containerd.")
    options.add_argument("--rounds", type=int, default=20, help="how often each call is made (default 20)")
    given = options.parse_args()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("The benchmark needs root on Linux.")
        return 1
    directory = tempfile.mkdtemp(prefix="runjd-bench-", dir="/tmp")
    try:
        print(compare(directory, given.rounds))
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", directory], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
