"""
Where to listen, as one text in the manner of Twisted: ``unix:PATH`` or ``tcp:PORT``, and what else is to be said.

A TCP port is that of the loopback interface, unless another one is named: what is offered to a
network has to be asked for.
"""

from __future__ import annotations

from runjd.config.kinds import Kind
from runjd.spec.addresses import packed
from runjd.values import Value

LOOPBACK = "127.0.0.1"
#: bytes of the path of a Unix socket, on FreeBSD, whose limit is the smaller one
_MAX_PATH = 103


class Endpoint(Value):
    """
    Where to listen.

    :ivar path: of a Unix socket; empty: TCP.
    :ivar mode: of the Unix socket.
    :ivar port: of TCP; 0: any that is free.
    :ivar interface: the address of the host that TCP listens at.
    """

    path: str = ""
    mode: int = 0o600
    port: int = 0
    interface: str = LOOPBACK

    def __str__(self) -> str:
        """Return it as it stands in a configuration."""
        if self.path:
            return f"unix:{_escaped(self.path)}:mode={self.mode:03o}"
        return f"tcp:{self.port}:interface={_escaped(self.interface)}"


def endpoint_of(text: str) -> Endpoint:
    r"""
    Return where to listen; a ``:`` that belongs to a value is written as ``\:``.

    :raise ValueError: it makes no sense; the text says why.
    """
    kind, *words = _split(text)
    if kind not in ("unix", "tcp") or not words or not words[0]:
        raise ValueError("there is unix:PATH and tcp:PORT")
    options = {}
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if not equals or key in options or key not in ({"mode"} if kind == "unix" else {"interface"}):
            raise ValueError(f'"{word}" is not {"mode=660" if kind == "unix" else "interface=ADDRESS"}')
        options[key] = value
    return _unix(words[0], options) if kind == "unix" else _tcp(words[0], options)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")


def _split(text: str) -> list[str]:
    words, escaped = [""], False
    for character in text:
        if escaped or character not in "\\:":
            words[-1] += character
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            words.append("")
    return words


def _unix(path: str, options: dict[str, str]) -> Endpoint:
    if not path.startswith("/") or "\0" in path or len(path.encode("utf-8", "surrogateescape")) > _MAX_PATH:
        raise ValueError(f"the path of a socket is absolute, and at most {_MAX_PATH} bytes long")
    mode = options.get("mode", "600")
    if not 3 <= len(mode) <= 4 or mode.strip("01234567") or int(mode, 8) > 0o777:
        raise ValueError("a mode is three octal digits, as 660")
    return Endpoint(path=path, mode=int(mode, 8))


def _tcp(port: str, options: dict[str, str]) -> Endpoint:
    if not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65535:
        raise ValueError("a port is a number up to 65535")
    interface = options.get("interface", LOOPBACK)
    try:
        packed(interface)
    except (OSError, ValueError):
        raise ValueError("an interface is named by its address, as 192.0.2.1, 0.0.0.0 or \\:\\:1") from None
    return Endpoint(port=int(port), interface=interface)


def _read(value: object) -> object:
    if isinstance(value, str):
        return endpoint_of(value)
    raise ValueError


ENDPOINT = Kind('where to listen, as "unix:/var/run/runjd/metrics" or "tcp:9633"', _read)
