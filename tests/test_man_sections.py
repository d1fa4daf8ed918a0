"""The manual pages have the sections that apply to them, and tell messages that there are."""

import ast
import os
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
PAGES = sorted((CHECKOUT / "man").glob("*.[1-9]"))
ALL = ["NAME", "DESCRIPTION", "SEE ALSO", "AUTHORS"]
TOLD = ["FILES", "EXAMPLES", "DIAGNOSTICS", "SECURITY CONSIDERATIONS"]
#: what the pages of programs have, those of files, and those of what is neither
WANTED = {"8": [*ALL, "SYNOPSIS", "EXIT STATUS", *TOLD], "5": [*ALL, *TOLD], "7": ALL}
SYSTEM = {os.strerror(number) for number in range(1, 140)}


def section(page, name):
    """Return the source of a section, empty where there is none."""
    found = re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def diagnostics():
    """Return each message with its page."""
    return [
        pytest.param(message.replace(r"\(dq", '"'), id=f"{page.name}: {message[:40]}")
        for page in PAGES
        for message in re.findall(r'^\.It "(.*)"$', section(page, "DIAGNOSTICS"), re.MULTILINE)
    ]


def written():
    """Return all texts of the code, with a NUL where a value stands in them."""
    texts = set()
    for path in (CHECKOUT / "runjd").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = node.values
                texts.add("".join(str(each.value) if isinstance(each, ast.Constant) else "\0" for each in parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(re.sub(r"\{[^}]*\}", "\0", node.value))
    return texts


TEXTS = written()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_its_sections(page):
    """Each has something in it."""
    wanted = WANTED[page.suffix[1:]] + (TOLD if page.name == "runjd-control.7" else [])

    assert [name for name in wanted if not section(page, name).strip()] == []


@pytest.mark.parametrize("message", diagnostics())
def test_a_message_is_one_of_the_code(message):
    """Between dots, which stand for values, its words are in texts of the code, or are the system's."""
    for part in re.split(r"\s*\.\.\.\s*", message):
        known = part.strip(" ;:,()") in {"", *SYSTEM} or any(part in text for text in TEXTS)
        assert known or any(part.endswith(f": {each}") for each in SYSTEM), part


def test_there_are_messages():
    """They are found."""
    assert len(diagnostics()) > 40
