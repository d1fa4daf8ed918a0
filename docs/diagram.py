"""Draws the state diagrams of the pages, which forges draw by themselves, by dot(1) of Graphviz."""

import re
import subprocess
from pathlib import Path

_DIAGRAM = re.compile(r"```mermaid\nstateDiagram-v2\n(.*?)```\n", re.DOTALL)
_ARROW = re.compile(r" *(\S+) --> (\w+)(?:: (.*))?")
_BEGIN = "[*]"
_STYLE = """\
  rankdir=TB; ranksep=0.7; nodesep=0.5; bgcolor=transparent;
  node [shape=box, style="rounded,filled", fillcolor="#f3f6f6", color="#2980b9", fontname="sans-serif", fontsize=13];
  edge [color="#808080", fontname="sans-serif", fontsize=11, fontcolor="#404040"];
"""


def draw_all(page: Path) -> None:
    """
    Replace the diagrams of a page by pictures beside it.

    :raise subprocess.CalledProcessError: dot(1) does not take one.
    """
    text = page.read_text()
    for number, found in enumerate(_DIAGRAM.findall(text)):
        picture = page.with_name(f"{page.stem}-{number}.svg")
        command = ["dot", "-Tsvg", "-o", str(picture)]
        subprocess.run(command, input=to_dot(found), text=True, check=True)
        text = _DIAGRAM.sub(f"![The states, and what leads from one to the next]({picture.name})\n", text, count=1)
    page.write_text(text)


def to_dot(diagram: str) -> str:
    """Return a diagram, whose lines are arrows in the language of Mermaid, in that of Graphviz."""
    lines = ["digraph {", _STYLE, '  begin [shape=point, width=0.15, label=""];']
    for line in diagram.splitlines():
        arrow = _ARROW.fullmatch(line)
        if arrow is None:
            raise ValueError(f"this is no arrow: {line}")
        state, after, inputs = arrow.groups(default="")
        label = inputs.replace(", ", r"\n")
        lines.append(f'  {"begin" if state == _BEGIN else state} -> {after} [label="{label}"];')
    return "\n".join([*lines, "}"])
