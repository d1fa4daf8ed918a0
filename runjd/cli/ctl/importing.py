"""The verb that makes bundles and a configuration of the jails that a host has already: import."""

from __future__ import annotations

import os

from runjd.cli.output import Cell, Column, to_json, visible
from runjd.config.writing import written_jail
from runjd.errors import AlreadyExists, InputOutput, NotFound
from runjd.spec.ids import check_id
from runjd.spec.jail_conf.bundle import import_jail
from runjd.spec.jail_conf.jails import defined_jails
from runjd.spec.jail_conf.statements import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.cli.ctl.call import Call
    from runjd.spec.jail_conf.bundle import Imported

_LIMIT = 16 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def import_jails(call: Call) -> int:
    """Read a jail.conf(5), and write a bundle and a table for each jail, or tell what would be written."""
    file = call.given.argument("FILE")
    made = _chosen(call, [import_jail(each, _read) for each in defined_jails(parse(_read(file), file, _read_all))])
    target = call.given.value("to")
    written = _Target(target)
    if target:
        written.write(file, made)
    if call.is_json:
        call.put_json_array([_record(each) for each in made])
        return 0
    columns = [
        Column("JAIL", always=True),
        Column("ROOT", shrinks=True),
        Column("DEPENDS"),
        Column("NOTES", right=True),
    ]
    rows = [[each.name, _root(each), " ".join(each.depends) or "-", str(len(each.notes) or "-")] for each in made]
    call.out.table(columns, [[Cell(text) for text in row] for row in rows])
    for each in made:
        for note in (*each.notes, *written.notes(each, made)):
            call.notice(f"{each.name}: {note}")
    if target:
        call.notice(f"runjctl check {os.path.join(written.path, 'runjd.toml')} looks at it, runjctl reload starts them")
        call.notice("jails that jail(8) runs must be stopped by it before")
    else:
        call.notice("nothing was written; --to DIR writes a bundle and a table of the configuration for each jail")
    return 0


def _chosen(call: Call, made: Sequence[Imported]) -> list[Imported]:
    wanted = call.given.words("JAIL")
    missing = set(wanted) - {each.name for each in made}
    if missing:
        known = ", ".join(each.name for each in made) or "none"
        raise NotFound(
            f"{call.given.argument('FILE')} defines no jail {', '.join(sorted(missing))}; there are: {known}"
        )
    return [each for each in made if not wanted or each.name in wanted]


class _Target:
    """The directory that it is all written to: bundles, and jails.d beside runjd.toml."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path) if path else ""

    def write(self, source: str, made: Sequence[Imported]) -> None:
        """Write all bundles and tables, or none: what would be in the way is found before."""
        tables = {each.name: self._table(source, each, made) for each in made}
        for each in made:
            for path in (self._bundle(each), self._file(each.name)):
                if os.path.lexists(path):
                    raise AlreadyExists(each.name, f"{path} is there; move it away, or choose another directory")
        for name in (self.path, os.path.join(self.path, "bundles"), os.path.join(self.path, "jails.d")):
            os.makedirs(name, 0o755, exist_ok=True)
        for each in made:
            os.mkdir(self._bundle(each), 0o700)
            _put(os.path.join(self._bundle(each), "config.json"), to_json(each.config) + "\n", 0o600)
        for each in made:
            _put(self._file(each.name), tables[each.name], 0o644)
        main = os.path.join(self.path, "runjd.toml")
        if not os.path.lexists(main):
            _put(main, "# The configuration of runjd, see runjd.toml(5). The jails are in jails.d.\n", 0o644)

    def notes(self, jail: Imported, made: Sequence[Imported]) -> list[str]:
        """Return what the table of a jail lacks."""
        lacking = set(jail.depends) - set(self._requires(jail, made))
        return [f"{each} is not there, so it is not required; import it, too" for each in sorted(lacking)]

    def _table(self, source: str, jail: Imported, made: Sequence[Imported]) -> str:
        keys: dict[str, object] = {"bundle": self._bundle(jail)}
        requires = self._requires(jail, made)
        if requires:
            keys["requires"] = requires
        if jail.stop_timeout is not None:
            keys["stop"] = {"timeout": jail.stop_timeout}
        return f"# Made by runjctl import of {visible(source)}\n{written_jail(jail.name, keys)}"

    def _requires(self, jail: Imported, made: Sequence[Imported]) -> list[str]:
        """Return those that it depends on and that are made, or were made before."""
        names = {each.name for each in made}
        return [each for each in jail.depends if each in names or (self.path and os.path.exists(self._file(each)))]

    def _bundle(self, jail: Imported) -> str:
        return os.path.join(self.path, "bundles", check_id(jail.name))

    def _file(self, name: str) -> str:
        return os.path.join(self.path, "jails.d", f"{check_id(name)}.toml")


def _put(path: str, text: str, mode: int) -> None:
    """Write a new file, which has those rights whatever the umask is."""
    fd = os.open(path, _NEW, mode)
    with open(fd, "w", encoding="utf-8") as file:
        os.fchmod(fd, mode)
        file.write(text)


def _record(made: Imported) -> dict[str, object]:
    return {
        "jail": made.name,
        "depends": list(made.depends),
        "stop_timeout": made.stop_timeout,
        "notes": list(made.notes),
        "config": made.config,
    }


def _root(made: Imported) -> str:
    root = made.config["root"]
    return str(root["path"]) if isinstance(root, dict) else ""


def _read(path: str) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        data = file.read(_LIMIT + 1)
    if len(data) > _LIMIT:
        raise InputOutput(f"{path} is larger than {_LIMIT >> 20} MiB")
    return data.decode("utf-8", "surrogateescape")


def _read_all(pattern: str, file: str) -> list[tuple[str, str]]:
    """Return what ``.include`` names: a file, or all that match a pattern; relative to the file that names it."""
    from glob import glob, has_magic

    path = os.path.join(os.path.dirname(file), pattern)
    names = sorted(glob(path)) if has_magic(path) else [path]
    return [(name, _read(name)) for name in names]
