"""Resource limits: setrlimit(2) by the names of the OCI runtime specification."""

from __future__ import annotations

import errno
import os
import resource
import sys

#: of FreeBSD, unknown to Python (sys/resource.h)
_FREEBSD = {"RLIMIT_UMTXP": 14, "RLIMIT_PIPEBUF": 15} if sys.platform.startswith("freebsd") else {}
#: ``RLIMIT_NOFILE`` and so on to the number of this platform
NUMBERS = {name: number for name, number in vars(resource).items() if name.startswith("RLIMIT_")} | _FREEBSD


def set_limit(name: str, soft: int, hard: int) -> None:
    """
    Set one limit of this process.

    :param soft: up to 2**64 - 1, which means no limit.
    :raise OSError: the kernel refuses.
    """
    try:
        resource.setrlimit(NUMBERS[name], (_native(soft), _native(hard)))
    except ValueError:
        # Python's word for EINVAL and EPERM here.
        number = errno.EINVAL if soft > hard else errno.EPERM
        raise OSError(number, os.strerror(number), name) from None


def _native(value: int) -> int:
    return resource.RLIM_INFINITY if value >= 2**63 - 1 else value
