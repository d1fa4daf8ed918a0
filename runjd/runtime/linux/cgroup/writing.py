"""
Carry out what is to be written into control groups.

Some values depend on each other: memory may not be limited to more than memory
and swap together, a quota must fit its period and the group above.  Which one goes
first depends on what is there already, so a write that is refused is tried again
behind the others, as long as that helps.
"""

from __future__ import annotations

import errno

from runjd.errors import RunjdError, RuntimeFailure, Unsupported
from runjd.runtime.failing import failure
from runjd.runtime.linux.cgroup.files import read_file, write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from runjd.runtime.linux.cgroup.hierarchies import Hierarchy, Host
    from runjd.runtime.linux.cgroup.write import Write

_HINTS = {
    errno.EBUSY: "the group uses more than that now",
    errno.EACCES: "the group above it does not have that much",
    errno.EINVAL: "the kernel does not take this value here",
}
#: bytes; limits of memory are rounded down to pages
_ROUNDED = 1 << 16
_REFUSED = (errno.EINVAL, errno.EBUSY, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.ERANGE)


def apply(kernel: Any, writes: Sequence[Write], host: Host, directories: Mapping[Hierarchy, str]) -> None:
    """
    Write everything, or put back what was there.

    :raise RunjdError: naming the property that was refused.
    """
    before: list[tuple[str, str]] = []
    todo = [(each, _directory(each, host, directories)) for each in writes]
    try:
        while todo:
            refused: list[tuple[Write, str]] = []
            errors: list[RunjdError] = []
            for write, directory in todo:
                error = _write(kernel, write, directory, before)
                if error is not None:
                    refused.append((write, directory))
                    errors.append(error)
            if len(refused) == len(todo):
                raise errors[0]
            todo = refused
    except RunjdError:
        _restore(kernel, before)
        raise


def _directory(write: Write, host: Host, directories: Mapping[Hierarchy, str]) -> str:
    hierarchy = host.unified() if write.controller == "cgroup" else host.of(write.controller)
    directory = directories.get(hierarchy) if hierarchy else None
    if directory is None:
        raise Unsupported(write.path, f"the container is in no control group of the controller {write.controller}")
    return directory


def _write(kernel: Any, write: Write, directory: str, before: list[tuple[str, str]]) -> RunjdError | None:
    """Write one value; return the error where the kernel may change its mind once others are written."""
    error = OSError(errno.ENOENT, "")
    for file, value in ((write.file, write.value), *write.otherwise):
        path = f"{directory}/{file}"
        try:
            if write.above:
                _check_above(write, value, read_file(kernel, f"{directory}/{write.above}"))
            was = _readable(kernel, path)
            write_file(kernel, path, value)
        except FileNotFoundError:
            continue
        except OSError as caught:
            error = caught
            break
        before.append((path, was))
        return _compare(kernel, write, path, value) if write.is_exact else None
    if error.errno == errno.ENOENT:
        if write.optional:
            return None
        raise Unsupported(write.path, _missing(kernel, write, directory))
    told = failure(f"write {value} to {path}", error, write.path, _HINTS.get(error.errno or 0, ""))
    if error.errno not in _REFUSED:
        raise told
    return told


def _missing(kernel: Any, write: Write, directory: str) -> str:
    """Say why a file is not there: in version 2 that may be because the group above does not hand the controller on."""
    try:
        controllers = read_file(kernel, f"{directory}/cgroup.controllers").split()
    except OSError:
        controllers = [write.controller]
    if write.controller in ("cgroup", *controllers):
        return f"this kernel has no {write.file} in {directory}"
    above = directory.rpartition("/")[0]
    return (
        f"{directory} has no {write.file}, as {above} does not hand the controller {write.controller} on: there are "
        "processes in it, or it has none; give the container another linux.cgroupsPath"
    )


def _compare(kernel: Any, write: Write, path: str, value: str) -> RunjdError | None:
    found = read_file(kernel, path).strip()
    if value == "-1" or found == value or 0 <= int(value) - int(found) < _ROUNDED * write.file.startswith("memory."):
        return None
    raise Unsupported(write.path, f"{value} was written to {path}, and the kernel made {found} of it")


def _check_above(write: Write, value: str, used: str) -> None:
    if int(used) >= int(value):
        raise RuntimeFailure(str(write), f"the group uses {used.strip()} now, so processes would be killed", write.path)


def _readable(kernel: Any, path: str) -> str:
    try:
        return read_file(kernel, path).strip()
    except FileNotFoundError:
        raise
    except OSError:
        return ""


def _restore(kernel: Any, before: Sequence[tuple[str, str]]) -> None:
    """Put back values of one line; what has more is of devices, of which only the new ones are known."""
    for path, value in reversed(before):
        if value and "\n" not in value:
            try:
                write_file(kernel, path, value)
            except OSError:
                continue
