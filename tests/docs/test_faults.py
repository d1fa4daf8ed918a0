"""The page of faults says which tests see to what, and they are there."""

import ast
import re

from tests.docs.pages import CHECKOUT

ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]*) \| ([^|]*)\|$", re.MULTILINE)
ROWS = ROW.findall((CHECKOUT / "docs/faults.md").read_text())


def test_every_fault_has_its_row():
    """Sixty, in their order, each with what is right."""
    assert [int(number) for number, *_ in ROWS] == list(range(1, 61))
    assert all(fault.strip() and right.strip() for _, fault, right, _, _ in ROWS)


def test_every_row_has_a_test_or_says_why_not():
    """A row without a test has a sentence in its last column."""
    assert [number for number, _, _, tests, note in ROWS if not tests.strip() and not note.strip()] == []


def test_every_test_that_is_named_is_there():
    """By its file and its function."""
    missing = []
    for named in re.findall(r"`([^`]+::[^`]+)`", "".join(tests for *_, tests, _ in ROWS)):
        path, _, name = named.partition("::")
        file = CHECKOUT / path
        tree = ast.parse(file.read_text() if file.exists() else "")
        if name not in {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}:
            missing.append(named)
    assert missing == []
