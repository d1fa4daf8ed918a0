"""
Options of ``mounts[]`` to what nmount(2) takes. Pure.

nmount(2) believes a lot: nullfs and fdescfs take any option without a word, tmpfs
reads a size that it does not understand as no limit, and a bad ``mode`` or ``uid`` as
its default.  So every option is checked here, by file system.
"""

from __future__ import annotations

from runjd.errors import SpecError, Unsupported
from runjd.spec.quote import quoted
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runjd.spec.model import Mount

#: generic options, and what each is to nmount(2); an option that ends another one names it behind "no"
_GENERIC: Mapping[str, str] = {
    "ro": "ro",
    "rdonly": "ro",
    "rw": "rw",
    "nosuid": "nosuid",
    "noexec": "noexec",
    "noatime": "noatime",
    "nosymfollow": "nosymfollow",
    "union": "union",
    "sync": "sync",
    "async": "async",
    "nocover": "nocover",
    "automounted": "automounted",
}
#: undo an earlier one
_BACK: Mapping[str, str] = {"suid": "nosuid", "exec": "noexec", "atime": "noatime", "symfollow": "nosymfollow"}
#: words of Linux and of mount(8) that mean nothing here: device nodes work on devfs only, mounts do not propagate
_MEANINGLESS_WORDS = (
    "bind rbind private rprivate shared rshared slave rslave unbindable runbindable nodev dev defaults late "
    "relatime norelatime strictatime nostrictatime nodiratime diratime auto noauto"
)
_MEANINGLESS = frozenset(_MEANINGLESS_WORDS.split())
#: Linux's names of what a tmpfs is told
_TMPFS_NAMES: Mapping[str, str] = {"nr_inodes": "inodes"}
_TMPFS = ("size", "maxfilesize", "inodes", "mode", "uid", "gid")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_FDESCFS = ("linrdlnk", "rdlnk", "nodup")


class Options(Value):
    """
    What the options of one mount say.

    :ivar pairs: names and values for nmount(2); an empty value is a flag.
    :ivar copies_up: the tmpfs gets what the root has in its place.
    :ivar ruleset: of a devfs, -1 where none is named.
    :ivar rules: of a devfs, as devfs(8) takes them behind ``rule apply``.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    copies_up: bool = False
    ruleset: int = -1
    rules: tuple[str, ...] = ()


def read_options(mount: Mount, kind: str, where: str) -> Options:
    """
    Return what the options of a mount say.

    :param kind: the file system, in FreeBSD's words.
    :param where: JSON path of the mount.
    :raise SpecError: an option makes no sense.
    :raise Unsupported: FreeBSD's file system has no such option.
    """
    reading = _Reading(kind)
    for index, option in enumerate(mount.options):
        reading.read(option, f"{where}.options[{index}]")
    return Options(tuple(reading.pairs.items()), reading.copies_up, reading.ruleset, tuple(reading.rules))


def names() -> set[str]:
    """Return the options that are understood, less those that are passed over."""
    return {*_GENERIC, *_BACK, *_TMPFS, *_TMPFS_NAMES, *_FDESCFS, "tmpcopyup", "ruleset", "rule"}


class _Reading:
    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.pairs: dict[str, str] = {}
        self.copies_up = False
        self.ruleset = -1
        self.rules: list[str] = []

    def read(self, option: str, path: str) -> None:
        name, equals, value = option.partition("=")
        if option in _GENERIC:
            self._note(_GENERIC[option])
        elif option in _BACK:
            self.pairs.pop(_BACK[option], None)
        elif option in _MEANINGLESS:
            return
        elif not self._special(name, equals, value, path):
            raise Unsupported(path, f"{self._kind} has no option {quoted(option)}")

    def _note(self, name: str) -> None:
        if name in ("ro", "rw"):
            self.pairs.pop("rw" if name == "ro" else "ro", None)
        self.pairs[name] = ""

    def _special(self, name: str, equals: str, value: str, path: str) -> bool:
        """Read an option of one file system; return whether it has that."""
        if self._kind == "tmpfs":
            name = _TMPFS_NAMES.get(name, name)
            if name == "tmpcopyup" and not equals:
                self.copies_up = True
            elif name in _TMPFS and equals:
                self._tmpfs(name, value, path)
            else:
                return False
        elif self._kind == "devfs" and name == "ruleset" and equals:
            self.ruleset = _ruleset(value, path)
        elif self._kind == "devfs" and name == "rule" and value:
            self.rules.append(value)
        elif self._kind == "fdescfs" and name in _FDESCFS and not equals:
            self.pairs[name] = ""
        else:
            return False
        return True

    def _tmpfs(self, name: str, value: str, path: str) -> None:
        if name == "mode":
            if not value or len(value) > 5 or not set(value) <= set("01234567") or int(value, 8) > 0o7777:
                raise SpecError(path, f"found {quoted(value)}, expected a mode in octal, as 1777")
            self.pairs[name] = value
        elif name in ("uid", "gid"):
            if not (value.isascii() and value.isdigit() and int(value) < 2**32 - 1):
                raise SpecError(path, f"found {quoted(value)}, expected a number; names belong to the jail")
            self.pairs[name] = str(int(value))
        else:
            number = _amount(value)
            if number < 0:
                raise SpecError(path, f"found {quoted(value)}, expected a number, as 64m; the unit is k, m or g")
            if number:
                self.pairs[name] = str(number)
            else:
                # 0 is no limit to tmpfs(5), as to Linux
                self.pairs.pop(name, None)


def _amount(value: str) -> int:
    digits = value.rstrip("kmgKMG")
    unit = value[len(digits) :].lower()
    if not (digits.isascii() and digits.isdigit() and unit in _UNITS and len(digits) < 19):
        return -1
    return int(digits) * _UNITS[unit]


def _ruleset(value: str, path: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 6 and int(value) < 65536):
        raise SpecError(path, f"found {quoted(value)}, expected the number of a devfs ruleset, 0 to 65535")
    return int(value)
