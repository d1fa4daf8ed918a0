"""
The machine of a jail, as a document: ``python -m tests.supervise.machine_document`` writes it anew.

The diagram is text in the language of Mermaid, which forges show as a picture.
"""

from __future__ import annotations

from pathlib import Path

from runjd.supervise.inputs import INPUTS, Inputs
from runjd.supervise.machine import transitions

PATH = Path(__file__).parents[2] / "docs/machine.md"

_HEAD = """\
# The machine of one jail

This file is made from `runjd/supervise/machine.py` by `python -m tests.supervise.machine_document`; a test
compares the two. What changes nothing in a state, or comes late, is left out.

The state is not what `status` shows: several states show the same phase (`aborting`, `ending` and `removing` are
`stopping`), and `weighing` lasts no time. In it the restart rule decides what becomes of a jail that is down.
"""


def document() -> str:
    """Return the text of the file."""
    lines = [_HEAD, "```mermaid", "stateDiagram-v2", "    [*] --> idle", "    [*] --> unknown"]
    arrows: dict[tuple[str, str], list[str]] = {}
    for state, name, after in transitions():
        arrows.setdefault((state, after), []).append(name)
    lines += [f"    {state} --> {after}: {', '.join(names)}" for (state, after), names in sorted(arrows.items())]
    lines += ["```", "", "## What happens to a jail", "", "| input | meaning |", "|---|---|"]
    for name in sorted(INPUTS):
        meaning = " ".join((getattr(Inputs, name).__doc__ or "").split())
        lines.append(f"| `{name}` | {meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
