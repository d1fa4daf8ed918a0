"""Showing a string that came from outside."""

from __future__ import annotations

_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quoted(text: str, limit: int = 60) -> str:
    """
    Return the text as a JSON string, cut to the limit.

    Nothing is in it that a terminal obeys or that nobody sees: controls,
    invisible characters, half surrogate pairs.
    """
    safe = "".join([each if each.isprintable() and each not in '"\\' else _escaped(each) for each in text[:limit]])
    return f'"{safe}..."' if len(text) > limit else f'"{safe}"'


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return _SHORT.get(character) or f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
