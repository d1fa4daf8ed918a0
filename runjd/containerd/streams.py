"""
Where containerd wants the standard streams of a process: what its URIs mean. Pure.

Without a scheme, or with ``fifo``, it is the path of a FIFO that a client made.  ``file`` is a file to append to,
``binary`` a program that reads; standard output says which, and standard error goes the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from runjd.container.clientio import LOGGED, OURS
from runjd.errors import BadArgument
from runjd.values import Value

FIFO, FILE, BINARY = "fifo", "file", "binary"


class Streams(Value):
    """
    The streams of one process, as containerd named them.

    :ivar stdin: a FIFO; empty where there is none, as with all of them.
    :ivar terminal: it has a pty, and no standard error.
    """

    stdin: str = ""
    stdout: str = ""
    stderr: str = ""
    terminal: bool = False

    @property
    def kind(self) -> str:
        """:data:`FIFO`, :data:`FILE` or :data:`BINARY`. :raise BadArgument: another scheme."""
        scheme = _scheme(self.stdout)
        if scheme not in (FIFO, FILE, BINARY):
            raise BadArgument(f"unknown STDIO scheme {scheme}")
        return scheme

    @property
    def input(self) -> str:
        """The path of the FIFO that its standard input comes from; empty without."""
        return path_of(self.stdin)

    @property
    def outputs(self) -> dict[int, str]:
        """The path of the FIFO or file of each output that has one; of a program none."""
        if self.kind == BINARY:
            return {}
        found = {1: path_of(self.stdout)} if self.stdout else {}
        if self.stderr and not self.terminal:
            found[2] = path_of(self.stderr)
        if self.kind == FILE and not self.terminal:
            found[2] = found[1]
        return found


def path_of(uri: str) -> str:
    """Return the path that a URI, or a path, names. :raise BadArgument: the URI cannot be read."""
    if "://" not in uri:
        return uri
    return _path(_parts(uri))


def for_keeper(streams: Streams, namespace: str, id: str) -> dict[str, object]:
    """
    Return what the keeper is told of the streams of a process; see :func:`runjd.keeper.messages.ask_create`.

    :raise BadArgument: it cannot be.
    """
    told: dict[str, object] = {"in": streams.input}
    if streams.kind == BINARY:
        argv, environment = program(streams.stdout, namespace, id)
        return told | {"out": LOGGED, "err": LOGGED, "argv": argv, "env": environment}
    if streams.terminal:
        return told | ({"out": path_of(streams.stdout)} if streams.kind == FIFO else {})
    if streams.kind == FILE:
        return told | {"out": OURS, "err": OURS}
    return told | {"out": path_of(streams.stdout), "err": path_of(streams.stderr)}


def program(uri: str, namespace: str, id: str) -> tuple[list[str], Mapping[str, str]]:
    """
    Return argv and environment of the program that a ``binary`` URI names.

    :raise BadArgument: it names none.
    """
    parts = _parts(uri)
    path = _path(parts)
    if not path.startswith("/"):
        raise BadArgument(f'the program that logs must be an absolute path, not "{path}"')
    argv = [path]
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        argv += [name, value] if value else [name]
    return argv, {"CONTAINER_ID": id, "CONTAINER_NAMESPACE": namespace}


def _parts(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError as error:
        raise BadArgument(f"{uri} is no URI: {error}") from None


def _path(parts: SplitResult) -> str:
    path = unquote(parts.path)
    if "\0" in path:
        raise BadArgument(f"no path has a NUL, as {path!r}")
    return path


def _scheme(uri: str) -> str:
    return uri.partition("://")[0] if "://" in uri else FIFO
