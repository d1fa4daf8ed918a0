"""Our modules, straight from their bytecode: the same as the interpreter would find, or none."""

from __future__ import annotations

import importlib
import importlib.util
import os
import py_compile
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

import pytest

from runjd.bytecode import Finder

CACHED = f"__pycache__/{{}}.{sys.implementation.cache_tag}.pyc"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a package with a module and a package in it, compiled."""
    made = tmp_path / "pack"
    (made / "inner").mkdir(parents=True)
    sources = {
        "one.py": "WHO = __name__\n",
        "__init__.py": "",
        "inner/__init__.py": "WHO = 'inner'\n",
        "inner/two.py": "from pack.one import WHO\n",
        "broken.py": "raise ZeroDivisionError\n",
    }
    for name, text in sources.items():
        (made / name).write_text(text)
        py_compile.compile(str(made / name), doraise=True)
    return made


@pytest.fixture
def finder(package: Path) -> Iterator[Finder]:
    """Return a finder that import asks first, for a package that can be imported; nothing of it stays."""
    made, before = Finder(str(package), "pack"), list(sys.modules)
    sys.path.insert(0, str(package.parent))
    importlib.import_module("pack")
    sys.meta_path.insert(0, made)
    yield made
    if made in sys.meta_path:
        sys.meta_path.remove(made)
    sys.path.remove(str(package.parent))
    for name in set(sys.modules) - set(before):
        del sys.modules[name]


def load(finder: Finder, name: str) -> ModuleType | None:
    """Return the module as import would make it, None where the finder knows none."""
    spec = finder.find_spec(name)
    if spec is None:
        return None
    module = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["pack.one", "pack.inner"])
def test_a_module_is_what_it_is_for_the_interpreter(package: Path, name: str) -> None:
    """Its code has run, and all that import sets is what the interpreter's own finder would have set."""
    spec = PathFinder.find_spec(name, [str(package)])
    assert spec is not None
    found, expected = load(Finder(str(package), "pack"), name), importlib.util.module_from_spec(spec)
    assert found is not None
    assert found.WHO in ("pack.one", "inner")
    for attribute in ("__name__", "__file__", "__package__", "__cached__", "__path__"):
        assert getattr(found, attribute, None) == getattr(expected, attribute, None)


@pytest.mark.parametrize("name", ["pack", "packet.one", "one", "os.path", "pack.missing", "pack.one.deeper"])
def test_what_is_not_ours_is_left_to_others(package: Path, name: str) -> None:
    """Neither the package itself, nor other packages, nor what is not there is found."""
    assert Finder(str(package), "pack").find_spec(name) is None


def test_bytecode_of_another_source_is_not_taken(package: Path) -> None:
    """Once the source has changed, the interpreter compiles it anew."""
    finder = Finder(str(package), "pack")
    assert finder.find_spec("pack.one") is not None
    (package / "one.py").write_text("WHO = 'another'\n")
    assert finder.find_spec("pack.one") is None


def test_a_source_of_another_time_is_another_one(package: Path) -> None:
    """As for the interpreter, the time of the source counts, with its size."""
    os.utime(package / "one.py", (1, 1))
    assert Finder(str(package), "pack").find_spec("pack.one") is None


def test_without_a_source_there_is_no_module(package: Path) -> None:
    """Bytecode that was left behind is not taken."""
    (package / "one.py").unlink()
    assert Finder(str(package), "pack").find_spec("pack.one") is None


@pytest.mark.parametrize("kept", [0, 3, 16, 20])
def test_damaged_bytecode_is_not_taken(package: Path, kept: int) -> None:
    """Wherever it ends, the interpreter has the last word."""
    path = package / CACHED.format("one")
    path.write_bytes(path.read_bytes()[:kept])
    assert Finder(str(package), "pack").find_spec("pack.one") is None


def test_bytecode_of_another_interpreter_is_not_taken(package: Path) -> None:
    """The magic number must be that of this one."""
    path = package / CACHED.format("one")
    path.write_bytes(b"\0\0\r\n" + path.read_bytes()[4:])
    assert Finder(str(package), "pack").find_spec("pack.one") is None


