"""
What containerd pays for its shim: it runs one twice for each container, ``start`` and ``delete``.

Ours is measured as it is installed, beside containerd's own shim for runc, by turns.  The first ``start`` of a
namespace makes a relay; that of runc makes a process for each container, whose own start is not counted.  ``delete``
finds nothing to be done, as behind every container that ended in order; in one row ours has no daemon to ask.

    python -m benchmarks.shim
"""

import contextlib
import itertools
import os
import shutil
import signal
from collections.abc import Iterator

from benchmarks import floors, host
from benchmarks.cli import Ready, figures, in_turn
from benchmarks.daemon import Daemon
from benchmarks.figure import Figure
from benchmarks.measurement import Plan, run
from benchmarks.processes import marked

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


def measure(plan: Plan) -> list[Figure]:
    """Return what each call costs."""
    mark = f"runjd-bench-{os.getpid()}"
    with host.work_directory("/dev/shm") as directory:
        installed = plan.installed(directory)
        program = installed.program("containerd-shim-runj-v1")
        os.makedirs(f"{directory}/alone")
        with_daemon = Side([f"RUNJD_STATE={directory}/state", program], directory, f"{mark}-a")
        alone = Side([f"RUNJD_STATE={directory}/alone", program], directory, f"{mark}-b")

        def of(side: Side, verb: str, *, first: bool = False) -> Ready:
            return lambda: side.words(verb, first=first)

        actions: dict[str, dict[str, Ready]] = {
            "start": {"runj": of(alone, "start")},
            "start, the first of a namespace": {"runj": of(alone, "start", first=True)},
            "delete, no daemon": {"runj": of(alone, "delete")},
            "delete, by the daemon": {"runj": of(with_daemon, "delete")},
        }
        if path := shutil.which(_RUNC):
            runc = Side(["GOMAXPROCS=2", path], directory, f"{mark}-c")
            for action, contenders in actions.items():
                contenders["runc"] = of(runc, action.split(",")[0])
        bare = floors.interpreter(installed.python)
        try:
            with Daemon(installed, directory), _silence():
                found = in_turn({"bare": {"": lambda: bare}} | actions, max(3, plan.rounds // 2))
        finally:
            for pid in marked(mark):
                os.kill(pid, signal.SIGKILL)
    floor = found.pop("bare")[""]
    return [each for action, by in found.items() for each in figures(f"containerd's shim: {action}", by, floor)]


if __name__ == "__main__":
    run(measure, __doc__)
