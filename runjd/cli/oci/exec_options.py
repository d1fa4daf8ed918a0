"""What the options of ``runj exec`` make of a process."""

from __future__ import annotations

import os

from runjd.container.bundle import read_all
from runjd.container.failure import Step
from runjd.errors import BadArgument
from runjd.spec.model import Capabilities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.cli.options import Given
    from runjd.spec.model import Process, User

#: bytes
_LIMIT = 16 << 20


def read(file: str) -> Process:
    """
    Return the process of a process document.

    :raise RunjdError: it cannot be read, or is none.
    """
    from runjd.spec.parse import parse_process

    with Step(f"read the process file {file}"):
        # non-blocking, as it may be a FIFO, from which there may be nothing to read
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            os.set_blocking(fd, True)
            document = read_all(fd, _LIMIT)
        finally:
            os.close(fd)
    return parse_process(document, file)


def change(process: Process, given: Given) -> Process:
    """
    Return the process as the options want it. Pure.

    :raise BadArgument: naming the option.
    """
    if given.flag("tty"):
        process = process._replace(terminal=True)
    if given.flag("no-new-privs"):
        process = process._replace(no_new_privileges=True)
    if given.value("apparmor"):
        process = process._replace(apparmor_profile=given.value("apparmor"))
    if given.value("process-label"):
        process = process._replace(selinux_label=given.value("process-label"))
    if given.value("cwd"):
        if not given.value("cwd").startswith("/"):
            raise BadArgument(f"--cwd {given.value('cwd')} is no absolute path")
        process = process._replace(cwd=given.value("cwd"))
    return process._replace(
        user=_user(process.user, given.value("user"), given.values("additional-gids")),
        capabilities=_capabilities(process.capabilities, given.values("cap")),
        env=_environment(process.env, given.values("env")),
    )


def _user(before: User, text: str, groups: Sequence[str]) -> User:
    if text:
        uid, colon, gid = text.partition(":")
        if not (_is_id(uid) and (_is_id(gid) or not colon)):
            raise BadArgument(f"--user {text} is not UID or UID:GID in numbers; names belong to the container's passwd")
        before = before._replace(uid=int(uid), gid=int(gid) if colon else before.gid)
    if not groups:
        return before
    more = [each for word in groups for each in word.split(",")]
    for each in more:
        if not _is_id(each):
            raise BadArgument(f'--additional-gids "{each}" is not a GID in numbers')
    return before._replace(additional_gids=(*before.additional_gids, *map(int, more)))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text[:11]) < 2**32 - 1


def _capabilities(before: Capabilities | None, names: Sequence[str]) -> Capabilities | None:
    """Add to what the process may do, but neither to what it inherits nor to what it keeps as another user."""
    if not names:
        return before
    more = tuple("CAP_" + name.upper().removeprefix("CAP_") for name in names)
    held = before or Capabilities()
    return held._replace(
        bounding=(*held.bounding, *more), effective=(*held.effective, *more), permitted=(*held.permitted, *more)
    )


def _environment(before: Sequence[str], changes: Sequence[str]) -> tuple[str, ...]:
    names = set()
    for each in changes:
        name, equals, _ = each.partition("=")
        if not (name and equals):
            raise BadArgument(f"--env {each} is not NAME=VALUE")
        names.add(name)
    return (*(each for each in before if each.partition("=")[0] not in names), *changes)
