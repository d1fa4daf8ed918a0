"""
A jail of jail.conf(5) as the ``config.json`` of a bundle. Pure.

What has no place in a bundle becomes a note, with where it stands: nothing is left out
without a word.
"""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.spec.jail_annotations import ALLOW_FIELDS
from runjd.spec.jail_conf.fstab import parse_fstab
from runjd.spec.jail_conf.process import hooks, process
from runjd.spec.quote import quoted
from runjd.spec.version import VERSION
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.spec.jail_conf.jails import DefinedJail

    #: reads a text file by its name
    Read = Callable[[str], str]

_SHARING = ("disable", "new", "inherit")
_JAIL_RULESET = "4"
#: seconds: of stop.timeout where it is not set, jail(8); of rc.shutdown(8); of all that makes sense
_STOP_TIMEOUT, _SHUTDOWN_TIMEOUT, _LONGEST = 10, 90, 86_400
#: parameters that say what is done, and are done otherwise here
_NEEDLESS = frozenset(["persist", "name", "exec.clean", "path", "devfs_ruleset", "exec.start", "exec.stop", "command"])
_READ = frozenset(
    [
        "allow.mount", "depend", "enforce_statfs", "host", "host.domainname", "host.hostname", "interface", "ip4",
        "ip4.addr", "ip6", "ip6.addr", "mount", "mount.devfs", "mount.fdescfs", "mount.fstab", "mount.procfs",
        "sysvmsg", "sysvsem", "sysvshm", "vnet", "vnet.interface", "exec.created", "exec.jail_user", "exec.poststart",
        "exec.poststop", "exec.prepare", "exec.prestart", "exec.release", "stop.timeout",
    ]
)  # fmt: skip
#: what is known and has no place in a bundle, and what to do instead
_ADVICE = {
    "children.max": "runjd raises it when a child is made",
    "exec.consolelog": "runjd keeps the output of every jail; runjctl logs shows it",
    "exec.fib": "start the command with setfib(1)",
    "exec.prestop": "runjd runs nothing on the host before it stops a jail",
    "exec.timeout": "is the time that exec.stop has; how long exec.start may take is not limited",
    "securelevel": "set kern.securelevel in the jail",
    "zfs.dataset": "attach it with zfs-jail(8) in a poststart hook",
}


class Imported(Value):
    """
    What was made of a jail.

    :ivar config: the document.
    :ivar depends: names of the jails that must be there first: those of ``depend``, and the one that it is in.
    :ivar stop_timeout: seconds that it gets to stop, exec.stop included; None: as usual.
    :ivar notes: what was not carried over, or works otherwise.
    """

    name: str
    config: dict[str, object]
    depends: tuple[str, ...]
    stop_timeout: int | None
    notes: tuple[str, ...]


def import_jail(jail: DefinedJail, read: Read) -> Imported:
    """
    Return the bundle of a jail.

    :param read: reads the file that ``mount.fstab`` names; may raise OSError.
    :raise SpecError: a value makes no sense; with ``file:line``.
    """
    return _Import(jail, read).run()


