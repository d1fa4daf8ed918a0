"""What tests of system call filters need of the machine."""

import ctypes
import os

import pytest

from runjd.kernel import libseccomp


def _has_library() -> bool:
    try:
        ctypes.CDLL(libseccomp.NAME)
    except OSError:
        return False
    return True


needs_libseccomp = pytest.mark.skipif(not _has_library(), reason=f"there is no {libseccomp.NAME}")
needs_x86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="the system calls are those of x86_64")
