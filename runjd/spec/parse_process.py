"""
The process document: ``process`` of a bundle, and what ``exec --process`` reads.

Specification: config.md, "Process".  A :class:`~runjd.spec.model.Process` also
travels as JSON between our own programs: :func:`process_to_json` writes what
:func:`parse_process` reads.
"""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.spec.jsontext import read_json
from runjd.spec.model import Capabilities, ConsoleSize, Process, Rlimit, User
from runjd.spec.quote import quoted
from runjd.spec.reader import ID_MAX, UINT64_MAX, Faults, Reader, found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: property to the field of the model
_SCHEDULING = (
    ("scheduler", "scheduler"),
    ("ioPriority", "io_priority"),
    ("execCPUAffinity", "exec_cpu_affinity"),
)
_CAPABILITY = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_UPPER = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
#: ws_row and ws_col of ioctl_tty(2) are unsigned shorts
_SIZE_MAX = 65535


def parse_process(document: object, file: str = "") -> Process:
    """
    Return the process that a process document describes.

    :param document: its bytes, or the JSON value they stand for.
    :param file: where it was read from, for errors.
    :raise SpecError: with the paths of all faults below the document.
    """
    value = read_json(document, file) if isinstance(document, bytes) else document
    if not isinstance(value, dict):
        raise SpecError("", f"found {found(value)}, expected an object with args, cwd, env, user...", file)
    faults = Faults()
    process = read_process(Reader(value, "", faults))
    faults.check(file)
    return process


def read_process(reader: Reader) -> Process:
    """Return the process; what is wrong is noted in the reader's faults."""
    terminal = reader.boolean("terminal") or False
    return Process(
        args=_read_args(reader),
        cwd=reader.path_text("cwd") if reader.require("cwd", "an absolute path") else "/",
        env=read_env(reader),
        terminal=terminal,
        # "Runtimes MUST ignore consoleSize if terminal is false or unset"
        console_size=_read_console_size(reader) if terminal else None,
        user=_read_user(reader),
        rlimits=_read_rlimits(reader),
        capabilities=_read_capabilities(reader),
        no_new_privileges=reader.boolean("noNewPrivileges") or False,
        oom_score_adj=reader.integer("oomScoreAdj", -1000, 1000),
        apparmor_profile=reader.text("apparmorProfile"),
        selinux_label=reader.text("selinuxLabel"),
        **_read_scheduling(reader),
    )


def _read_scheduling(reader: Reader) -> dict[str, Any]:
    """Return what hardly any process has; the module is loaded where one does."""
    found = [(field, reader.object(name)) for name, field in _SCHEDULING if name in reader.fields]
    if not found:
        return {}
    from runjd.spec import parse_scheduling

    read = parse_scheduling.READ
    return {field: read[field](inner) for field, inner in found if inner is not None}


def read_env(reader: Reader) -> tuple[str, ...]:
    """Return ``env``: as in environ(7), each entry is NAME=value and the name is not empty."""
    env = reader.texts("env")
    for index, entry in enumerate(env):
        if entry.find("=") < 1:
            reader.fault_at("env", index, f"found {quoted(entry)}, expected NAME=value")
    return env


def process_to_json(process: Process) -> dict[str, object]:
    """Return the process document of a process, for :func:`parse_process`."""
    user: dict[str, object] = {"uid": process.user.uid, "gid": process.user.gid}
    if process.user.umask is not None:
        user["umask"] = process.user.umask
    if process.user.additional_gids:
        user["additionalGids"] = list(process.user.additional_gids)
    made: dict[str, object] = {
        "terminal": process.terminal,
        "user": user,
        "args": list(process.args),
        "env": list(process.env),
        "cwd": process.cwd,
    }
    if process.console_size is not None:
        made["consoleSize"] = {"height": process.console_size.height, "width": process.console_size.width}
    if process.rlimits:
        made["rlimits"] = [{"type": each.type, "soft": each.soft, "hard": each.hard} for each in process.rlimits]
    if process.capabilities is not None:
        sets = process.capabilities._asdict()
        made["capabilities"] = {name: list(names) for name, names in sets.items() if names}
    if process.no_new_privileges:
        made["noNewPrivileges"] = True
    if process.oom_score_adj is not None:
        made["oomScoreAdj"] = process.oom_score_adj
    if process.apparmor_profile:
        made["apparmorProfile"] = process.apparmor_profile
    if process.selinux_label:
        made["selinuxLabel"] = process.selinux_label
    _scheduling_to_json(process, made)
    return made


