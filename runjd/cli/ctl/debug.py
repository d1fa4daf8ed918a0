"""The verb that writes an archive for a report of a fault: debug dump."""

from __future__ import annotations

import os
import sys
import time

from runjd import __version__
from runjd.errors import InputOutput
from runjd.protocols.control.reply import Record, Text
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from runjd.cli.ctl.call import Call


def dump(call: Call) -> int:
    """Write the archive, which nobody else can read."""
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = call.given.argument("FILE", f"runjd-dump-{at}.tar.gz")
    parts = _parts(call)
    first = next(parts)  # before the file is made: the daemon may refuse
    fd = _create(path)
    try:
        with os.fdopen(fd, "wb") as file:
            _write(file, f"runjd-dump-{at}", first, parts)
    except BaseException:
        os.unlink(path)
        raise
    if call.is_json:
        call.put_json({"file": path})
    else:
        call.out.line(path)
        call.notice("it has no environment, no words of commands and no output of jails; read it before you send it")
    return 0


def _parts(call: Call) -> Iterator[tuple[str, bytes]]:
    """Yield what the daemon tells, part by part, and what we are."""
    name, text = "", bytearray()
    for line in call.client().follow(Request("", "DUMP")):
        if isinstance(line, Text):
            text += line.data if line.more else line.data + b"\n"
            continue
        if name:
            yield name, bytes(text)
        if isinstance(line, Record):
            name, text = line.fields.get("part", "other"), bytearray()
    yield "runjctl", f"runjctl {__version__}\npython {sys.version}\nsystem {' '.join(os.uname())}\n".encode()


def _write(file: BinaryIO, directory: str, first: tuple[str, bytes], parts: Iterator[tuple[str, bytes]]) -> None:
    import tarfile
    from io import BytesIO
    from itertools import chain

    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, text in chain((first,), parts):
            member = tarfile.TarInfo(f"{directory}/{name.replace('/', '_')}.txt")
            member.size, member.mode, member.mtime = len(text), 0o600, int(time.time())
            archive.addfile(member, BytesIO(text))


def _create(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise InputOutput(f"{path} is there already; name another file") from None
    except OSError as error:
        raise InputOutput(f"{path}: {os.strerror(error.errno or 0).lower()}") from None
