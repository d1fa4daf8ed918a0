"""
The page of the documentation: what one run found, in words, as a table and in pictures.

    python -m benchmarks.page build/bench/results.json docs
"""

import os
import shutil
import sys

from benchmarks import all as everything
from benchmarks import results, table
from benchmarks.growth import growths

PICTURES = ("standing.svg", "growth.svg")
_PAGE = """\
# Benchmarks

`make bench`, as root on Debian 12, installs the others from the distribution (and supervisor from PyPI), measures
them and runjd in one run, prints the table below, and writes `build/bench/results.json` and the pictures. `make bench
BENCH_FLAGS=--quick` takes a look in a few minutes at most; `python -m benchmarks.start` is one of them alone, and
`benchmarks/README.md` says where the time goes, and what was done about it.

## The machine

`{command}` on {machine}

{versions}

The load of the machine was {load} at the beginning and {load_after}, the benchmark's own work included, at the end, of
{processors} processors. Where contenders take turns (starts, calls, exec, logs) the ratios mean more than the times.

## How to read it

- Each row is a contender; ours are runjd (the daemon and the keeper) and `runj`. {legend}
- A floor is the same work by the fewest system calls, or by a bare loop in Python, or the start of an interpreter
  that does nothing: nobody who is written in Python gets below the last one, others do.
- A budget is what we allow ourselves; of `runj`, not to be slower than runc.
- conmon+crun is what podman does for each container, without podman. s6, runit and supervisor run plain processes: they
  isolate nothing, and keep no output as they are measured here; runjd isolates nothing in these rows either, but logs.
- s6 and supervisor take a second before they start a service again, whatever they are told.

{summary}

## The figures

![What ours costs as a multiple of the best peer's](benchmarks-standing.svg)

{table}

## How cost grows

The exponent is that of a power law between the smallest and the largest number: of all of them together, also where the
cost of each is shown. 0 does not grow, 1 grows as the number does.

{growth}

![How everything grows](benchmarks-growth.svg)
"""


def page(found: results.Results) -> str:
    """Return the text of the page."""
    machine = found.machine
    facts = f"{machine['processors']} processors ({machine['processor']}), {machine['memory_MiB']} MiB of memory, "
    facts += f"{machine['system']}, Linux {machine['kernel']}, Python {machine['python']}; "
    facts += f"from {machine['at']} to {machine['until']}."
    load, load_after = (" ".join(map(str, _listed(machine[name]))) for name in ("load", "load_after"))
    grown = ["|  | who | at each number | growth |", "| --- | --- | --- | --- |"]
    grown += [f"| {each.what} | {each.who} | {each.steps} | {each.verdict} |" for each in growths(found.figures)]
    return _PAGE.format(
        command=machine["command"],
        machine=facts,
        versions=", ".join(f"{name} {version}" for name, version in found.versions.items()) + ".",
        load=load,
        load_after=load_after,
        processors=machine["processors"],
        legend=table.LEGEND[:1].upper() + table.LEGEND[1:],
        summary=_summary(found),
        table=table.markdown(found.figures),
        growth="\n".join(grown),
    )


def main() -> int:
    """Write the page, and copy the pictures beside it."""
    source, target = sys.argv[1:]
    with open(f"{target}/benchmarks.md", "w", encoding="utf-8") as file:
        file.write(page(results.read(source)))
    for name in PICTURES:
        shutil.copy(f"{os.path.dirname(source)}/{name}", f"{target}/benchmarks-{name}")
    return 0


def _summary(found: results.Results) -> str:
    """Return the summary of a run as Markdown, but for what the page shows elsewhere."""
    told, _, rest = everything.summary(found).partition("\n\nHow cost grows:")
    missing = rest.partition("\n\nMissing:\n")[2]
    lines = [told.replace("\n\nOver the budget:\n", "\n\nOver the budget are:\n\n"), "", "Missing are:", "", missing]
    return "\n".join(lines).replace("\n  ", "\n- ")


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    sys.exit(main())
