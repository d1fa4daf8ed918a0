"""Tests of runjd.runtime.freebsd.extension."""

import os
from pathlib import Path

import pytest

from runjd.errors import SpecError
from runjd.runtime.freebsd.extension import read_extension
from runjd.spec.model import FreeBSDJail


def test_a_bundle_without_the_file_says_nothing(tmp_path: Path) -> None:
    """That is the usual case."""
    assert read_extension(str(tmp_path)) is None


def test_the_file_is_read(tmp_path: Path) -> None:
    """As runj wrote it."""
    (tmp_path / "runj.ext.json").write_text('{"network": {"vnet": {"mode": "new", "interfaces": ["epair0b"]}}}')

    assert read_extension(str(tmp_path)) == FreeBSDJail(vnet="new", vnet_interfaces=("epair0b",))


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A FIFO that nobody writes to is not waited for."""
    os.mkfifo(tmp_path / "runj.ext.json")

    with pytest.raises(SpecError, match=r"runj\.ext\.json: is not a regular file"):
        read_extension(str(tmp_path))


def test_what_is_wrong_names_the_file(tmp_path: Path) -> None:
    """With line and column."""
    (tmp_path / "runj.ext.json").write_text("{")

    with pytest.raises(SpecError, match=r"runj\.ext\.json:1:2: invalid JSON"):
        read_extension(str(tmp_path))