def test_bytecode_that_names_its_source_by_a_hash_is_left_to_the_interpreter(package: Path) -> None:
    """What some distributions make is read as ever."""
    py_compile.compile(str(package / "one.py"), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    assert Finder(str(package), "pack").find_spec("pack.one") is None


@pytest.mark.parametrize("name", ["pack.one", "pack.inner", "pack.inner.two"])
def test_import_makes_the_same_module(package: Path, finder: Finder, name: str) -> None:
    """The short way a module gets all that it gets the long way, and so do its packages."""
    found = finder.import_(name, fromlist=("WHO",))
    spec = found.__spec__

    assert found.WHO in ("pack.one", "inner")
    assert found is sys.modules[name] is finder.import_(name, fromlist=("WHO",))
    assert getattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2]) is found
    assert spec is not None
    expected = importlib.util.module_from_spec(spec)
    for attribute in ("__name__", "__file__", "__package__", "__cached__", "__path__", "__loader__", "__spec__"):
        assert getattr(found, attribute, None) == getattr(expected, attribute, None)


def test_what_a_package_is_asked_for_may_be_a_module(finder: Finder) -> None:
    """``from package import module`` loads it; without ``from`` the outermost package is what one gets."""
    assert finder.import_("pack.inner", fromlist=("WHO", "two")).two.WHO == "pack.one"
    assert finder.import_("pack.inner.two") is sys.modules["pack"]


def test_a_module_that_fails_is_not_there(finder: Finder) -> None:
    """Its error comes through, and the next one who asks for it gets that again."""
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            finder.import_("pack.broken", fromlist=("WHO",))
    assert "pack.broken" not in sys.modules


@pytest.mark.parametrize("name", ["pack.one", "pack.inner.two"])
def test_what_has_no_bytecode_the_interpreter_imports(package: Path, finder: Finder, name: str) -> None:
    """Nobody notices but by the time it takes."""
    for path in package.rglob("*.pyc"):
        path.unlink()
    parent, _, child = name.rpartition(".")

    assert finder.import_(name, fromlist=("WHO",)).WHO == "pack.one"
    assert getattr(finder.import_(parent, fromlist=(child,)), child).WHO == "pack.one"


def test_nothing_is_imported_where_the_finder_was_taken_away(finder: Finder) -> None:
    """Who clears ``sys.meta_path``, as what enters a jail does, need not know of us; what is loaded stays."""
    finder.import_("pack.one", fromlist=("WHO",))
    before, sys.meta_path[:] = list(sys.meta_path), []
    try:
        assert finder.import_("pack.one", fromlist=("WHO",)).WHO == "pack.one"
        with pytest.warns(ImportWarning), pytest.raises(ImportError):
            finder.import_("pack.inner", fromlist=("WHO",))
    finally:
        sys.meta_path[:] = before


def test_what_only_the_compiler_reads_is_not_loaded(finder: Finder) -> None:
    """A module that begins as ours do has what it asked for; who asks for more of it gets the true one."""
    assert hasattr(finder.import_("__future__", fromlist=("annotations",)), "annotations")
    assert finder.import_("__future__", fromlist=("annotations",)) is not sys.modules.get("__future__")
    assert finder.import_("__future__", fromlist=("annotations", "division")) is importlib.import_module("__future__")


def test_every_module_of_ours_can_be_found() -> None:
    """Where the checkout is compiled, each module has a spec that says where it is."""
    import runjd

    directory = os.path.dirname(runjd.__file__)
    finder = Finder(directory)
    for path in Path(directory).rglob("*.py"):
        name = ".".join(("runjd", *path.relative_to(directory).with_suffix("").parts)).removesuffix(".__init__")
        spec = finder.find_spec(name)
        if spec is not None:
            assert spec.origin == str(path)
            assert (spec.submodule_search_locations is not None) == (path.name == "__init__.py")
