"""Configurations in a directory, and what is wrong with them."""

from __future__ import annotations

import os

import pytest

from runjd.config.faults import ConfigError
from runjd.config.load import load


def write(directory, main="", **jails):
    """Write runjd.toml, and files of jails.d by their names, none of them empty; return the path of the first."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "runjd.toml").write_text(main or "#\n")
    for name, text in jails.items():
        (directory / "jails.d").mkdir(exist_ok=True)
        (directory / "jails.d" / f"{name}.toml").write_text(text or "#\n")
    return str(directory / "runjd.toml")


def faults_of(file, **options):
    """Return what is wrong, as people see it, without the directory."""
    with pytest.raises(ConfigError) as caught:
        load(file, **options)
    return [str(each).removeprefix(os.path.dirname(file) + "/") for each in caught.value.faults]


def jail_of(tmp_path, text, **options):
    """Return the one jail that a text describes."""
    (jail,) = load(write(tmp_path, text), **options).jails
    return jail
