"""What is loaded later is what was there when the daemon started."""

from __future__ import annotations

import os
import py_compile
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, execute, fail

from runjd.supervise.latecode import LateCode, put_by

PACKAGE = "latepackage"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a package of which nothing but itself is loaded."""
    files = {
        "__init__": "",
        "web/__init__": "from latepackage.web.page import said",
        "web/page": "said = 'before'",
        "plain": "import latepackage.web\nsaid, here = latepackage.web.said, __file__",
        "cli/__init__": "",
        "cli/main": "",
    }
    for name, text in files.items():
        path = tmp_path / PACKAGE / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = list(sys.meta_path)
    __import__(PACKAGE)
    try:
        yield tmp_path / PACKAGE
    finally:
        for late in [each for each in sys.meta_path if isinstance(each, LateCode)]:
            late.close()
        sys.meta_path[:] = before
        for each in [each for each in sys.modules if each.partition(".")[0] == PACKAGE]:
            del sys.modules[each]


def at_once(call: Callable[..., Any], *words: object) -> Deferred[Any]:
    """Call without a thread."""
    return execute(call, *words)  # type: ignore[no-untyped-call,no-any-return]


def replace(package: Path) -> None:
    """Install another version, which has it otherwise."""
    shutil.rmtree(package)
    package.mkdir()
    (package / "plain.py").write_text("raise SystemError('two versions at once')")


def load(name: str) -> Any:
    """Import a module of the package."""
    return getattr(__import__(f"{PACKAGE}.{name}"), name)


def test_another_version_that_is_installed_is_not_mixed_in(package: Path, tmp_path: Path) -> None:
    """Modules and packages are those that were there, and what they load in their turn is, too."""
    put_by(str(package), str(tmp_path), at_once)
    replace(package)

    found = load("plain")

    assert (found.said, found.here) == ("before", str(package / "plain.py"))
    assert sys.modules[f"{PACKAGE}.web"].__path__ == [str(package / "web")]


@pytest.mark.parametrize("is_good", [True, False], ids=["good", "of another source"])
def test_bytecode_is_used_where_it_is_that_of_the_source(package: Path, tmp_path: Path, is_good: bool) -> None:
    """It saves the time of the compiler; where it is that of another source, it would be another version."""
    source = package / "web" / "page.py"
    cached = py_compile.compile(str(source), doraise=True)
    assert cached is not None
    if not is_good:
        source.write_text("said = 'after it'")
    put_by(str(package), str(tmp_path), at_once)
    source.unlink()

    assert load("plain").said == ("before" if is_good else "after it")


def test_it_takes_no_descriptor_to_load_it(package: Path, tmp_path: Path) -> None:
    """Whoever has no descriptor left still does what he is asked for."""
    resource = pytest.importorskip("resource")
    put_by(str(package), str(tmp_path), at_once)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            os.dup(0)
        found = load("plain")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert found.said == "before"


def test_what_has_no_place_is_found_where_it_is(package: Path, tmp_path: Path) -> None:
    """A directory that is gone, or no thread, is no reason to be without; nor is a module that was not put by."""
    before = list(sys.meta_path)
    put_by(str(package), str(tmp_path / "nowhere"), at_once)
    put_by(str(package), str(tmp_path), lambda *words: fail(OSError("no thread")))

    assert sys.meta_path == before
    late = LateCode(str(package), str(tmp_path))
    assert late.find_spec(f"{PACKAGE}.cli.main") is None
    late.close()
    assert load("plain").said == "before"


def test_a_module_that_fails_can_be_tried_again(package: Path, tmp_path: Path) -> None:
    """What it lacked may be there the next time."""
    (package / "needy.py").write_text("import sys\nsaid = sys.latepackage_has")
    put_by(str(package), str(tmp_path), at_once)
    replace(package)

    with pytest.raises(AttributeError):
        load("needy")
    sys.latepackage_has = "it"  # type: ignore[attr-defined]
    try:
        assert load("needy").said == "it"
    finally:
        del sys.latepackage_has  # type: ignore[attr-defined]
