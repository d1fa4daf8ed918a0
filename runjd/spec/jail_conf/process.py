"""
``exec.*`` of a jail as the process and the hooks of a bundle. Pure.

jail(8) runs ``exec.start`` and leaves: what it started stays in the jail without anybody
who would know it.  A bundle has one process that is the jail's life, so a shell runs the
commands, waits until it is told to end, and runs ``exec.stop`` then.
"""

from __future__ import annotations

from runjd.spec.quote import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.spec.jail_conf.jails import DefinedJail

_PATH = "PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
_ENV = (_PATH, "HOME=/root", "SHELL=/bin/sh", "USER=root", "TERM=dumb")
#: parameters to phases: those before the jail is there come when it is, but before its process
_PHASES = (
    ("exec.prepare", "createRuntime"),
    ("exec.prestart", "createRuntime"),
    ("exec.created", "createRuntime"),
    ("exec.poststart", "poststart"),
    ("exec.poststop", "poststop"),
    ("exec.release", "poststop"),
)
_WAIT = "while :; do sleep 86400 & wait $!; done"
#: by KILL: in the moment after its fork it is the shell still, and heeds what the shell heeds
_STOP_WAITING = "kill -KILL $! 2>/dev/null"


def process(jail: DefinedJail, note: Callable[[str], None]) -> dict[str, object]:
    """
    Return the process of a jail.

    :param note: told what was not carried over.
    """
    return {
        "terminal": False,
        "user": _user(jail, note),
        "args": _args(jail),
        "env": list(_ENV),
        "cwd": "/",
    }


def hooks(jail: DefinedJail) -> dict[str, object]:
    """Return the hooks of a jail: what jail(8) runs on the host."""
    found: dict[str, object] = {}
    for name, phase in _PHASES:
        for command in jail.values(name):
            made = {"path": "/bin/sh", "args": ["sh", "-c", command], "env": [_PATH, f"JAIL={jail.name}"]}
            listed = found.setdefault(phase, [])
            assert isinstance(listed, list)
            listed.append(made)
    return found


def _args(jail: DefinedJail) -> list[str]:
    start, stop = jail.values("exec.start"), jail.values("exec.stop")
    command = jail.values("command")
    if command and not start:
        return list(command) if len(command) > 1 else ["/bin/sh", "-c", f"exec {command[0]}"]
    lines = [*start, *command]
    ending = "; ".join([*stop, _STOP_WAITING, "exit 0"])
    return ["/bin/sh", "-c", "\n".join([f"stop() {{ {ending}; }}", "trap stop TERM INT", *lines, _WAIT])]


def _user(jail: DefinedJail, note: Callable[[str], None]) -> dict[str, object]:
    name = jail.text("exec.jail_user")
    if name.isascii() and name.isdigit():
        return {"uid": int(name), "gid": int(name)}
    if name not in ("", "root"):
        place = jail.settings["exec.jail_user"].place
        note(
            f"{place}: exec.jail_user: {quoted(name)} is root; set process.user.uid and gid to the numbers in the jail"
        )
    return {"uid": 0, "gid": 0}
