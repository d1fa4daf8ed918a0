"""The one table: a row for each figure below what is measured, for people on a terminal, or as Markdown."""

from collections.abc import Sequence

from benchmarks.figure import Figure, in_order, number, standing

_HEADS = ("n", "who", "median", "spread", "to floor", "ours/it", "")
_LEFT = {1, 3, 6}
_MARKDOWN_HEADS = ("", "n", "who", "median", "spread", "to floor", "ours/it", "")
LEGEND = (
    "spread: the quartiles; to floor: what it costs, as a multiple of the floor; ours/it: what ours costs as a multiple"
    " of the peer's (in a row of ours the best peer, in one of a peer our best): below 1 ours is ahead."
)


class Section:
    """
    The rows of what was measured in the same unit.

    :ivar title: what, and the unit.
    :ivar rows: cells as :data:`_HEADS` has them; a size that the row above has is left out.
    """

    def __init__(self, found: Sequence[Figure], among: Sequence[Figure]) -> None:
        self.title = f"{found[0].what}, {found[0].unit}"
        self.rows: list[tuple[str, ...]] = []
        size = 0
        for each in found:
            stands = standing(each, among)
            low, high = spread = each.spread
            shown = f"{number(low)} to {number(high)}" if spread != (each.median, each.median) else ""
            ratios = (_ratio(stands.to_floor), _ratio(stands.to_other))
            count = f"{each.size:,}" if each.size != size else ""
            self.rows.append((count, each.who, number(each.median), shown, *ratios, stands.words))
            size = each.size


def sections(found: Sequence[Figure]) -> list[Section]:
    """Return all figures, by what was measured."""
    ordered = in_order(found)
    keys = dict.fromkeys((each.what, each.unit) for each in ordered)
    return [Section([each for each in ordered if (each.what, each.unit) == key], found) for key in keys]


def text(found: Sequence[Figure]) -> str:
    """Return the table for a terminal."""
    if not found:
        return ""
    made = sections(found)
    lines = aligned([_HEADS, *(row for section in made for row in section.rows)], _LEFT).split("\n")
    shown, rest = [lines[0]], lines[1:]
    for section in made:
        shown += ["", section.title, *rest[: len(section.rows)]]
        rest = rest[len(section.rows) :]
    return "\n".join(shown)


def markdown(found: Sequence[Figure]) -> str:
    """Return the table as Markdown."""
    lines: list[tuple[str, ...]] = [_MARKDOWN_HEADS, ("---", "--:", "---", "--:", "---", "--:", "--:", "---")]
    for section in sections(found):
        titles = [f"**{section.title}**", *[""] * (len(section.rows) - 1)]
        lines += [(title, *row) for title, row in zip(titles, section.rows, strict=True)]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def aligned(cells: Sequence[Sequence[str]], left: set[int]) -> str:
    """Return rows whose columns are below each other; those of ``left`` begin there, the others end there."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        shown = (
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(shown).rstrip())
    return "\n".join(lines)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
