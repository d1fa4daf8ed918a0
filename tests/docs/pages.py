"""What a page of docs/ has the reader do, as steps that a test can do, too."""

import re
from pathlib import Path

from runjd.values import Value

CHECKOUT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(path for path in (CHECKOUT / "docs").rglob("*.md"))

_STEP = re.compile(
    r"^<!-- (?P<mark>try|check|daemon|file (?P<path>\S+)) -->\n"
    r"(?:\n```(?:console|toml|python)\n(?P<text>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)


class Step(Value):
    """
    One of them.

    :param mark: what to do: try, check, daemon or file.
    :param path: of the file.
    :param text: of the file, or what is typed and answered.
    """

    mark: str
    path: str = ""
    text: str = ""


class Typed(Value):
    """A command, and the lines that answer it, where ``...`` stands for anything."""

    command: str
    answer: tuple[str, ...]


def steps(page: Path) -> list[Step]:
    """Return what a page has marked."""
    return [
        Step(found["mark"].split()[0] if found["path"] else found["mark"], found["path"] or "", found["text"] or "")
        for found in _STEP.finditer(page.read_text())
    ]


def typed(text: str) -> list[Typed]:
    """Return the commands of a session: lines behind ``# ``, each with what is below it."""
    found: list[Typed] = []
    for line in text.splitlines():
        if line.startswith("# "):
            found.append(Typed(line[2:], ()))
        else:
            found[-1] = Typed(found[-1].command, (*found[-1].answer, line))
    return found


def answers(expected: tuple[str, ...], output: str) -> bool:
    """
    Return whether an output is what a page says.

    There ``...`` is anything, several blanks are as good as one, and pids, ports and seconds differ.
    """
    pattern = r"\s*".join(
        ".*?".join(_NUMBER.sub(r"\\d+", re.escape(_BLANK.sub(" ", part.strip()))) for part in line.split("..."))
        for line in expected
    )
    return re.fullmatch(pattern, _BLANK.sub(" ", output).strip(), re.DOTALL) is not None


_BLANK = re.compile(r"(?:\\?[ \t])+")
_NUMBER = re.compile(r"\d{2,}|\d+(?=s\b)")
