"""
Functions of shared libraries: what we need of ctypes, made of its C half alone.

The other half takes 2 ms to be imported, a quarter of what the start of an
interpreter takes; it defines types, structures and callbacks that nobody here uses.
A type checker reads the names of ctypes, which are the same.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctypes import CDLL as Library
    from ctypes import (
        Array,
        addressof,
        byref,
        c_char,
        c_char_p,
        c_int,
        c_int64,
        c_long,
        c_size_t,
        c_uint,
        c_ulong,
        c_void_p,
        get_errno,
    )
    from ctypes import PyDLL as HeldLibrary
else:
    from _ctypes import (
        FUNCFLAG_CDECL,
        FUNCFLAG_PYTHONAPI,
        FUNCFLAG_USE_ERRNO,
        CFuncPtr,
        _SimpleCData,
        addressof,
        byref,
        dlopen,
        get_errno,
    )

    class c_char(_SimpleCData):  # the names of ctypes
        _type_ = "c"

    class c_char_p(_SimpleCData):  # noqa: D101
        _type_ = "z"

    class c_int(_SimpleCData):  # noqa: D101
        _type_ = "i"

    class c_long(_SimpleCData):  # noqa: D101
        _type_ = "l"

    class c_uint(_SimpleCData):  # noqa: D101
        _type_ = "I"

    class c_ulong(_SimpleCData):  # noqa: D101
        _type_ = "L"

    class c_void_p(_SimpleCData):  # noqa: D101
        _type_ = "P"

    #: as wide as a long on all our systems
    c_int64 = c_long
    c_size_t = c_ulong

    class _Function(CFuncPtr):
        _flags_ = FUNCFLAG_CDECL | FUNCFLAG_USE_ERRNO
        _restype_ = c_int

    class _HeldFunction(CFuncPtr):
        _flags_ = FUNCFLAG_CDECL | FUNCFLAG_USE_ERRNO | FUNCFLAG_PYTHONAPI
        _restype_ = c_int

    class Library:
        """
        A shared library: its functions, which return an int, are looked up when they are first used.

        :param name: as for dlopen(3); None for what the process has already.
        :raise OSError: it is not there.
        """

        _function = _Function

        def __init__(self, name: str | None, use_errno: bool = True) -> None:
            self._handle = dlopen(name, 0)

        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            found = self._function((name, self))
            setattr(self, name, found)
            return found

    class HeldLibrary(Library):
        """One that is called without letting go of the interpreter's lock: what a fork needs."""

        _function = _HeldFunction


def create_string_buffer(content: bytes | int, size: int | None = None) -> Array[c_char]:
    """Return memory that C can write to: bytes and a NUL, or ``size`` of it, or as many NULs as the content says."""
    if isinstance(content, int):
        return (c_char * content)()
    made = (c_char * (len(content) + 1 if size is None else size))()
    made.value = content
    return made


__all__ = [
    "HeldLibrary",
    "Library",
    "addressof",
    "byref",
    "c_char_p",
    "c_int",
    "c_int64",
    "c_long",
    "c_size_t",
    "c_uint",
    "c_ulong",
    "c_void_p",
    "create_string_buffer",
    "get_errno",
]
