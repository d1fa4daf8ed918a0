"""All that one run found, as a file: JSON, which other programs and the next run can read."""

import json
from collections.abc import Sequence

from benchmarks.figure import Budget, Figure, standing
from benchmarks.growth import growths
from runjd.values import Value


class Results(Value):
    """
    What a run found.

    :param machine: what :func:`benchmarks.host.facts` says.
    :param versions: of the contenders.
    :param missing: what was not measured, and why: peers that are not installed, benchmarks that failed.
    """

    machine: dict[str, object]
    versions: dict[str, str]
    figures: tuple[Figure, ...]
    missing: dict[str, str]


def write(path: str, results: Results) -> None:
    """Write the file; what can be computed of the figures stands there, too."""
    figures = []
    for each in results.figures:
        stands = standing(each, results.figures)
        low, high = each.spread
        more = {"median": each.median, "spread": [low, high], "to_floor": stands.to_floor, "to_other": stands.to_other}
        more |= {"other": stands.other, "is_over": stands.is_over, "standing": stands.words}
        budget = each.budget._asdict() if each.budget is not None else None
        figures.append(each._asdict() | {"budget": budget} | more)
    growing = [each._asdict() for each in growths(results.figures)]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(results._asdict() | {"figures": figures, "growth": growing}, file, indent=1)
        file.write("\n")


def read(path: str) -> Results:
    """Return what such a file holds."""
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    figures = []
    for each in found["figures"]:
        fields = {name: each[name] for name in Figure._fields}
        fields["samples"] = tuple(fields["samples"])
        fields["budget"] = Budget(**fields["budget"]) if fields["budget"] is not None else None
        figures.append(Figure(**fields))
    return Results(found["machine"], found["versions"], tuple(figures), found["missing"])


def joined(parts: Sequence[Results], machine: dict[str, object]) -> Results:
    """Return the results of several benchmarks of one run as one."""
    figures = tuple(figure for part in parts for figure in part.figures)
    versions = {name: version for part in parts for name, version in part.versions.items()}
    missing = {name: why for part in parts for name, why in part.missing.items()}
    return Results(machine, versions, figures, missing)
