"""Where else the output of a jail goes, by its rule; what only few rules ask for is loaded with the first of them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred

from runjd.errors import BadArgument
from runjd.logs.contract import LogFile
from runjd.logs.formats.contract import Encoding
from runjd.logs.formats.table import FORMATS
from runjd.policy.settings import LogRule

Refused = Callable[[str, OSError | None], None]


class Outlets:
    """
    Makes outlets.

    :param in_thread: calls a function beside the reactor.
    """

    def __init__(self, reactor: Any, in_thread: Callable[..., Deferred[Any]]) -> None:
        self._reactor = reactor
        self._in_thread = in_thread

    def __call__(self, jail: str, rule: LogRule, refused: Refused) -> list[tuple[Encoding, LogRule, LogFile]]:
        """Return the outlets of a jail: how records are made, by which rule, and what takes them."""
        made: list[tuple[Encoding, LogRule, LogFile]] = []
        if rule.syslog:
            from runjd.logs.formats.syslog import SyslogEncoding

            kind, host, port = read_address(rule.syslog)
            encoding = SyslogEncoding(jail, os.uname().nodename, is_counted=kind == "tcp")
            cut = rule._replace(line_limit=encoding.text_limit(rule.line_limit))
            made.append((encoding, cut, self._syslog(kind, host, port, f"syslog {rule.syslog}", refused)))
        if rule.program:
            from runjd.protocols.outlets.program import ProgramOutlet

            made.append((FORMATS[rule.format], rule, ProgramOutlet(self._reactor, rule.program, jail, refused)))
        return made

    def _syslog(self, kind: str, host: str, port: int, name: str, refused: Refused) -> LogFile:
        if kind == "tcp":
            # the endpoints of Twisted are a third of a megabyte
            from runjd.protocols.outlets.tcp import TcpOutlet

            return TcpOutlet(self._reactor, host, port, name, refused)
        from runjd.protocols.outlets.datagram import DatagramOutlet

        if kind == "unix":
            return DatagramOutlet(self._reactor, lambda: maybeDeferred(_connect_unix, host), False, name, refused)
        return DatagramOutlet(self._reactor, lambda: self._in_thread(_connect_udp, host, port), True, name, refused)


def read_address(text: str) -> tuple[str, str, int]:
    """
    Return kind, path or host, and port of a syslog address.

    :raise BadArgument: it is none.
    """
    kind, _, rest = text.partition(":")
    if kind == "unix" and rest.startswith("/"):
        return kind, rest, 0
    host, _, port = rest.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if kind in ("udp", "tcp") and host and port.isascii() and port.isdigit() and 0 < int(port) < 65_536:
        return kind, host, int(port)
    raise BadArgument(f'"{text}" is no address of syslog; it is unix:/PATH, udp:HOST:PORT or tcp:HOST:PORT')


def _connect_unix(path: str) -> socket.socket:
    return _connected(socket.AF_UNIX, path)


def _connect_udp(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    return _connected(family, address)


def _connected(family: int, address: Any) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made
