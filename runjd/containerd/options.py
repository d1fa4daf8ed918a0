"""
What a client asks of the runtime beside the bundle: the options of Create.

A client that takes the runtime for runc's sends runc's own options. One that does not know it, as containerd's CRI
plugin with every other runtime_type, sends TOML: since containerd 1.7 what its own configuration has for the runtime,
and before only the path of a file.
"""

from __future__ import annotations

import os
import stat
import tomllib

from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError

from runjd.container.bundle import read_all
from runjd.container.failure import words
from runjd.containerd.proto import task_pb2 as pb
from runjd.errors import BadArgument
from runjd.values import Value

_RUNC = "containerd.runc.v1.Options"
_OTHERS = ("runtimeoptions.v1.Options", "cri.runtimeoptions.v1.Options")
#: as containerd's own code reads it, its letters may be of either case
_SCOPES = "SystemdCgroup"
_SOURCE = "the options of the runtime"
_LIMIT = 1 << 20


class Options(Value):
    """
    What is asked for.

    :ivar scopes: systemd is to make the control groups, as scopes.
    :ivar file: path of a file that may say so, too, see :func:`read_file`; empty for none.
    """

    scopes: bool = False
    file: str = ""


def read_options(options: Any) -> Options:
    """
    Return what the options of a Create say; those of a kind that is not known say nothing. Pure.

    :raise BadArgument: they cannot be read.
    """
    kind = options.type_url.rpartition("/")[2]
    try:
        if kind == _RUNC:
            return Options(pb.RuncOptions.FromString(options.value).systemd_cgroup)
        if kind in _OTHERS:
            found = pb.RuntimeOptions.FromString(options.value)
            return Options(_wants_scopes(found.config_body, _SOURCE), found.config_path)
    except DecodeError as error:
        raise BadArgument(f"{_SOURCE} cannot be read: {error}") from None
    return Options()


def read_file(path: str) -> bool:
    """
    Return whether a file says that systemd is to make the control groups; slow.

    :raise BadArgument: it cannot be read.
    """
    if not os.path.isabs(path):
        raise BadArgument(f'{_SOURCE} name the file "{path}"; expected an absolute path')
    try:
        # non-blocking, as it may be a FIFO
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise BadArgument(f"{path}, which {_SOURCE} name, is not a regular file")
            text = read_all(fd, _LIMIT + 1)
        finally:
            os.close(fd)
    except ValueError:
        raise BadArgument(f"{path!r}, which {_SOURCE} name, is no path of a file") from None
    except OSError as error:
        raise BadArgument(f"{path}, which {_SOURCE} name: {words(error.errno or 0)}") from None
    if len(text) > _LIMIT:
        raise BadArgument(f"{path}, which {_SOURCE} name, is larger than {_LIMIT} bytes")
    return _wants_scopes(text, path)


def _wants_scopes(text: bytes, source: str) -> bool:
    try:
        found = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise BadArgument(f"{source} cannot be read as TOML: {error}") from None
    for name, value in found.items():
        if name.lower() == _SCOPES.lower():
            if not isinstance(value, bool):
                raise BadArgument(f"{source}: {name} is neither true nor false")
            return value
    return False
