"""Keyrings of Linux (keyrings(7)), which no namespace keeps apart."""

from __future__ import annotations

import errno
import os
import sys

from runjd.kernel.libc import c_int, check, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_JOIN_SESSION_KEYRING = 1
#: machine -> keyctl; 64-bit only
_NUMBERS: Mapping[str, int] = {
    "x86_64": 250,
    "aarch64": 219,
    "riscv64": 219,
    "loongarch64": 219,
    "ppc64": 271,
    "ppc64le": 271,
    "s390x": 280,
}
_KEYCTL = _NUMBERS.get(os.uname().machine) if sys.maxsize > 2**32 else None
#: a kernel without keyrings; we are in a container that is not let near them
_NOT_HERE = (errno.ENOSYS, errno.EPERM)


def leave_session_keyring() -> None:
    """
    Let go of the session keyring that we inherited, for a new and empty one.

    :raise OSError: EDQUOT where this user has too many.
    """
    if _KEYCTL is None:
        return
    try:
        check(syscall(_KEYCTL, c_int(_JOIN_SESSION_KEYRING), None), "keyctl")
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
