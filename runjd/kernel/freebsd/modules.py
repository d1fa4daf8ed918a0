"""Modules of the kernel: kldload(2), modfind(2)."""

from __future__ import annotations

import errno

from runjd.kernel.libc import check, libc


def kldload(name: str) -> None:
    """
    Load a file of modules, as ``tmpfs``.

    :raise FileExistsError: it is loaded.
    :raise FileNotFoundError: there is no such file.
    """
    check(libc.kldload(name.encode("utf-8", "surrogateescape")), name)


def has_module(name: str) -> bool:
    """Whether a module is there, loaded or built in."""
    try:
        check(libc.modfind(name.encode("utf-8", "surrogateescape")), name)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return False
    return True


def has_kld(name: str) -> bool:
    """Whether a file of modules, as ``tmpfs.ko``, is loaded."""
    try:
        check(libc.kldfind(name.encode("utf-8", "surrogateescape")), name)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return False
    return True
