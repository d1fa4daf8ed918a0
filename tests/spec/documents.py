"""Good documents to start from, and how to change and to look into one place of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from runjd.errors import SpecError
from runjd.spec.parse import parse_config

DATA = Path(__file__).parent.parent / "data" / "config"

#: a step into a document: the name of a property or the index in an array
Step = str | int


def good(name: str) -> dict[str, object]:
    """Return a good document of the test data."""
    made = json.loads((DATA / "good" / f"{name}.json").read_bytes())
    assert isinstance(made, dict)
    return made


def bundle(**properties: object) -> dict[str, object]:
    """Return the least good document with more properties."""
    return {"ociVersion": "1.3.0", "root": {"path": "rootfs"}, **properties}


def with_process(**properties: object) -> dict[str, object]:
    """Return the least good document with a process that has more properties."""
    return bundle(process={"args": ["true"], "cwd": "/", **properties})


def encoded(document: object) -> bytes:
    """Return the document as the bytes of a file."""
    return json.dumps(document).encode()


def fault_of(document: object) -> SpecError:
    """Return the error that the document is refused with."""
    with pytest.raises(SpecError) as caught:
        parse_config(encoded(document), "config.json")
    return caught.value


def check_fault(document: object, path: str, words: str, parse: Callable[[bytes, str], object] = parse_config) -> None:
    """Assert that the document is refused at that one place, with these words."""
    with pytest.raises(SpecError) as caught:
        parse(encoded(document), "config.json")
    assert (path, True) == (caught.value.path, words in caught.value.reason), caught.value
    assert "; and " not in caught.value.reason, "one mistake is one fault"


def steps_of(path: str) -> list[Step]:
    """Return the steps of a JSON path, as ``a.b[0]["c.d"]``."""
    made: list[Step] = []
    rest = path
    while rest:
        if rest.startswith('["'):
            text, end = json.JSONDecoder().raw_decode(rest[1:])
            made.append(text)
            rest = rest[end + 2 :]
        elif rest.startswith("["):
            digits, _, rest = rest[1:].partition("]")
            made.append(int(digits))
        else:
            word = rest.removeprefix(".")
            end = min((word.find(each) for each in ".[" if each in word), default=len(word))
            made.append(word[:end])
            rest = word[end:]
    return made


def places_of(document: object) -> list[tuple[Step, ...]]:
    """Return the steps to each value of the document, itself included."""
    found: list[tuple[Step, ...]] = []
    todo: list[tuple[object, tuple[Step, ...]]] = [(document, ())]
    while todo:
        value, steps = todo.pop()
        found.append(steps)
        if isinstance(value, dict):
            todo.extend((inner, (*steps, name)) for name, inner in value.items())
        elif isinstance(value, list):
            todo.extend((inner, (*steps, index)) for index, inner in enumerate(value))
    return sorted(found, key=repr)
