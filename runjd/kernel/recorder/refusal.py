"""The errors of FreeBSD's kernel, by the numbers of the machine that asks."""

from __future__ import annotations

import errno
import os

#: numbers of FreeBSD that another system does not have
_OWN = {"ERPCMISMATCH": 73, "ENOTCAPABLE": 93}


def refusal(name: str, words: str = "", what: str | None = None) -> OSError:
    """
    Return an error by the name of its number.

    :param words: of the kernel, where it has any.
    """
    number = getattr(errno, name, 0) or _OWN[name]
    return OSError(number, words or os.strerror(number), what)
