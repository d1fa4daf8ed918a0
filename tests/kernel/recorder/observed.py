"""
What a running FreeBSD 13.2 kernel answered, case by case.

``tests/data/freebsd/observed.jsonl`` has one object for each case.  /JR and /MT
stand for the two directories it was tried in.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from runjd.kernel.recorder.kernel import FreeBSDRecorder
from runjd.values import Value

FILE = Path(__file__).parent.parent.parent / "data" / "freebsd" / "observed.jsonl"
_PLACES = {"/JR": "/tmp/jr", "/MT": "/tmp/mt"}


class Case(Value):
    """One question and its answer."""

    number: int
    area: str
    case: str
    input: Any
    ret: Any
    errno: Any
    errmsg: Any
    out: Any


AREAS = {"jail_set", "jail_life", "mount", "rctl", "vnet", "proc", "fifo_pty", "twisted"}


def cases(area: str) -> list[Case]:
    """Return the cases of an area in their order."""
    with FILE.open(encoding="utf-8") as lines:
        found = [Case(number, **json.loads(line)) for number, line in enumerate(lines, 1)]
    return [case for case in found if case.area == area]


def real(path: str) -> str:
    """Return a path as it was on the machine."""
    for short, long in _PLACES.items():
        if path == short or path.startswith(short + "/"):
            return long + path[len(short) :]
    return path


def short(value: Any) -> Any:
    """Return a path as the records have it; other values as they are."""
    for short, long in _PLACES.items():
        if isinstance(value, str) and (value == long or value.startswith(long + "/")):
            return short + value[len(long) :]
    return value


def parameter(name: str, value: Any) -> Any:
    """Return a recorded value as our functions take it."""
    if value == "NULL/0" or value == "NULL":
        return True
    if isinstance(value, str) and value.startswith("hex:"):
        return bytes.fromhex(value[4:])
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+) bytes", value)):
        return _many(name, int(found[1]))
    if isinstance(value, str) and (found := re.fullmatch(r"(.)\1*\.\.\.\((\d+) bytes\)", value)):
        return found[1] * int(found[2])
    if name == "host.hostid" and isinstance(value, int):
        return value.to_bytes(4, "little")  # as it was given there; our functions know that it has 8
    if isinstance(value, str) and "\0" in value:
        return value.encode() + b"\0"
    if isinstance(value, str):
        return real(value)
    return value


def parameters(values: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return all recorded values."""
    return [(name, parameter(name, value)) for name, value in values.items()]


def answer(call: Callable[[], Any]) -> tuple[Any, str | None, str]:
    """Return what a call gives as the records have it: result or -1, name of the error, words of the kernel."""
    try:
        result = call()
    except OSError as error:
        number = error.errno or 0
        name = {73: "ERPCMISMATCH"}.get(number) or errno.errorcode[number]
        words = "" if error.strerror == os.strerror(number) else str(error.strerror)
        return -1, "ENOTSUP" if name == "EOPNOTSUPP" else name, words
    return (0 if result is None else result), None, ""


class Replay:
    """
    Asks a kernel in memory what the real one was asked.

    A subclass has a ``_table`` of patterns of case names and functions; a function
    returns what differs.  What none of them matches is not replayed.
    """

    area = ""
    _table: tuple[tuple[str, Callable[..., Iterator[str]]], ...] = ()

    def __init__(self) -> None:
        self.kernel = FreeBSDRecorder()
        self.kernel.make_tree("/tmp/jr/sub", "/tmp/mt", "/etc")
        self.kernel.chdir("/tmp")
        self.differences: list[str] = []
        self.replayed: list[Case] = []
        self.left: list[Case] = []

    def run(self) -> None:
        """Go through all cases, in their order: each finds the machine as the one before left it."""
        for case in cases(self.area):
            function = next((each for pattern, each in self._table if re.match(pattern, case.case)), None)
            found = None if function is None else list(function(self, case))
            if found is None or found == [NOT_REPLAYED]:
                self.left.append(case)
                self.skipped(case)
            else:
                self.replayed.append(case)
                self.differences += [f"{case.number} {case.case}: {each}" for each in found]

    def skipped(self, case: Case) -> None:
        """Bring the machine to where the case left it."""

    def compare(self, case: Case, given: tuple[Any, str | None, str]) -> Iterator[str]:
        """Tell how an answer differs from the recorded one."""
        wanted = (case.ret, case.errno, case.errmsg or "")
        if given != wanted:
            yield f"{given} instead of {wanted} for {case.input}"


NOT_REPLAYED = "not replayed"


def same(given: Any, wanted: Any, what: str = "") -> Iterator[str]:
    """Tell how a value differs."""
    if given != wanted:
        yield f"{what} {given!r} instead of {wanted!r}".strip()


def _many(name: str, size: int) -> Any:
    """Return the addresses that were counted up from the first."""
    if name == "ip4.addr":
        return b"".join((0x0A000000 + index + 1).to_bytes(4, "big") for index in range(size // 4))
    base = 0x20010DB8 << 96
    return b"".join((base + index + 1).to_bytes(16, "big") for index in range(size // 16))
