"""The EXAMPLES of a manual page, as they are typed."""

import re

from tests.docs.pages import CHECKOUT

_ESCAPES = {r"\(dq": '"', r"\e": "\\", r"\-": "-", r"\&": ""}


def commands_of(page: str) -> list[str]:
    """Return the commands: one-line displays, and lines behind a prompt, with the lines that they go on in."""
    text = (CHECKOUT / "man" / page).read_text()
    section = text.partition(".Sh EXAMPLES\n")[2].partition("\n.Sh ")[0]
    found: list[str] = []
    goes_on = False
    for line in section.splitlines():
        typed = re.match(r"\.Dl (.*)|[$#] (.*)", line)
        if typed:
            found.append(typed[1] or typed[2])
        elif goes_on:
            found[-1] += "\n" + line
        goes_on = bool(found) and (bool(typed) or goes_on) and line.endswith("|")
    return [_plain(each) for each in found]


def _plain(text: str) -> str:
    for escape, meant in _ESCAPES.items():
        text = text.replace(escape, meant)
    return text
