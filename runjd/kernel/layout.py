"""Where the kernel says that the parts of our memory are."""

from __future__ import annotations

import os

from runjd.values import Value

#: proc_pid_stat(5): start_code, counted from the field behind the name
_CODE = 23
_DATA = 42


class Layout(Value):
    """Addresses, named as in prctl(2), "PR_SET_MM"."""

    start_code: int
    end_code: int
    start_stack: int
    start_data: int
    end_data: int
    start_brk: int
    arg_start: int
    arg_end: int
    env_start: int
    env_end: int


def own_layout() -> Layout:
    """Return the layout of our memory; needs the /proc of a pid namespace that we are in."""
    descriptor = os.open("/proc/self/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
    return parse_layout(text)


def parse_layout(text: bytes) -> Layout:
    """Return what a line of /proc/PID/stat says."""
    # the name may hold spaces and parentheses; only the last one ends it
    fields = [int(each) for each in text[text.rindex(b")") + 4 :].split()]
    return Layout(*fields[_CODE - 1 : _CODE + 2], *fields[_DATA - 1 : _DATA + 6])
