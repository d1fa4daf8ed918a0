"""
Signals by name and number, as this system numbers them.

``_signal`` and not ``signal``, whose enumerations cost every start of ``runj``
more than a millisecond.
"""

from __future__ import annotations

from runjd.errors import BadArgument
from runjd.spec.quote import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Mapping
else:
    import _signal

#: names that POSIX or habit prefer, where two share a number
_PREFERRED = frozenset(["SIGABRT", "SIGCHLD", "SIGIO"])
_tables: list[tuple[Mapping[str, int], Mapping[int, str]]] = []


def signal_number(text: str) -> int:
    """
    Return the number of a signal given by number or name.

    :param text: ``15``, ``TERM``, ``SIGTERM`` in any case, ``RTMIN+3``, ``RTMAX-1``.
    :raise BadArgument: there is no such signal; the message names the nearest.
    """
    word = text.strip().upper()
    if word.isascii() and word.isdigit():
        number = int(word) if len(word) < 6 else 0
        if not 1 <= number < _signal.NSIG:
            raise BadArgument(f"no signal {quoted(text)}: signals are numbered from 1 to {_signal.NSIG - 1}")
        return number
    name = word if word.startswith("SIG") else "SIG" + word
    numbers, _ = _get_tables()
    known = numbers.get(name)
    if known is None:
        known = _real_time(name)
    if known is None:
        raise BadArgument(f"no signal {quoted(text)}{_hint(name, numbers)}")
    return known


def signal_name(number: int) -> str:
    """Return the name of a signal, as ``SIGTERM`` or ``SIGRTMIN+3``; its number in digits where it has none."""
    _, names = _get_tables()
    known = names.get(number)
    if known is not None:
        return known
    if hasattr(_signal, "SIGRTMIN") and _signal.SIGRTMIN < number < _signal.SIGRTMAX:
        return f"SIGRTMIN+{number - _signal.SIGRTMIN}"
    return str(number)


def _get_tables() -> tuple[Mapping[str, int], Mapping[int, str]]:
    if not _tables:
        numbers = {
            name: int(number)
            for name, number in vars(_signal).items()
            if name.startswith("SIG") and not name.startswith("SIG_")
        }
        names: dict[int, str] = {}
        for name, number in sorted(numbers.items()):
            if number not in names or name in _PREFERRED:
                names[number] = name
        _tables.append((numbers, names))
    return _tables[0]


def _real_time(name: str) -> int | None:
    """Return the number of ``SIGRTMIN+n`` or ``SIGRTMAX-n``; None where it is no real-time signal."""
    if not hasattr(_signal, "SIGRTMIN"):
        return None
    start, sign, digits = (name[:8], name[8:9], name[9:])
    if not (digits.isascii() and digits.isdigit() and len(digits) < 4):
        return None
    if (start, sign) == ("SIGRTMIN", "+"):
        number = _signal.SIGRTMIN + int(digits)
    elif (start, sign) == ("SIGRTMAX", "-"):
        number = _signal.SIGRTMAX - int(digits)
    else:
        return None
    return number if _signal.SIGRTMIN <= number <= _signal.SIGRTMAX else None


def _hint(name: str, numbers: Mapping[str, int]) -> str:
    from difflib import get_close_matches  # only for those who mistype

    near = get_close_matches(name[3:20], [each[3:] for each in numbers], n=1)
    return f"; did you mean SIG{near[0]}?" if near else "; expected a number or a name as TERM, SIGKILL, RTMIN+3"
