"""The way to a daemon on another host: by TLS, runjd.toml(5)."""

from __future__ import annotations

from runjd.cli.ctl.client import Client
from runjd.cli.ctl.packages import find_packages
from runjd.errors import BadArgument, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runjd.cli.options import Given

#: the port of a daemon, where none is named
PORT = 7443
_FILES = {"cert": "client.crt", "key": "client.key", "ca": "ca.crt"}


def parse_host(text: str) -> tuple[str, int]:
    """Return host and port of ``tls:HOST:PORT``. :raise BadArgument: it is something else."""
    scheme, _, place = text.partition(":")
    if place.startswith("["):
        host, bracket, port = place[1:].partition("]")
        port = port.removeprefix(":")
        is_good = bool(bracket)
    else:
        host, _, port = place.partition(":")
        is_good = ":" not in port
    port = port or str(PORT)
    if scheme != "tls" or not host or not is_good or not _is_port(port):
        raise BadArgument(f'a host is written as tls:HOST:PORT, or tls:[ADDRESS]:PORT, not "{text}"')
    return host, int(port)


def connect_remote(text: str, given: Given, environment: Mapping[str, str]) -> Client:
    """
    Connect to the daemon of another host.

    :param text: ``tls:HOST:PORT``.
    :raise RunjdError: naming what was wrong, and what can be done.
    """
    host, port = parse_host(text)
    directory = f"{environment.get('XDG_CONFIG_HOME') or environment.get('HOME', '') + '/.config'}/runjd"
    papers = [given.value(option) or f"{directory}/{name}" for option, name in _FILES.items()]
    find_packages()
    try:
        from runjd.access.dialing import Papers, dial
    except ImportError as error:
        from runjd.runtime.packages import missing

        raise Unsupported("", missing("--host", error)) from None
    way = dial(host, port, Papers(*papers))
    try:
        return Client(way.socket, text, way.trouble)
    except BaseException:
        way.socket.close()
        raise


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536
