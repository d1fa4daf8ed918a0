"""
The figures as pictures: SVG files, drawn by matplotlib, which the extra ``bench`` installs.

One shows how ours stands beside the best peer, and one how everything grows.
"""

import math
from collections.abc import Sequence
from typing import Any

from benchmarks.figure import FLOOR, OURS, Figure, in_order, standing
from benchmarks.growth import growths

_COLUMNS = 3
_COLOURS = {OURS: "#1f6fb4", FLOOR: "#999999"}
_PEERS = ("#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e")
#: what is not drawn in SVG: the time it was made at, so that the same figures are the same bytes
_METADATA = {"Date": None}


def draw(found: Sequence[Figure], directory: str) -> list[str]:
    """
    Write the files; return their names.

    :raise ImportError: matplotlib is not installed.
    """
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "runjd"})
    mpl.rcParams.update({"font.size": 8, "font.sans-serif": ["DejaVu Sans"]})
    mpl.rcParams.update({"legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False})
    import matplotlib.pyplot as plt

    drawn = {"standing.svg": _standing(plt, found), "growth.svg": _growth(plt, found)}
    for name, picture in drawn.items():
        if picture is not None:
            picture.savefig(f"{directory}/{name}", metadata=_METADATA, bbox_inches="tight")
            plt.close(picture)
    return [name for name, picture in drawn.items() if picture is not None]


def _standing(pyplot: Any, found: Sequence[Figure]) -> Any:
    """Draw what ours costs as a multiple of the best peer's; left of the line ours is ahead."""
    compared = [(each, standing(each, found)) for each in in_order(found) if each.role == OURS]
    # of each thing the largest size that a peer was measured at
    largest = {(each.what, each.who): (each, stands) for each, stands in compared if stands.to_other}
    bars = []
    for each, stands in largest.values():
        size = f", n = {each.size:,}" if each.size else ""
        bars.append((f"{each.what}{size}: {each.who} to {stands.other}", stands.to_other or 1.0))
    if not bars:
        return None
    names, ratios = zip(*reversed(bars), strict=True)
    picture, axes = pyplot.subplots(figsize=(5, 0.16 * len(bars) + 0.8))
    widths = [math.log2(ratio) for ratio in ratios]
    axes.barh(names, widths, color=[_COLOURS[OURS] if ratio <= 1 else _PEERS[0] for ratio in ratios], height=0.7)
    axes.axvline(0, color="black", linewidth=0.8)
    ticks = range(math.floor(min([*widths, -1])), math.ceil(max([*widths, 1])) + 1, 2)
    axes.set_xticks(list(ticks), [f"{2.0**tick:g}" for tick in ticks])
    axes.set_title("what ours costs, as a multiple of the best peer's (left of 1: ahead)")
    axes.margins(y=0.01)
    return picture


def _growth(pyplot: Any, found: Sequence[Figure]) -> Any:
    """Draw all that was measured at three sizes or more, with the peers and the floors."""
    panels = list(dict.fromkeys((each.what, each.unit) for each in growths(found)))
    if not panels:
        return None
    rows = math.ceil(len(panels) / _COLUMNS)
    picture, grid = pyplot.subplots(rows, _COLUMNS, figsize=(4 * _COLUMNS, 2.3 * rows), squeeze=False)
    for axes, (what, unit) in zip(grid.flat, panels, strict=False):
        same = [each for each in in_order(found) if (each.what, each.unit) == (what, unit) and each.median > 0]
        peers = iter(_PEERS * 3)
        for who, role in dict.fromkeys((each.who, each.role) for each in same):
            line = [each for each in same if each.who == who]
            colour = _COLOURS.get(role) or next(peers)
            axes.plot([each.size for each in line], [each.median for each in line], "o-", ms=3, label=who, color=colour)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.minorticks_off()
        medians = [each.median for each in same]
        axes.set_ylim(min(medians) / 3, max(medians) * 3)  # what hardly changes shall look so
        axes.set_title(f"{what}, {unit}", fontsize=7)
        axes.legend(fontsize=6)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    picture.tight_layout()
    return picture
