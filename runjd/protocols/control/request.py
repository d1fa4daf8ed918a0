"""One request of the control protocol: ``[TAG SP] VERB (SP argument)*``."""

from __future__ import annotations

from runjd.errors import BadArgument, SyntaxFault, TooLong
from runjd.protocols.control.lines import MAX_LINE
from runjd.protocols.control.tokens import format_value, format_word, is_key, parse_arguments
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TAG = 9


class Request(Value):
    """
    What a client asks.

    ``tag`` is empty for an untagged request; ``verb`` is in upper case; ``words``
    are the arguments that are no options, those behind ``--`` included.
    """

    tag: str
    verb: str
    words: tuple[str, ...] = ()
    options: Mapping[str, str] = {}


def is_blank(line: str) -> bool:
    """Return whether the line asks nothing: it is empty or a comment."""
    return line[:1] == "#" or not line.strip(" ")


def split_tag(line: str) -> tuple[str, str]:
    """
    Return the tag and what follows.

    The tag is empty for an untagged line, and ``?`` where the line starts with a
    number that cannot be one; this never fails, so that an error can be answered.
    """
    line = line.lstrip(" ")
    first, _, rest = line.partition(" ")
    if not (first.isascii() and first.isdigit()):
        return "", line
    return (first if len(first) <= MAX_TAG else "?"), rest.lstrip(" ")


def parse_request(line: str) -> Request:
    """
    Return what the line asks; the line is not blank (:func:`is_blank`).

    :raise SyntaxFault: it cannot be read.
    :raise BadArgument: a key is given twice.
    """
    tag, rest = split_tag(line)
    if tag == "?":
        raise SyntaxFault(f"a tag has 1 to {MAX_TAG} digits")
    verb, _, arguments = rest.partition(" ")
    if not is_verb(verb):
        raise SyntaxFault("a verb is expected: letters and -, not quoted")
    if not arguments:
        return Request(tag, verb.upper(), (), {})
    words, options = parse_arguments(arguments)
    return Request(tag, verb.upper(), words, options)


def format_request(request: Request) -> bytes:
    """
    Return the line that asks it.

    :raise BadArgument: it holds what no line can hold.
    :raise TooLong: the line would be too long.
    """
    parts = [request.tag] if request.tag else []
    parts.append(request.verb.lower())
    parts.extend(format_word(word) for word in request.words)
    for key, value in request.options.items():
        if not is_key(key):
            raise BadArgument(f'"{key}" cannot be the name of an option', arg=key)
        parts.append(f"{key}={format_value(value)}")
    line = (" ".join(parts) + "\n").encode()
    if b"\\x00" in line and any("\0" in text for text in (*request.words, *request.options.values())):
        raise BadArgument("an argument holds a NUL character")
    if len(line) > MAX_LINE:
        raise TooLong(f"the request would have {len(line)} bytes, more than {MAX_LINE}")
    return line


def is_verb(text: str) -> bool:
    """Return whether the text could be a verb."""
    return text.isascii() and text.replace("-", "").isalpha() and text[0] != "-"
