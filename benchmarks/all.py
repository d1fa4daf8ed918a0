"""
All benchmarks in one run: one table, ours and theirs; the same as JSON, and as pictures.

    make bench
    python -m benchmarks.all --quick

Each is a process of its own.  What is not measured is named, with the reason: a peer that is not
installed, a benchmark that fails, or hangs.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time

from benchmarks import growth, host, peers, plots, results, table
from benchmarks.figure import OURS, standing
from benchmarks.installation import CHECKOUT, install

#: in the order of the table
BENCHMARKS = (
    "start",
    "notice",
    "attach",
    "log",
    "flood",
    "zero",
    "idle",
    "created",
    "scale",
    "readopt",
    "ends",
    "connections",
    "services",
    "cli",
    "where",
    "podman",
    "containerd",
    "shim",
)
#: seconds that one of them may take
_PATIENCE = 1500.0
#: seconds in which one that was interrupted cleans up
_GRACE = 90.0


def run_one(name: str, options: list[str], directory: str) -> results.Results:
    """Run a benchmark as a process; return what it found, or why it did not, and leave what it said beside that."""
    path, said = f"{directory}/{name}.json", f"{directory}/{name}.log"
    words = [sys.executable, "-m", f"benchmarks.{name}", "--json", path, *options]
    with open(said, "w+b") as log:
        process = subprocess.Popen(words, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        why = ""
        try:
            status = process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            why, status = f"took longer than {_PATIENCE:.0f} s", _interrupt(process)
        except BaseException:
            _interrupt(process)
            raise
        if status == 0:
            found = results.read(path)
            os.unlink(path)
            os.unlink(said)
            return found
        log.seek(0)
        last = log.read().decode(errors="replace").strip().split("\n")[-1]
    return results.Results({}, {}, (), {name: f"failed: {why or last or status}"})


def summary(found: results.Results) -> str:
    """Return of how many figures ours is ahead, what is over its budget, how all grows, and what is missing."""
    stands = [(each, standing(each, found.figures)) for each in found.figures if each.role == OURS]
    compared = [each for each in stands if each[1].to_other is not None]
    behind = [each for each in compared if (each[1].to_other or 0) > 1]
    over = [f"  {each.what}, {each.who}{_at(each.size)}: {said.words}" for each, said in stands if said.is_over]
    grown = growth.growths(found.figures)
    lines = [f"Of {len(compared)} figures that have a peer ours is ahead in {len(compared) - len(behind)}."]
    lines += ["", "Over the budget:", *(over or ["  nothing"])]
    lines += ["", "How cost grows:", *(f"  {each.what}, {each.who}: {each.words}" for each in grown)]
    lines += ["", "Missing:", *([f"  {name}: {why}" for name, why in found.missing.items()] or ["  nothing"])]
    return "\n".join(lines)


def main() -> int:
    """Measure all, and print."""
    given, options = _given()
    host.require_root()
    host.clean_up_when_told_to_end()
    os.makedirs(given.to, exist_ok=True)
    before = {"command": " ".join(["python -m benchmarks.all", *sys.argv[1:]])} | host.facts()
    parts = [results.Results({}, peers.versions(), (), peers.missing())]
    with host.work_directory() as directory:
        options += ["--prefix", install(f"{directory}/prefix").prefix]
        for name in given.only or BENCHMARKS:
            began = time.monotonic()
            parts.append(run_one(name, options, given.to))
            said = parts[-1].missing.get(name, "")
            print(f"{name}: {time.monotonic() - began:.0f} s {said}".rstrip(), file=sys.stderr, flush=True)
            after = host.facts()
            found = results.joined(parts, before | {"until": after["at"], "load_after": after["load"]})
            results.write(f"{given.to}/results.json", found)  # so that not all is lost where the next one ends it all
    with contextlib.suppress(ImportError):
        plots.draw(found.figures, given.to)
    print(", ".join(f"{name}: {value}" for name, value in found.machine.items()))
    print(", ".join(f"{name} {version}" for name, version in found.versions.items()), end="\n\n")
    print(f"{table.text(found.figures)}\n\n{table.LEGEND}\n")
    print(summary(found))
    return 1 if any(name in found.missing for name in BENCHMARKS) else 0


def _given() -> tuple[argparse.Namespace, list[str]]:
    options = argparse.ArgumentParser(description="Runs all benchmarks; options that it does not know are theirs.")
    options.add_argument("--to", default=f"{CHECKOUT}/build/bench", help="directory for results.json and pictures")
    options.add_argument("--only", nargs="+", choices=BENCHMARKS, help="some of them")
    return options.parse_known_args()


def _interrupt(process: "subprocess.Popen[bytes]") -> int:
    """Have it clean up, and kill it if it does not."""
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    process.kill()
    return process.wait() or 1


def _at(size: int) -> str:
    return f", n = {size:,}" if size else ""


if __name__ == "__main__":
    sys.exit(main())
