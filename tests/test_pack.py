"""What a call loads lies in one file for the next one; without that file all is as ever, only slower."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from runjd.bytecode import Finder
from runjd.pack import keep
from tests.cli.program import PATIENCE, ROOT
from tests.test_bytecode import package

__all__ = ["package"]
NAMES = ("pack.one", "pack.inner", "pack.inner.two")


class _Robbed(Finder):
    """Finds that all files are gone while a pack is written."""

    directory: Path

    def known(self) -> bytes:
        for each in self.directory.iterdir():
            each.unlink()
        return super().known()


def found(package: Path, *names: str) -> tuple[list[str], int]:
    """Return which modules a new finder finds with the pack, and how many of them were not in there."""
    finder = Finder(str(package), "pack")
    finder.take("some")
    return [each for each in names if finder.find_spec(each) is not None], finder.missed


@pytest.fixture
def packed(package: Path) -> Path:
    """Return a package with a pack of its modules."""
    finder = Finder(str(package), "pack")
    finder.take("some")
    for each in NAMES:
        finder.find_spec(each)
    keep(finder, "some")
    return package


def _pack(package: Path) -> Path:
    (path,) = package.glob("__pycache__/some.*.pack")
    return path


def test_what_was_loaded_is_in_the_pack(packed: Path) -> None:
    """The next finder reads none of the files that it would have read."""
    for path in packed.rglob("*.pyc"):
        path.unlink()

    assert found(packed, *NAMES, "pack.broken") == (list(NAMES), 0)


def test_only_its_owner_can_write_to_a_pack(packed: Path) -> None:
    """Whatever the mask, as what is in there will be executed."""
    os.umask(before := os.umask(0))
    try:
        os.umask(0)
        keep(Finder(str(packed), "pack"), "other")
    finally:
        os.umask(before)

    assert {each.stat().st_mode & 0o777 for each in packed.glob("__pycache__/*.pack")} == {0o644}


def test_a_source_that_changed_is_not_taken_from_the_pack(packed: Path) -> None:
    """Nor one that is gone; the others still are."""
    (packed / "one.py").write_text("WHO = 'another'\n")
    (packed / "inner" / "two.py").unlink()

    assert found(packed, *NAMES) == (["pack.inner"], 0)


@pytest.mark.parametrize("kept", [0, 2, 4, 5, 100])
def test_a_damaged_pack_is_none(packed: Path, kept: int) -> None:
    """Wherever it ends, the bytecode of each module has the last word."""
    _pack(packed).write_bytes(_pack(packed).read_bytes()[:kept])

    assert found(packed, *NAMES) == (list(NAMES), len(NAMES))


def test_a_pack_of_another_interpreter_is_none(packed: Path) -> None:
    """The magic number must be that of this one."""
    _pack(packed).write_bytes(b"\0\0\r\n" + _pack(packed).read_bytes()[4:])

    assert found(packed, *NAMES) == (list(NAMES), len(NAMES))


def test_a_new_pack_has_what_the_one_before_had(packed: Path) -> None:
    """Two sorts of calls that use one pack do not take it away from each other; what changed is left out."""
    (packed / "one.py").write_text("WHO = 'another'\n")
    finder = Finder(str(packed), "pack")
    finder.take("some")
    finder.find_spec("pack.broken")
    keep(finder, "some")

    assert found(packed, *NAMES, "pack.broken") == (["pack.inner", "pack.inner.two", "pack.broken"], 0)


def test_where_no_bytecode_may_be_there_is_no_pack(package: Path) -> None:
    """Nothing is said of it: the call has done its work."""
    finder = Finder(str(package), "pack")
    finder.find_spec("pack.one")
    shutil.rmtree(package / "__pycache__")
    keep(finder, "some")

    assert not (package / "__pycache__").exists()


def test_a_pack_that_somebody_takes_away_costs_nothing(packed: Path, tmp_path: Path) -> None:
    """Whoever clears the bytecode away meanwhile does not take the status of a call along."""
    finder = _Robbed(str(packed), "pack")
    finder.directory = packed / "__pycache__"

    keep(finder, "other")

    assert not list(packed.glob("__pycache__/other*"))


def test_runj_makes_packs_for_itself(tmp_path: Path) -> None:
    """The first call of an installation leaves one, which the next one is content with."""
    venv.create(tmp_path, symlinks=True)
    packages = sysconfig.get_path("purelib", "venv", {"base": str(tmp_path)})
    shutil.copytree(f"{ROOT}/runjd", f"{packages}/runjd", ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(f"{packages}/runjd", quiet=1)
    shutil.copy(f"{ROOT}/bin/runj", tmp_path / "bin" / "runj")
    where = Path(packages) / "runjd" / "__pycache__" / f"runj.{sys.implementation.cache_tag}.pack"
    call = [str(tmp_path / "bin" / "runj"), "--root", str(tmp_path / "state"), "list", "-q"]

    subprocess.run(call, check=True, timeout=PATIENCE)
    made = where.stat()
    subprocess.run(call, check=True, timeout=PATIENCE)

    assert os.path.samestat(where.stat(), made)