class _Import:
    def __init__(self, jail: DefinedJail, read: Read) -> None:
        self._jail = jail
        self._read = read
        self._notes: list[str] = []
        self._annotations: dict[str, str] = {}

    def run(self) -> Imported:
        jail = self._jail
        root = jail.text("path")
        if not root.startswith("/"):
            raise SpecError("", f"the jail {quoted(jail.name)} has no path", f"{jail.file}:{jail.line}")
        config: dict[str, object] = {
            "ociVersion": VERSION,
            "process": process(jail, self._notes.append),
            "root": {"path": root},
            "mounts": self._mounts(root.rstrip("/")),
        }
        for field in ("hostname", "domainname"):
            if jail.text(f"host.{field}"):
                config[field] = jail.text(f"host.{field}")
        asked = hooks(jail)
        if asked:
            config["hooks"] = asked
        config["freebsd"] = {"jail": self._properties()}
        if self._annotations:
            config["annotations"] = self._annotations
        self._note_the_rest()
        return Imported(jail.name, config, self._depends(), self._stop_timeout(), tuple(self._notes))

    def _depends(self) -> tuple[str, ...]:
        above = self._jail.name.rpartition(".")[0]
        return tuple(dict.fromkeys([*self._jail.values("depend"), *([above] if above else [])]))

    def _stop_timeout(self) -> int | None:
        """Return the time that jail(8) gives exec.stop, and what is left of the jail behind it."""
        jail = self._jail
        if not jail.values("exec.stop"):
            return self._number("stop.timeout", _LONGEST) if jail.text("stop.timeout") else None
        stop = self._number("exec.timeout", _LONGEST) if jail.text("exec.timeout") else 0
        rest = self._number("stop.timeout", _LONGEST) if jail.text("stop.timeout") else _STOP_TIMEOUT
        return (stop or _SHUTDOWN_TIMEOUT) + rest

    def _properties(self) -> dict[str, object]:
        jail = self._jail
        found: dict[str, object] = {}
        parent = jail.name.rpartition(".")[0]
        if parent:
            found["parent"] = parent
        if jail.text("host"):
            found["host"] = self._choice("host", _SHARING[1:])
        self._add_network(found)
        for name in ("sysvmsg", "sysvsem", "sysvshm"):
            # jail(8) disables what is not named, the specification makes it new
            found[name] = self._choice(name, _SHARING) if jail.text(name) else "disable"
        if jail.text("enforce_statfs"):
            found["enforceStatfs"] = self._number("enforce_statfs", 2)
        allow = self._allow()
        if allow:
            found["allow"] = allow
        return found

    def _add_network(self, found: dict[str, object]) -> None:
        jail = self._jail
        if "vnet" in jail.settings:
            found["vnet"] = self._choice("vnet", _SHARING[1:]) if jail.text("vnet") else "new"
        interfaces = [name for each in jail.values("vnet.interface") for name in each.split()]
        if interfaces:
            found["vnet"] = "new"
            found["vnetInterfaces"] = interfaces
        if found.get("vnet") == "new":
            return
        used = [jail.text("interface")] if jail.text("interface") else []
        for family in ("ip4", "ip6"):
            if jail.text(family):
                found[family] = self._choice(family, _SHARING)
            addresses = [self._address(f"{family}.addr", each, used) for each in jail.values(f"{family}.addr")]
            if addresses:
                found[f"{family}Addr"] = addresses
            elif family not in found:
                # jail(8): no addresses at all
                found[family] = "disable"
        if used:
            found["interface"] = used[0]

    def _address(self, name: str, text: str, used: list[str]) -> str:
        """Return the address of ``em0|10.0.0.1/24 vhid 1``; interfaces are noted in ``used``."""
        interface, bar, rest = text.rpartition("|")
        address, *options = rest.split()
        address, slash, prefix = address.partition("/")
        if bar and interface not in used:
            used.append(interface)
            if len(used) > 1:
                self._note(name, f"{address} is not added to {interface}: one interface has all addresses ({used[0]})")
        if options or (slash and prefix not in ("32", "128", "255.255.255.255")):
            self._note(
                name, f"{address} is added without {quoted(' '.join([*([slash + prefix] if slash else []), *options]))}"
            )
        return address

    def _allow(self) -> dict[str, object]:
        found: dict[str, object] = {}
        mounts = []
        for setting in self._jail.settings:
            if not setting.startswith("allow."):
                continue
            name = setting[len("allow.") :]
            above, dot, last = name.rpartition(".")
            if last.startswith("no") and setting not in ("allow.nfsd",):
                name = f"{above}{dot}{last[2:]}"
            granted = self._jail.flag(f"allow.{name}")
            if granted is None or name == "mount" or name == "dying":
                continue
            if name.startswith("mount."):
                if granted and name[len("mount.") :] not in mounts:
                    mounts.append(name[len("mount.") :])
            elif name in ALLOW_FIELDS:
                found[_camel(name)] = granted
            else:
                self._annotations[f"org.freebsd.jail.allow.{name}"] = "true" if granted else "false"
        if mounts:
            found["mount"] = mounts
        return found

    def _mounts(self, root: str) -> list[dict[str, object]]:
        jail = self._jail
        found: list[dict[str, object]] = []
        lines = [(each, jail.settings["mount"].place) for each in jail.values("mount")]
        for name in jail.values("mount.fstab"):
            try:
                text = self._read(name)
            except OSError as error:
                raise SpecError(
                    "", f"mount.fstab: {name}: {error.strerror}", jail.settings["mount.fstab"].place
                ) from None
            lines += [(line, f"{name}:{number}") for number, line in enumerate(text.splitlines(), 1)]
        for line, place in lines:
            entry = parse_fstab(line, place)
            if entry is None:
                continue
            if not entry.target.startswith(f"{root}/"):
                self._notes.append(f"{place}: {entry.target} is not in the jail, and is not mounted")
                continue
            found.append(entry.mount(entry.target[len(root) :]))
        return found + self._own_mounts()

    def _own_mounts(self) -> list[dict[str, object]]:
        """Return the file systems that have a parameter of their own."""
        ruleset = self._jail.text("devfs_ruleset", _JAIL_RULESET)
        known: tuple[tuple[str, str, str, list[str]], ...] = (
            ("mount.devfs", "/dev", "devfs", [f"ruleset={ruleset}"]),
            ("mount.fdescfs", "/dev/fd", "fdescfs", []),
            ("mount.procfs", "/proc", "procfs", []),
        )
        return [
            {"destination": destination, "type": kind, "source": kind, "options": options}
            for name, destination, kind, options in known
            if self._jail.flag(name)
        ]

    def _choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self._jail.text(name)
        if value not in choices:
            place = self._jail.settings[name].place
            raise SpecError("", f"{name}: found {quoted(value)}, expected one of {', '.join(choices)}", place)
        return value

    def _number(self, name: str, high: int) -> int:
        value = self._jail.text(name)
        if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value) <= high):
            place = self._jail.settings[name].place
            raise SpecError("", f"{name}: found {quoted(value)}, expected a number from 0 to {high}", place)
        return int(value)

    def _note_the_rest(self) -> None:
        for name in self._jail.settings:
            if name in _READ or name in _NEEDLESS or (name.startswith("allow.") and name != "allow.dying"):
                continue
            self._note(name, _ADVICE.get(name, "has no place in a bundle"))

    def _note(self, name: str, text: str) -> None:
        self._notes.append(f"{self._jail.settings[name].place}: {name}: {text}")


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)
