"""
The way to a file or directory that must be ours: who else could exchange a part of it.

A directory of mode 0700 is of no use below one that a stranger owns, who can put
another in its place, and neither is a symbolic link that a stranger made.
"""

from __future__ import annotations

import os
import stat
import sys

_MOST_LINKS = 40
_EVERYBODY = 2**32 - 1


def find_stranger(path: str) -> str:
    """
    Return the first part of the way to an absolute path that somebody else than root and us can exchange.

    :return: empty where there is none; what is missing at the end of the way is nobody's.
    """
    found = "/" if _is_open_to_others(os.lstat("/")) else ""
    todo, here, links = path.split("/"), "/", 0
    while todo and not found:
        part = todo.pop(0)
        if part in ("", "."):
            continue
        there = os.path.dirname(here) if part == ".." else os.path.join(here, part)
        try:
            status = os.lstat(there)
            if stat.S_ISLNK(status.st_mode):
                links += 1
                target = os.readlink(there)
                todo[:0] = target.split("/")
                there = "/" if target.startswith("/") else here
                if links > _MOST_LINKS or not _is_trusted(status.st_uid):
                    found = os.path.join(here, part)
            elif _is_open_to_others(status):
                found = there
        except OSError:
            # what is wrong with it will be told by who opens it
            break
        here = there
    return found


def is_own_group(gid: int, platform: str = sys.platform) -> bool:
    """
    Return whether a group has nobody in it but root or us, as far as its number tells.

    That we run with a group says nothing, others may be in it, too.  On Linux 0 is root's alone, and a user's own
    number is the group that useradd(8) makes for him.  On FreeBSD 0 is wheel, which is people.
    """
    if platform.startswith("freebsd"):
        return False
    return gid == 0 or gid == os.getegid() == os.geteuid()


def _is_open_to_others(status: os.stat_result) -> bool:
    if not _is_trusted(status.st_uid):
        return True
    if status.st_mode & stat.S_ISVTX:
        # everybody may add to it, as to /tmp, but nobody takes away what is another's
        return False
    by_group = status.st_mode & stat.S_IWGRP and not is_own_group(status.st_gid)
    return bool(by_group or status.st_mode & stat.S_IWOTH)


def _is_trusted(uid: int) -> bool:
    return uid in (0, os.geteuid()) or _is_unmapped(uid)


def _is_unmapped(uid: int) -> bool:
    """Whether our user namespace has no id for this user: so the host's root looks to a rootless engine."""
    try:
        with open("/proc/self/uid_map", "rb", buffering=0) as file:
            rows = [line.split() for line in file.read(4096).splitlines()]
        with open("/proc/sys/kernel/overflowuid", "rb", buffering=0) as file:
            overflow = int(file.read(32))
    except (OSError, ValueError):
        return False
    return uid == overflow and sum(int(row[2]) for row in rows) < _EVERYBODY
