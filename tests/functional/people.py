"""Users and groups that are made for a test, and what they say to a daemon."""

from __future__ import annotations

import grp
import itertools
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

_PATIENCE = 20.0
#: connects as whoever it is told to be, says what it reads, and writes what comes back; all modules are loaded before
_CLIENT = """
import os, socket, sys
path, real, effective, gid, groups = sys.argv[1:]
said = sys.stdin.buffer.read()
os.setgroups([int(each) for each in groups.split(",") if each])
os.setresgid(int(gid), int(gid), int(gid))
os.setresuid(int(real), int(effective), int(effective))
client = socket.socket(socket.AF_UNIX)
client.settimeout(15)
try:
    client.connect(path)
except OSError as error:
    sys.stdout.write("cannot connect: %s" % error.strerror)
    sys.exit()
client.sendall(said)
client.shutdown(socket.SHUT_WR)
while data := client.recv(65536):
    sys.stdout.buffer.write(data)
"""
_numbers = itertools.count()


class People:
    """Users and groups with names of their own, which are removed when the block is left."""

    def __init__(self) -> None:
        self._users: list[str] = []
        self._groups: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name in self._users:
            _run("userdel", name)
        for name in self._groups:
            _run("groupdel", name)

    def group(self) -> str:
        """Make a group; return its name."""
        name = _name()
        _run("groupadd", name)
        self._groups.append(name)
        return name

    def user(self, *groups: str) -> str:
        """Make a user that is in these groups, and cannot log in; return its name."""
        name = _name()
        more = ["--groups", ",".join(groups)] if groups else []
        _run("useradd", "--no-create-home", "--user-group", "--shell", "/usr/sbin/nologin", *more, name)
        self._users.append(name)
        return name


def ask(path: str, user: str, *lines: str, groups: Sequence[str] | None = None, real: str = "") -> list[str]:
    """
    Say lines to a control socket as a user, and return what comes back, without the greeting.

    :param groups: in place of those that the user is in.
    :param real: who started the program, which is setuid to the user.
    """
    found = pwd.getpwnam(user)
    wanted = os.getgrouplist(user, found.pw_gid)
    if groups is not None:
        wanted = [grp.getgrnam(each).gr_gid for each in groups]
    who = [str(pwd.getpwnam(real or user).pw_uid), str(found.pw_uid), str(found.pw_gid), ",".join(map(str, wanted))]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _CLIENT, path, *who],
        input="".join(f"{each}\n" for each in lines).encode(),
        capture_output=True,
        timeout=_PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    answers = done.stdout.decode().splitlines()
    return answers[1:] if answers[0].startswith("! 0 ") else answers


def _name() -> str:
    return f"rjd{os.getpid()}x{next(_numbers)}"


def _run(*command: str) -> None:
    """Change the user database, whose lock somebody else may hold for a moment."""
    deadline = time.monotonic() + _PATIENCE
    while (done := subprocess.run(command, capture_output=True, check=False)).returncode:
        assert b"lock" in done.stderr, (command, done.stderr)
        assert time.monotonic() < deadline, (command, done.stderr)
        time.sleep(0.1)
