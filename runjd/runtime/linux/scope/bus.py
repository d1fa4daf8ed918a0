"""
Ask systemd over its bus, by its own program busctl(1): any host with systemd has it.
"""

from __future__ import annotations

import os
import posix

from runjd.errors import RuntimeFailure
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Ask = Callable[[Sequence[str]], "Answer"]

#: what to do where systemd cannot be asked
ELSE = (
    "systemd is not needed with podman's --cgroup-manager cgroupfs, "
    "or without SystemdCgroup in containerd's configuration"
)
_SERVICE = "org.freedesktop.systemd1"
_TOP = "/org/freedesktop/systemd1"
#: seconds until systemd must have answered
_PATIENCE = 25
_CHUNK = 1 << 16
#: what busctl puts before an error of systemd's
_FAILED = "Call failed: "


class Answer(Value):
    """What busctl said: its exit status, and what it wrote without the last line end."""

    status: int
    text: str

    @property
    def reason(self) -> str:
        """Why it failed, in one line."""
        lines = self.text.splitlines()
        return lines[-1].removeprefix(_FAILED).rstrip(".") if lines else f"busctl ended with status {self.status}"


def ask(words: Sequence[str]) -> Answer:
    """
    Have busctl do one thing on the bus of the system.

    :param words: its command and that one's arguments.
    :raise RuntimeFailure: this host has no busctl.
    """
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    try:
        try:
            pid = os.posix_spawnp(
                "busctl",
                ["busctl", "--system", "--no-pager", f"--timeout={_PATIENCE}", "--", *words],
                {**posix.environ, b"LC_ALL": b"C"},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, theirs, 1),
                    (os.POSIX_SPAWN_DUP2, theirs, 2),
                ],
            )
        except OSError as error:
            is_missing = isinstance(error, FileNotFoundError)
            reason = "this host has no busctl, which comes with systemd" if is_missing else f"busctl: {error.strerror}"
            raise RuntimeFailure("ask systemd", f"{reason}; {ELSE}", "", error.errno or 0) from None
        finally:
            os.close(theirs)
        parts = []
        while part := os.read(ours, _CHUNK):
            parts.append(part)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(ours)
    return Answer(status, b"".join(parts).decode("utf-8", "backslashreplace").rstrip("\n"))


def call(ask: Ask, method: str, signature: str, *values: str) -> Answer:
    """Call a method of systemd's manager."""
    return ask(("call", _SERVICE, _TOP, f"{_SERVICE}.Manager", method, signature, *values))


def look(ask: Ask, object: str, interface: str, property: str) -> Answer:
    """Ask for a property of one of its objects; it fails where there is no such object."""
    return ask(("get-property", _SERVICE, object, f"{_SERVICE}.{interface}", property))
