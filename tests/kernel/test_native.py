"""The part of ctypes that we use, without its start."""

from __future__ import annotations

import ctypes
import errno
import subprocess
import sys

import pytest

from runjd.kernel import native
from tests.cli.program import PATIENCE, ROOT


@pytest.mark.parametrize("name", [name for name in native.__all__ if name.startswith("c_")])
def test_a_type_is_as_wide_as_that_of_ctypes(name: str) -> None:
    """A value travels to C as it would through ctypes."""
    ours, theirs = getattr(native, name), getattr(ctypes, name)
    assert ctypes.sizeof(ours) == ctypes.sizeof(theirs)
    assert ours._type_ == theirs._type_


def test_a_function_of_a_library_is_called() -> None:
    """Bytes and integers go in, an int comes out, and errno is kept for whoever asks."""
    library = native.Library(None, use_errno=True)
    assert library.strcmp(b"one", b"one") == 0
    assert library.open(b"/no/such/file", native.c_int(0)) == -1
    assert native.get_errno() == errno.ENOENT


def test_the_type_of_a_result_can_be_said() -> None:
    """A function that returns a pointer does so whole."""
    library = native.Library(None, use_errno=True)
    library.strchr.restype = native.c_void_p
    text = native.create_string_buffer(b"a=b")
    assert library.strchr(text, native.c_int(ord("="))) == native.addressof(text) + 1


def test_what_is_not_there_is_an_error() -> None:
    """Neither a library nor a function that does not exist is found."""
    with pytest.raises(OSError, match=r"no-such-library"):
        native.Library("no-such-library.so.1")
    with pytest.raises(AttributeError):
        native.Library(None).no_such_function  # noqa: B018 # it is the access that fails


def test_a_held_library_is_called_under_the_lock_of_the_interpreter() -> None:
    """Functions of the interpreter itself may be called."""
    held = native.HeldLibrary(None, use_errno=True)
    assert held.Py_IsInitialized() == 1


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (native.create_string_buffer(b"ab"), b"ab\0"),
        (native.create_string_buffer(3), b"\0\0\0"),
        (native.create_string_buffer(b"ab", 5), b"ab\0\0\0"),
        (native.create_string_buffer(b"a\0b"), b"a\0b\0"),
    ],
)
def test_a_buffer_holds_what_was_asked_for(made: ctypes.Array[ctypes.c_char], expected: bytes) -> None:
    """Bytes are followed by a NUL; a length gives so many NULs."""
    assert made.raw == expected


def test_ctypes_is_not_loaded() -> None:
    """Only the C half of ctypes is imported."""
    script = f"import sys; sys.path.append({ROOT!r}); import runjd.kernel.libc; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, timeout=PATIENCE, check=True)
    assert "ctypes" not in done.stdout.decode().split()
