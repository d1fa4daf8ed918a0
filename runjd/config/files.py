"""
Reading the files of a configuration: whole, bounded, and nobody else's.

Whoever can write to one has us run his program, so a file must belong to root or to
whoever runs us, and must not be writable for others.  Root in a jail makes files of root,
too; so nobody else may be able to put another in its place: the whole way to it is asked,
symbolic links followed.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import time
import tomllib

from runjd.ancestry import find_stranger, is_own_group
from runjd.config.faults import Faults

#: bytes of one file
LIMIT = 16 << 20
#: how often a file is read that somebody writes to
_TRIES = 20
#: the directory beside runjd.toml
DIRECTORY = "jails.d"

_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
#: what tomllib says of mistakes that are made often, in other words
_PLAIN = {
    "Cannot overwrite a value": "the key is there already",
    "Invalid value": "there is no value, or a string without quotes",
    "Expected newline or end of document after a statement": "something is behind the value",
}
_BOM = b"\xef\xbb\xbf"


def default_file(platform: str = sys.platform) -> str:
    """Return where the configuration lies on this system."""
    return "/usr/local/etc/runjd/runjd.toml" if platform.startswith("freebsd") else "/etc/runjd/runjd.toml"


def jail_files(file: str, faults: Faults, is_needed: bool) -> list[str]:
    """
    Return the files in jails.d beside runjd.toml, by name.

    :param faults: of the directory.
    :param is_needed: that there is no such directory is a fault; else it has no files.
    """
    directory = os.path.join(os.path.dirname(file), DIRECTORY)
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        if is_needed:
            faults.add((), "is gone, and its jails with it; if that is meant, make an empty directory")
        return []
    except OSError as error:
        _tell_unread(directory, error, faults)
        return []
    try:
        if not (_is_ours(os.fstat(fd), faults) and _is_way_ours(directory, faults)):
            return []
        names = os.listdir(fd)
    finally:
        os.close(fd)
    return [os.path.join(directory, each) for each in sorted(names) if each.endswith(".toml") and each[0] != "."]


def read_toml(path: str, settle: float = 0.0) -> tuple[dict[str, object], Faults]:
    """
    Return what a file says, and what is wrong with it; nothing where it cannot be read.

    :param settle: who writes a file in its place shows it half for a moment, and half of a text is often TOML,
        too: so one that was written to within so many seconds is read again, until it stays as it is.
    """
    faults = Faults(path)
    data = _read(path, settle, faults)
    if data is None:
        return {}, faults
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        faults.add_at(line, f"is not UTF-8: byte 0x{data[error.start]:02x} cannot stand here")
        return {}, faults
    try:
        if data.startswith(_BOM):
            faults.add_at(1, "starts with a byte order mark; save it as UTF-8 without one")
            return {}, faults
        return tomllib.loads(text), Faults(path, text)
    except RecursionError:
        faults.add((), "is no TOML: arrays and tables are nested too deeply")
    except ValueError as error:
        line, reason = _explained(error, text)
        faults.add_at(line, f"is no TOML: {reason}")
    return {}, faults


def _read(path: str, settle: float, faults: Faults) -> bytes | None:
    """Return a file's bytes; None, and a fault, where they cannot be used."""
    try:
        # a FIFO must not make us wait
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        _tell_unread(path, error, faults)
        return None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            faults.add((), "is no file")
            return None
        if not (_is_ours(found, faults) and _is_way_ours(path, faults)):
            return None
        data = _settled(fd, settle)
    except OSError as error:
        faults.add((), f"cannot be read: {error.strerror}")
        return None
    finally:
        os.close(fd)
    if data is None:
        faults.add((), "is being written all the time; try again when that is done")
    elif not data:
        faults.add((), "is empty, as after a crash of the system; remove it, or put a comment into it")
    elif len(data) > LIMIT:
        faults.add((), f"is larger than {LIMIT >> 20} MiB")
    else:
        return data
    return None


def _settled(fd: int, settle: float) -> bytes | None:
    """Return what the file holds once nobody has written to it for a while; None where that does not happen."""
    for _ in range(_TRIES):
        before = os.fstat(fd)
        age = time.time() - before.st_mtime
        if 0 <= age < settle:
            time.sleep(settle - age)
            continue
        data = b""
        while len(data) <= LIMIT and (more := os.pread(fd, LIMIT + 1, len(data))):
            data += more
        after = os.fstat(fd)
        if not settle or (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            return data
    return None


def _tell_unread(path: str, error: OSError | ValueError, faults: Faults) -> None:
    """Note why something cannot be opened: Linux follows no stranger's link either (proc_sys_fs(5))."""
    if not isinstance(error, PermissionError) or _is_way_ours(path, faults):
        faults.add((), f"cannot be read: {getattr(error, 'strerror', None) or error}")


def _is_ours(found: os.stat_result, faults: Faults) -> bool:
    """Return whether only root and we can write to it; else note who else can."""
    if found.st_uid not in (0, os.geteuid()):
        faults.add((), f"belongs to user {found.st_uid}, who could have us run anything; chown it to root")
    elif found.st_mode & stat.S_IWOTH:
        faults.add((), "can be written by everybody; chmod it to go-w")
    elif found.st_mode & stat.S_IWGRP and not is_own_group(found.st_gid):
        faults.add((), f"can be written by the group {found.st_gid}; chmod it to go-w")
    else:
        return True
    return False


def _is_way_ours(path: str, faults: Faults) -> bool:
    """Return whether only root and we can put another in its place; else note where others can."""
    stranger = find_stranger(path if path.startswith("/") else os.path.join(os.getcwd(), path))
    if not stranger:
        return True
    found = os.lstat(stranger)
    if stat.S_ISLNK(found.st_mode):
        reason = f"the link {stranger}, which user {found.st_uid} made; make it anew as root"
    elif found.st_uid not in (0, os.geteuid()):
        reason = f"{stranger}, which belongs to user {found.st_uid}; chown it to root"
    else:
        reason = f"{stranger}, where others can write; chmod it to go-w"
    faults.add((), f"can be exchanged: it is reached through {reason}")
    return False


def _explained(error: ValueError, text: str) -> tuple[int, str]:
    """Return line and reason of what tomllib says; from 3.14 on as attributes, before as words."""
    match = _PLACE.fullmatch(str(error))
    if match is None:
        return 0, "a number has too many digits" if "digits" in str(error) else str(error)
    reason, line, column = match.groups()
    reason = _PLAIN.get(reason) or reason[:1].lower() + reason[1:]
    if reason.startswith("cannot declare ("):
        reason = "the table is there already"
    if line is None:
        return text.count("\n", 0, len(text.rstrip())) + 1, f"{reason} at the end"
    return int(line), f"{reason}, in column {column}"
