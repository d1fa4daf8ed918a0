"""
The option ``rule=`` of a devfs mount: what devfs(8) takes behind ``rule apply``. Pure.

``path PATTERN`` says which devices, ``hide``, ``unhide``, ``mode``, ``user`` and ``group``
what happens to them.  Users and groups are numbers: names are the jail's.
"""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.runtime.freebsd.steps import ApplyDeviceRule
from runjd.spec.quote import quoted

#: bytes with the NUL, devfs_rule.dr_pathptrn
_PATTERN_MAX = 200


def parse_rule(text: str, destination: str, path: str) -> ApplyDeviceRule:
    """
    Return the step that applies one rule.

    :param destination: of the devfs in the jail.
    :param path: JSON path of the option.
    :raise SpecError: it is no rule, or does nothing.
    """
    words = text.split()
    if len(words) < 3 or words[0] != "path":
        raise SpecError(path, f'found {quoted(text)}, expected a rule as "path zvol/* unhide mode 0660"')
    step = ApplyDeviceRule(destination, words[1], path=path)
    if len(words[1].encode("utf-8", "surrogateescape")) >= _PATTERN_MAX:
        raise SpecError(path, f"the pattern is longer than {_PATTERN_MAX - 1} bytes")
    rest = iter(words[2:])
    for word in rest:
        if word in ("hide", "unhide"):
            step = step._replace(visible=word == "unhide")
        elif word == "mode":
            step = step._replace(mode=_number(word, next(rest, ""), path))
        elif word == "user":
            step = step._replace(user=_number(word, next(rest, ""), path))
        elif word == "group":
            step = step._replace(group=_number(word, next(rest, ""), path))
        else:
            raise SpecError(path, f"{quoted(word)} is none of hide, unhide, mode, user, group")
    return step


def _number(word: str, text: str, path: str) -> int:
    base, high = (8, 0o7777) if word == "mode" else (10, 2**32 - 2)
    digits = "01234567" if base == 8 else "0123456789"
    if not text or not set(text) <= set(digits) or len(text) > 11 or int(text, base) > high:
        expected = "an octal mode, as 0660" if base == 8 else "a number"
        raise SpecError(path, f"{word}: found {quoted(text)}, expected {expected}")
    return int(text, base)
