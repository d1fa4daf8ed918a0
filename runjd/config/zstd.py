"""The module that compresses by zstd, where there is one: part of Python from 3.14 on, and zstandard before."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MISSING = "zstd needs the Python module zstandard (pip install 'runjd[zstd]'; FreeBSD: py311-zstandard), or Python 3.14"


def zstd() -> Any:
    """Return the module. :raise ImportError: there is none, saying what to install."""
    for name in ("compression.zstd", "zstandard"):
        try:
            return import_module(name)
        except ImportError:
            pass
    raise ImportError(MISSING)
