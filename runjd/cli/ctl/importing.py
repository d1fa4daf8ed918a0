"""The verb that makes bundles of the jails that a host has already: import."""

from __future__ import annotations

import os

from runjd.cli.output import Cell, Column, to_json
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
    """Read a jail.conf(5), and write a bundle for each jail, or tell what would be written."""
    file = call.given.argument("FILE")
    made = _chosen(call, [import_jail(each, _read) for each in defined_jails(parse(_read(file), file, _read_all))])
    target = call.given.value("to")
    if target:
        _write(target, made)
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
        for note in each.notes:
            call.notice(f"{each.name}: {note}")
    if target:
        call.notice(f"runjctl run -d {os.path.join(target, 'JAIL')} starts one")
    else:
        call.notice("nothing was written; --to DIR writes a bundle for each jail")
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


def _write(target: str, made: Sequence[Imported]) -> None:
    """Write all bundles, or none: what would be in the way is found before."""
    directories = {each.name: os.path.join(target, check_id(each.name)) for each in made}
    for name, directory in directories.items():
        if os.path.lexists(directory):
            raise AlreadyExists(name, f"{directory} is there; move it away, or choose another directory")
    os.makedirs(target, exist_ok=True)
    for each in made:
        os.mkdir(directories[each.name], 0o700)
        fd = os.open(os.path.join(directories[each.name], "config.json"), _NEW, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            file.write(to_json(each.config) + "\n")


def _record(made: Imported) -> dict[str, object]:
    return {"jail": made.name, "depends": list(made.depends), "notes": list(made.notes), "config": made.config}


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