def _scheduling_to_json(process: Process, made: dict[str, object]) -> None:
    if process.scheduler is not None:
        fields = process.scheduler._asdict() | {"flags": list(process.scheduler.flags)}
        made["scheduler"] = {name: value for name, value in fields.items() if value}
    if process.io_priority is not None:
        made["ioPriority"] = {"class": process.io_priority.kind, "priority": process.io_priority.priority}
    if process.exec_cpu_affinity is not None:
        cpus = process.exec_cpu_affinity._asdict()
        made["execCPUAffinity"] = {name: ",".join(map(str, each)) for name, each in cpus.items() if each}


def _read_args(reader: Reader) -> tuple[str, ...]:
    # behind what is wrong stand runc's words, which engines look for
    if reader.fields.get("args", []) == []:
        how = "is empty" if "args" in reader.fields else "is missing"
        reader.fault("args", f"{how}: args must not be empty; expected an array with the program and its arguments")
        return ()
    args = reader.texts("args")
    if args and not args[0]:
        reader.fault_at("args", 0, 'is empty: exec: "": executable file not found in $PATH')
    return args


def _read_console_size(reader: Reader) -> ConsoleSize | None:
    size = reader.object("consoleSize")
    if size is None:
        return None
    return ConsoleSize(size.required_integer("height", 0, _SIZE_MAX), size.required_integer("width", 0, _SIZE_MAX))


def _read_user(reader: Reader) -> User:
    user = reader.object("user")
    if user is None:
        return User()
    return User(
        uid=user.required_integer("uid", 0, ID_MAX),
        gid=user.required_integer("gid", 0, ID_MAX),
        umask=user.integer("umask", 0, 0o777, " (decimal: 18 is 022)"),
        additional_gids=user.integers("additionalGids", 0, ID_MAX),
    )


def _read_rlimits(reader: Reader) -> tuple[Rlimit, ...]:
    if "rlimits" not in reader.fields:
        return ()
    made: dict[str, Rlimit] = {}
    for each in reader.objects("rlimits"):
        hint = " (which is no limit)"
        soft = each.required_integer("soft", 0, UINT64_MAX, hint)
        hard = each.required_integer("hard", 0, UINT64_MAX, hint)
        expected = "the name of a limit, as RLIMIT_NOFILE"
        name = each.text("type", expected) if each.require("type", expected) else ""
        if not (name.startswith("RLIMIT_") and _UPPER.issuperset(name[7:]) and name[7:]):
            if name == each.fields.get("type"):
                each.fault("type", f"found {quoted(name)}, expected {expected}")
        elif name in made:
            each.fault("type", f"{name} appears twice")
        elif soft > hard and each.fields.get("hard") == hard:
            each.fault("soft", f"found {soft}, expected no more than hard, which is {hard}")
        made[name] = Rlimit(name, soft, hard)
    return tuple(made.values())


def _read_capabilities(reader: Reader) -> Capabilities | None:
    sets = reader.object("capabilities")
    if sets is None:
        return None
    return Capabilities(*[_read_capability_set(sets, name) for name in Capabilities._fields])


def _read_capability_set(sets: Reader, name: str) -> tuple[str, ...]:
    """Return the names; whether the kernel knows each is a matter for the runtime, which warns (config.md)."""
    names = sets.texts(name)
    for index, each in enumerate(names):
        if not (each.startswith("CAP_") and _CAPABILITY.issuperset(each) and each[4:]):
            sets.fault_at(name, index, f"found {quoted(each)}, expected a name as CAP_KILL")
    return names
