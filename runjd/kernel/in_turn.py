"""
Functions of the C library, one right after another, with nothing of Python in between.

Python writes to its own memory with each step that it takes.  What exchanges that
memory has to be done while it does not: makecontext(3) lays out a call, and which
one follows when it returns.
"""

from __future__ import annotations

import errno
import os
import struct

from runjd.kernel.libc import addressof, c_int, c_void_p, check, create_string_buffer, held_libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: where makecontext(3) takes arguments of 64 bits, and a ucontext_t begins with flags, uc_link and uc_stack
_MACHINES = ("x86_64", "aarch64")
#: larger than a ucontext_t, which differs: 968 bytes on x86_64, 4560 on aarch64
_CONTEXT = 8 << 10
#: for functions that hardly need any, and the frame of a signal
_STACK = 24 << 10
_LINK = 8


def call_in_turn(*calls: Sequence[object]) -> None:
    """
    Call functions of the C library; what they return is lost.

    :param calls: each a function and its arguments, all as wide as a long; at least one.
    :raise OSError: ENOSYS: not on this machine, or not with this C library; nothing was called.
    """
    if os.uname().machine not in _MACHINES:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "makecontext")
    size = _CONTEXT + _STACK
    # the last one is our own, to come back to, and needs no stack
    memory = create_string_buffer(size * len(calls) + _CONTEXT)
    contexts = [addressof(memory) + number * size for number in range(len(calls) + 1)]
    for number, (function, *arguments) in enumerate(calls):
        context, following = contexts[number : number + 2]
        _get_context(context)
        struct.pack_into("=QQQQ", memory, number * size + _LINK, following, context + _CONTEXT, 0, _STACK)
        held_libc.makecontext(c_void_p(context), function, c_int(len(arguments)), *arguments)
    check(held_libc.swapcontext(c_void_p(contexts[-1]), c_void_p(contexts[0])), "swapcontext")


def _get_context(context: int) -> None:
    try:
        check(held_libc.getcontext(c_void_p(context)), "getcontext")
    except AttributeError:
        # musl has none
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "getcontext") from None
