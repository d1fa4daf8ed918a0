"""Where the kernel says that the parts of our memory are."""

from __future__ import annotations

import os
import sys

from runjd.values import Value

#: proc_pid_stat(5): start_code, counted from the field behind the name
_CODE = 23
_DATA = 42

_PROT = {"r": 1, "w": 2, "x": 4}
#: the highest byte of what /proc/PID/pagemap says of a page: there (0x80), of a file (0x20), nobody else's (1)
_UNWRITTEN = {0x00, 0xA0, 0xA1}


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


class Mapping(Value):
    """
    A mapping, of a file mostly.

    :ivar rights: PROT bits, as of mmap(2).
    """

    start: int
    size: int
    rights: int
    offset: int


def mappings_of(path: bytes, text: bytes) -> list[Mapping]:
    """
    Return the mappings of a file.

    :param text: of /proc/PID/maps.
    """
    found = []
    for line in text.splitlines():
        # for nearly all of them, that is all there is to do
        if not line.endswith(path):
            continue
        mapping, name = parse_mapping(line)
        if name == path:
            found.append(mapping)
    return found


def parse_mapping(line: bytes) -> tuple[Mapping, bytes]:
    """Return what a line of /proc/PID/maps says, and of which file, or what else; nothing where it does not say."""
    place, letters, offset, _device, _inode, *name = line.split(None, 5)
    start, end = [int(each, 16) for each in place.split(b"-")]
    rights = sum([bit for letter, bit in _PROT.items() if letter in letters.decode("ascii")])
    return Mapping(start, end - start, rights, int(offset, 16)), name[0] if name else b""


def is_written(mapping: Mapping) -> bool:
    """Whether any page of our own mapping may differ from the file."""
    page = os.sysconf("SC_PAGE_SIZE")
    pages = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    try:
        said = os.pread(pages, mapping.size // page * 8, mapping.start // page * 8)
    finally:
        os.close(pages)
    highest = 7 if sys.byteorder == "little" else 0
    return not said or not set(said[highest::8]) <= _UNWRITTEN
