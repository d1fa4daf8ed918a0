"""``runj update``."""

from __future__ import annotations

import os
import sys

from runjd.cli.oci.table import LIMITS
from runjd.container.bundle import read_all
from runjd.container.failure import Step
from runjd.errors import BadArgument
from runjd.spec.jsontext import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.oci.call import Call
    from runjd.cli.options import Given

_LIMIT = 16 << 20
_STANDARD_INPUT = "standard input"
#: option -> object and property of linux.resources
_PROPERTIES = {
    "memory": ("memory", "limit"),
    "memory-reservation": ("memory", "reservation"),
    "memory-swap": ("memory", "swap"),
    "cpu-share": ("cpu", "shares"),
    "cpu-quota": ("cpu", "quota"),
    "cpu-period": ("cpu", "period"),
    "cpu-burst": ("cpu", "burst"),
    "cpu-rt-runtime": ("cpu", "realtimeRuntime"),
    "cpu-rt-period": ("cpu", "realtimePeriod"),
    "cpu-idle": ("cpu", "idle"),
    "cpuset-cpus": ("cpu", "cpus"),
    "cpuset-mems": ("cpu", "mems"),
    "blkio-weight": ("blockIO", "weight"),
    "pids-limit": ("pids", "limit"),
}
_UNITS = "bkmgt"


def update(call: Call) -> int:
    """Change the limits of a container."""
    given = call.given
    source = ""
    if given.flag("resources"):
        for name, _, _ in LIMITS:
            if given.flag(name):
                raise BadArgument(f"--{name} stands beside --resources; put it into the file instead")
        source, changes = _read(given.value("resources"))
    else:
        changes = from_options(given)
        if not changes:
            raise BadArgument("nothing is to be changed: give an option, or a file by --resources")
    call.operations().update(call.id, changes, source)
    call.log.debug(f"updated {call.id}")
    return 0


def from_options(given: Given) -> dict[str, object]:
    """
    Return what the options say, as JSON values of ``linux.resources``. Pure.

    :raise BadArgument: naming the option that is no number.
    """
    made: dict[str, dict[str, object]] = {}
    for name, _, kind in LIMITS:
        if given.flag(name):
            text = given.value(name)
            object_name, property_name = _PROPERTIES[name]
            value: object = text if kind == "LIST" else _number(name, text, kind == "SIZE")
            made.setdefault(object_name, {})[property_name] = value
    return dict(made)


def _number(name: str, text: str, is_size: bool) -> int:
    digits, factor = text, 1
    if is_size:
        # as runc takes them: 512m, 512M, 512mb, 512MiB
        digits = text.lower().removesuffix("ib") if text.lower().endswith("ib") else text.lower()
        if digits[-2:-1].isalpha():
            digits = digits.removesuffix("b")
        if digits[-1:] in _UNITS and digits[-1:]:
            factor = 1 << 10 * _UNITS.index(digits[-1])
            digits = digits[:-1]
    plain = digits.removeprefix("-")
    if not (plain.isascii() and plain.isdigit() and len(plain) < 20):
        raise BadArgument(f"--{name} {text} is no number" + (", as 512m" if is_size else ""))
    return int(digits) * factor


def _read(file: str) -> tuple[str, dict[str, object]]:
    """Return the name of the file for errors, and the object in it."""
    if file == "-":
        file, fd = _STANDARD_INPUT, os.dup(sys.__stdin__.fileno() if sys.__stdin__ else 0)
    else:
        with Step(f"read the limits from {file}"):
            # non-blocking, as it may be a FIFO, from which there may be nothing to read
            fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            os.set_blocking(fd, True)
    try:
        with Step(f"read the limits from {file}"):
            document = read_all(fd, _LIMIT)
    finally:
        os.close(fd)
    found = read_json(document, file)
    if not isinstance(found, dict):
        raise BadArgument(f'{file} holds no object with limits, as {{"pids": {{"limit": 100}}}}')
    return file, found
