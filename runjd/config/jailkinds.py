"""
The kinds of values that only a jail has: probes, users, networks, mounts.

Some give several fields of a value at once, as a dict.
"""

from __future__ import annotations

import re

from runjd.config.kinds import Kind, choice, command_of, signal_of, texts_of
from runjd.config.zstd import zstd
from runjd.errors import BadArgument
from runjd.policy.settings import COMPRESSIONS
from runjd.spec.addresses import address_fault
from runjd.spec.ids import check_id
from runjd.spec.quote import quoted
from runjd.spec.reader import ID_MAX, found

_USER = re.compile(r"(\d{1,10})(?::(\d{1,10}))?", re.ASCII)
_URL = re.compile(r"http://(\[[0-9A-Fa-f:.]+\]|[^/:\[\]\s?#@]+)(?::(\d{1,5}))?(/\S*)?")
_SYSLOG = re.compile(r"unix:/.+|(?:udp|tcp):(?:\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]+):(\d{1,5})", re.ASCII)
_HOSTNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OPTIONS = re.compile(r"[A-Za-z0-9_=.,/+-]+")


def split_mount(text: str) -> tuple[str, str, tuple[str, ...]]:
    """
    Return source, target and options of ``SOURCE:TARGET:OPTIONS``.

    :raise ValueError: it is not that; with a hint.
    """
    source, *others = text.split(":")
    if not 1 <= len(others) <= 2 or "\0" in text:
        raise ValueError(f"{quoted(text)} is not SOURCE:TARGET or SOURCE:TARGET:OPTIONS")
    target, options = others[0], others[1] if len(others) == 2 else ""
    if source != "tmpfs" and not source.startswith("/"):
        raise ValueError(f"the source {quoted(source)} is neither an absolute path nor tmpfs")
    if not target.startswith("/") or target == "/" or ".." in target.split("/"):
        raise ValueError(f"the target {quoted(target)} is no absolute path below the root")
    if options and not _OPTIONS.fullmatch(options):
        raise ValueError(f"the options {quoted(options)} are no words with commas between")
    return source, target, tuple([each for each in options.split(",") if each])


def _successes(value: object) -> object:
    """Return exit statuses and signals, apart from each other; 0 is always among them."""
    if not isinstance(value, list):
        raise ValueError
    statuses = {0}
    signals = set()
    for each in value:
        if isinstance(each, str):
            signals.add(signal_of(each))
        elif type(each) is int and 0 <= each <= 255:
            statuses.add(each)
        else:
            raise ValueError
    return {"success_statuses": tuple(sorted(statuses)), "success_signals": tuple(sorted(signals))}


def _user(value: object) -> object:
    match = _USER.fullmatch(str(value)) if type(value) is int or isinstance(value, str) else None
    if match is None:
        raise ValueError
    uid = int(match[1])
    gid = uid if match[2] is None else int(match[2])
    if max(uid, gid) > ID_MAX:
        raise ValueError
    return uid, gid


def _environment(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError
    for name, text in value.items():
        if not name or "=" in name or "\0" in name:
            raise ValueError(f"{quoted(name)} is no name of a variable")
        if not isinstance(text, str) or "\0" in text:
            raise ValueError(f"{quoted(name)} is {found(text)}")
    return tuple(value.items())


def _network(value: object) -> object:
    if value in ("none", "host"):
        return {"network": value, "addresses": ()}
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise ValueError
    for each in value:
        wrong = address_fault(each, 6 if ":" in each else 4)
        if wrong:
            raise ValueError(wrong)
    return {"network": "addresses", "addresses": tuple(value)}


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536:
        return int(text)
    raise ValueError


def _probe(kind: str, **fields: object) -> dict[str, object]:
    """Return all fields of a probe but its timeout, so that nothing of another kind of probe stays."""
    return {"kind": kind, "command": (), "host": "127.0.0.1", "port": 0, "path": "/"} | fields


def _probe_exec(value: object) -> object:
    return _probe("exec", command=command_of(value))


def _host(text: str) -> str:
    """Return an address that a probe can ask; it asks no name server."""
    wrong = "" if text == "localhost" else address_fault(text, 6 if ":" in text else 4)
    if wrong:
        raise ValueError(f"{wrong}; a probe asks no name server")
    return text


def _probe_tcp(value: object) -> object:
    if type(value) is int:
        return _probe("tcp", port=_port(str(value)))
    if not isinstance(value, str):
        raise ValueError
    host, _, port = value.rpartition(":")
    return _probe("tcp", host=_host(host.removeprefix("[").removesuffix("]") or "127.0.0.1"), port=_port(port))


def _probe_http(value: object) -> object:
    match = _URL.fullmatch(value) if isinstance(value, str) and len(value) < 8192 else None
    if match is None:
        raise ValueError
    host, port, path = match.groups()
    return _probe("http", host=_host(host.strip("[]")), port=_port(port or "80"), path=path or "/")


def _mounts(value: object) -> object:
    texts = texts_of(value)
    for each in texts:
        split_mount(each)
    return texts


def _names(value: object) -> object:
    names = texts_of(value)
    seen = set()
    for each in names:
        try:
            check_id(each)
        except BadArgument as error:
            raise ValueError(error.message) from None
        if each in seen:
            raise ValueError(f'"{each}" is there twice')
        seen.add(each)
    return names


def _hostname(value: object) -> object:
    if isinstance(value, str) and _HOSTNAME.fullmatch(value):
        return value
    raise ValueError


def _syslog(value: object) -> object:
    match = _SYSLOG.fullmatch(value) if isinstance(value, str) and "\0" not in value else None
    if match is not None:
        if match[1]:
            _port(match[1])
        return value
    raise ValueError


def _compression(value: object) -> object:
    found = choice(COMPRESSIONS).read(value)
    if found == "zstd":
        try:
            zstd()
        except ImportError as error:
            raise ValueError(str(error)) from None
    return found


SUCCESSES = Kind('an array of exit statuses and signals, as [3, "TERM"]', _successes)
USER = Kind('numbers as 80 or "80:80" (user and group)', _user)
ENVIRONMENT = Kind('a table of strings, as { LANG = "C.UTF-8" }', _environment)
NETWORK = Kind('"none", "host", or an array of addresses', _network)
PROBE_EXEC = Kind('an array of strings, as ["/bin/healthy"]', _probe_exec)
PROBE_TCP = Kind('a port, or "ADDRESS:PORT"', _probe_tcp)
PROBE_HTTP = Kind("a URL as http://ADDRESS:PORT/PATH", _probe_http)
MOUNTS = Kind('an array of mounts, as ["/srv/www:/www:ro", "tmpfs:/tmp"]', _mounts)
NAMES = Kind("an array of names of jails", _names)
HOSTNAME = Kind("a host name of at most 64 characters", _hostname)
SYSLOG = Kind('"unix:/dev/log", "udp:HOST:PORT" or "tcp:HOST:PORT"', _syslog)
COMPRESSION = Kind(f"one of {', '.join(COMPRESSIONS)}", _compression)
