"""Our modules, straight from their bytecode: the same as the interpreter would find, or none."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import sys
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
    for name, text in {"one.py": "WHO = __name__\n", "__init__.py": "", "inner/__init__.py": "WHO = 'inner'\n"}.items():
        (made / name).write_text(text)
        py_compile.compile(str(made / name), doraise=True)
    return made


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
