"""Tests of runjd.runtime.freebsd.features."""

import pytest

from runjd.runtime.freebsd.coverage import COVERAGE
from runjd.runtime.freebsd.features import features
from runjd.runtime.freebsd.options import read_options
from runjd.spec.model import Mount

_VALUES = {"mode": "1777", "rule": "path pf unhide"}
_FLAGS = {"tmpcopyup", "linrdlnk", "rdlnk", "nodup"}


@pytest.mark.parametrize("name", features()["mountOptions"])
def test_every_option_that_is_listed_is_understood(name: str) -> None:
    """It "MUST be recognized" (features.md): some file system takes it."""
    takes_none = name in _FLAGS or name in read_names("nullfs")
    option = name if takes_none else f"{name}={_VALUES.get(name, '4')}"

    assert any(_is_understood(kind, option) for kind in ("nullfs", "tmpfs", "devfs", "fdescfs"))


def read_names(kind: str) -> set[str]:
    """Return the options without a value that a file system takes."""
    listed = features()["mountOptions"]
    assert isinstance(listed, list)
    return {name for name in listed if _is_understood(kind, name)}


def _is_understood(kind: str, option: str) -> bool:
    try:
        read_options(Mount("/x", kind, "x", (option,)), kind, "mounts[0]")
    except Exception:
        return False
    return True


def test_every_property_is_told_with_what_becomes_of_it() -> None:
    """features.md has no place for that, so annotations of ours have it."""
    annotations = features()["annotations"]
    assert isinstance(annotations, dict)
    told = {path: word for word in ("applied", "refused", "passed-over")
            for path in annotations[f"org.runjd.freebsd.{word}"].split(",")}  # fmt: skip

    assert told == COVERAGE
