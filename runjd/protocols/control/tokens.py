r"""
The one tokenizer of the control protocol: words, quoted strings and ``key=value``.

A bare word is taken literally and has no space, TAB or ``"``.  In a quoted
string ``\\ \" \n \t \xHH`` are escapes; ``\xHH`` is a byte, so any argument a
program can have can be written.  Bytes that are not UTF-8 are kept as Python's
surrogate escapes: :func:`os.fsencode` gives them back.
"""

from __future__ import annotations

from runjd.errors import BadArgument, SyntaxFault
from runjd.protocols.control.escapes import Escapes, unhex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_KEY_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz")
_KEY_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_.-"
_ESCAPES = {"\\": b"\\", '"': b'"', "n": b"\n", "t": b"\t"}


def is_key(text: str) -> bool:
    """Return whether the text can stand before ``=``: ``[a-z][a-z0-9_.-]*``."""
    return text[:1] in _KEY_FIRST and not text.strip(_KEY_CHARACTERS)


def parse_arguments(text: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """
    Return the words and the options of the part of a line behind the verb.

    Behind a bare ``--`` everything is a word.  A quoted token is never an option.

    :raise SyntaxFault: an open quote, an unknown escape, a quote inside a word.
    :raise BadArgument: the same key twice.
    """
    words: list[str] = []
    options: dict[str, str] = {}
    literal = False
    position, length = 0, len(text)
    while position < length:
        start = text[position]
        if start == " ":
            position += 1
        elif start == '"':
            word, position = _quoted(text, position)
            words.append(word)
        else:
            key, value, position = _bare(text, position, literal)
            if key:
                if key in options:
                    raise BadArgument(f"the key {key} is given twice", arg=key)
                options[key] = value
            elif value == "--" and not literal:
                literal = True
            else:
                words.append(value)
    return tuple(words), options


def format_word(word: str) -> str:
    """Return the word so that :func:`parse_arguments` reads it as exactly this word."""
    if _is_plain(word) and word != "--" and not ("=" in word and is_key(word.partition("=")[0])):
        return word
    return _quote(word)


def format_value(value: str) -> str:
    """Return the value as it can stand behind ``key=``."""
    return value if _is_plain(value) else _quote(value)


def format_fields(fields: Iterable[tuple[str, str]]) -> str:
    """Return ``key=value ...``."""
    return " ".join([f"{key}={value if _is_plain(value) else _quote(value)}" for key, value in fields])


def _bare(text: str, position: int, literal: bool) -> tuple[str, str, int]:
    """Return key (empty for a word), value, and where the token that starts without a quote ends."""
    end = text.find(" ", position)
    if end < 0:
        end = len(text)
    quote = text.find('"', position, end)
    if quote >= 0:
        key = text[position : quote - 1]
        if literal or text[quote - 1] != "=" or not is_key(key):
            raise SyntaxFault('a " stands inside a word; quote the whole word')
        return key, *_quoted(text, quote)
    if text.find("\t", position, end) >= 0:
        raise SyntaxFault("a TAB stands outside quotes; spaces separate arguments")
    equals = -1 if literal else text.find("=", position, end)
    if equals >= 0 and is_key(text[position:equals]):
        return text[position:equals], text[equals + 1 : end], end
    return "", text[position:end], end


def _is_plain(text: str) -> bool:
    # isprintable: no control, no format, no surrogate character and of all spaces only U+0020
    return bool(text) and text.isprintable() and " " not in text and '"' not in text


def _quote(text: str) -> str:
    return f'"{text.translate(_ESCAPED)}"'


def _quoted(text: str, start: int) -> tuple[str, int]:
    """Return the string whose opening quote is at ``start``, and the position behind the closing one."""
    end = text.find('"', start + 1)
    if end < 0:
        raise SyntaxFault("a quoted string is not closed")
    value = text[start + 1 : end]
    if "\\" in value:
        value, end = _unescaped(text, start + 1)
    if end + 1 < len(text) and text[end + 1] != " ":
        raise SyntaxFault("something stands right behind a closing quote")
    return value, end + 1


def _unescaped(text: str, position: int) -> tuple[str, int]:
    """Return the string that starts at ``position``, and where its closing quote is."""
    pieces: list[bytes] = []
    while True:
        quote = text.find('"', position)
        if quote < 0:
            raise SyntaxFault("a quoted string is not closed")
        slash = text.find("\\", position, quote)
        if slash < 0:
            pieces.append(text[position:quote].encode("utf-8", "surrogateescape"))
            return b"".join(pieces).decode("utf-8", "surrogateescape"), quote
        pieces.append(text[position:slash].encode("utf-8", "surrogateescape"))
        letter = text[slash + 1]
        if letter == "x":
            byte = unhex(text[slash + 2 : slash + 4])
            if not byte:
                raise SyntaxFault("a quoted string holds \\x00, or \\x without two hexadecimal digits")
            pieces.append(bytes((byte,)))
            position = slash + 4
        elif letter in _ESCAPES:
            pieces.append(_ESCAPES[letter])
            position = slash + 2
        else:
            raise SyntaxFault('an unknown escape; there are \\\\ \\" \\n \\t \\xHH')


_ESCAPED = Escapes({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})
