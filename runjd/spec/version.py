"""
Versions of the specification, and which of them runjd understands.

The rule ("Specification version" in config.md): a configuration of version 1.n
is compatible with every runtime that supports 1.n or later, and with no earlier
one.  So everything from 1.0 to :data:`VERSION` is read, its pre-releases and
builds too, and a later minor version is refused: it may ask for something that
would be ignored here without a word.
"""

from __future__ import annotations

#: the version whose properties :mod:`runjd.spec.model` has
VERSION = "1.3.0"
#: the oldest version that is read
OLDEST = "1.0.0"

_MAJOR, _NEWEST_MINOR = 1, 3
_WORD = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-")


def version_fault(text: str) -> str:
    """Return what is wrong with an ``ociVersion``, in words; empty where it is one that is understood."""
    numbers = parse_version(text)
    if numbers is None:
        return "expected a version in SemVer 2.0.0 form, as 1.2.0 or 1.3.0-rc.1"
    if numbers[0] != _MAJOR:
        return f"expected major version {_MAJOR} of the specification"
    if numbers[1] > _NEWEST_MINOR:
        return f"expected a version from 1.0 to 1.{_NEWEST_MINOR}, which is all this runjd knows"
    return ""


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Return major, minor and patch of a version in SemVer 2.0.0 form; None where it has not that form."""
    rest, plus, build = text.partition("+")
    core, dash, pre = rest.partition("-")
    if plus and not _are_words(build):
        return None
    if dash and not (_are_words(pre) and _have_no_leading_zero(pre)):
        return None
    parts = core.split(".")
    if len(parts) != 3 or not all(_is_number(part) for part in parts):
        return None
    return int(parts[0]), int(parts[1]), int(parts[2])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9 and (text == "0" or text[0] != "0")


def _are_words(text: str) -> bool:
    return all(word and _WORD.issuperset(word) for word in text.split("."))


def _have_no_leading_zero(text: str) -> bool:
    return not any(word.isdigit() and len(word) > 1 and word[0] == "0" for word in text.split("."))
