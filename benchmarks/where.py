"""
Where the time of runj goes: programs that do a part of what it does, each the part before it as well, and then itself.

    python -m benchmarks.where
"""

from functools import partial

from benchmarks import floors, host
from benchmarks.cli import Ready, in_turn, runtimes
from benchmarks.figure import FLOOR, OURS, Figure
from benchmarks.installation import Installation
from benchmarks.measurement import Plan, run

#: what a verb has loaded at its end, by its pack and the modules that load the others
LOADED = {
    "state": ("runj", "cli.oci.show", "container.operations", "runtime.choose"),
    "run": (
        "runj-enters",
        "cli.oci.create",
        "container.operations",
        "container.create",
        "container.delete",
        "runtime.linux.runtime",
    ),
}
_VERBS = ("state", "kill", "delete", "run")


def phases(installed: Installation) -> dict[str, list[str]]:
    """Return the programs, from the one that does least."""
    ours = (
        "import gc, sys; gc.disable(); "
        f"sys.path.append({installed.packages!r}); from runjd import bytecode; bytecode.install(); "
    )
    os_too = "from runjd.light_os import lighten_os; lighten_os(); "
    seal = "from runjd.runtime.sealed import seal; seal(); "
    end = "import posix; posix._exit(0)"
    programs = {"interpreter": end, "interpreter, os": ours + os_too + end, "sealed": ours + os_too + seal + end}
    for verb, (pack, *modules) in LOADED.items():
        take = f"bytecode.installed().take({pack!r}); "
        loads = "".join(f"from runjd.{each} import __name__; " for each in ("cli.runj", "cli.oci.table", *modules))
        programs[f"interpreter, os, modules of {verb}"] = ours + os_too + take + loads + end
    programs["sealed, modules of run"] = programs["interpreter, os, modules of run"].replace(end, seal + end)
    bare = floors.interpreter(installed.python)[:-1]
    return {"shell": ["/bin/sh", "-c", ":"], **{name: [*bare, program] for name, program in programs.items()}}


def measure(plan: Plan) -> list[Figure]:
    """Return what each part costs."""
    host.leave_hybrid_cgroups()
    with host.work_directory() as directory:
        installed = plan.installed(directory)
        with runtimes(installed.program("runj"), directory, peers_too=False) as contenders:
            actions = contenders["runj"].actions()
            wanted: dict[str, Ready] = {name: partial(list, words) for name, words in phases(installed).items()}
            wanted |= {f"runj {verb}": actions[verb] for verb in _VERBS}
            found = in_turn({"where the time of runj goes: processor": wanted}, plan.rounds)
    made = []
    for what, parts in found.items():
        for who, costs in parts.items():
            role = FLOOR if who == "interpreter" else OURS
            made.append(Figure(what, who, "ms", tuple(each.cpu for each in costs), role=role))
    return made


if __name__ == "__main__":
    run(measure, __doc__)
