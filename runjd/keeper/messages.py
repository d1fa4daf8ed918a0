"""
What keeper and daemon say to one another: one function for each message.

``m`` names a message.  A peer skips what it does not know, messages and keys
alike, so both can grow.  ``req`` is the daemon's number of a request; exactly one
``done`` or ``failed`` bears it.  ``exec`` is empty for the init process of a jail.

========  =====================================================================
daemon    hello, run, create, start, exec, signal, pause, resume, update,
          delete, close_stdin, stdin, process, hold, settle, ack, shutdown,
          upgrade
keeper    hello, process, leftover, ready, done, failed, exit, trouble
========  =====================================================================
"""

from __future__ import annotations

from runjd import __version__
from runjd.keeper.wire import VERSION
from runjd.spec.lightjson import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runjd.errors import RunjdError

    Message = dict[str, object]

#: what the name of a stream begins with, where what comes is what was read of it while no daemon was there: a file,
#: to be read on from its offset before the stream itself
SPOOL = "spool-"


def ask_hello(run: str, spool: bool = True) -> Message:
    """
    Open the conversation; ``run`` identifies this life of the daemon.

    ``spool`` says that it reads spools, so that the keeper may make them once it is gone.
    """
    return {"m": "hello", "version": VERSION, "run": run, "spool": spool}


def ask_run(
    req: int,
    jail: str,
    bundle: str,
    runtime: str,
    stdin: bool,
    size: tuple[int, int] | None,
    note: Mapping[str, object],
    ready: str = "",
) -> Message:
    """
    Create and start a jail; ``note`` comes back in ``process``.

    ``ready`` is ``fd:3`` or ``notify``, where the program tells by that when it is ready.
    """
    return {
        "m": "run",
        "req": req,
        "jail": jail,
        "bundle": bundle,
        "runtime": runtime,
        "stdin": stdin,
        "size": size,
        "note": note,
        "ready": ready,
    }


def ask_exec(
    req: int,
    jail: str,
    exec: str,
    process: Mapping[str, object],
    stdin: bool,
    size: tuple[int, int] | None,
    note: Mapping[str, object],
    stdio: Mapping[str, object] | None = None,
) -> Message:
    """Run ``process`` (as in config.json) in a jail; for ``stdio`` see :func:`ask_create`."""
    message = {
        "m": "exec",
        "req": req,
        "jail": jail,
        "exec": exec,
        "process": process,
        "stdin": stdin,
        "size": size,
        "note": note,
    }
    return message if stdio is None else message | {"stdio": stdio}


def ask_create(
    req: int,
    jail: str,
    bundle: str,
    runtime: str,
    stdio: Mapping[str, object],
    mounts: Sequence[Mapping[str, object]],
    note: Mapping[str, object],
    scopes: bool = False,
) -> Message:
    """
    Create a jail that waits for ``start``.

    ``stdio`` has ``in``, ``out`` and ``err``: paths of FIFOs, :data:`runjd.container.clientio.OURS` or ``LOGGED``;
    with the latter ``argv`` and ``env`` of the program that logs. ``mounts`` (objects of type, source and options)
    come on the directory ``rootfs`` of the bundle before. With ``scopes`` systemd makes the control groups.
    """
    message: Message = {
        "m": "create",
        "req": req,
        "jail": jail,
        "bundle": bundle,
        "runtime": runtime,
        "stdio": stdio,
        "mounts": mounts,
        "note": note,
    }
    return message | {"scopes": True} if scopes else message


def ask_start(req: int, jail: str) -> Message:
    """Execute the program of a jail that waits for that."""
    return {"m": "start", "req": req, "jail": jail}


def ask_change(req: int, jail: str, change: str, changes: Mapping[str, object] | None = None) -> Message:
    """``pause`` a jail, ``resume`` it, or ``update`` its limits by ``changes`` of linux.resources."""
    message: Message = {"m": change, "req": req, "jail": jail}
    return message if changes is None else message | {"changes": changes}


def ask_signal(req: int, jail: str, exec: str, signum: int, everyone: bool, once: str = "") -> Message:
    """
    Signal one process of a jail, or everyone in it.

    :param once: marks what is asked for: with a mark that was there, it is done already.
    """
    message: Message = {"m": "signal", "req": req, "jail": jail, "exec": exec, "signal": signum, "everyone": everyone}
    return message | {"once": once} if once else message


def ask_delete(req: int, jail: str, force: bool, bundle: str = "") -> Message:
    """Remove a jail from the host, and what was mounted on the root of its ``bundle``, where that is said."""
    message: Message = {"m": "delete", "req": req, "jail": jail, "force": force}
    return message | {"bundle": bundle} if bundle else message


def ask_close_stdin(req: int, jail: str, exec: str) -> Message:
    """Close the keeper's writing end of standard input."""
    return {"m": "close_stdin", "req": req, "jail": jail, "exec": exec}


def ask_stdin(req: int, jail: str, exec: str) -> Message:
    """Ask for a writing end of standard input."""
    return {"m": "stdin", "req": req, "jail": jail, "exec": exec}


def ask_process(req: int, jail: str) -> Message:
    """Ask for ``process`` of a jail's config.json (the daemon's message ``process``)."""
    return {"m": "process", "req": req, "jail": jail}


def ask_hold(jail: str, pid: int) -> Message:
    """Hand over the terminal of an orphan, which comes along: its own keeper was killed, and only the daemon has it."""
    return {"m": "hold", "jail": jail, "pid": pid}


def ask_settle(jail: str, pid: int) -> Message:
    """Say that an init process is ready, so that nobody has to hold what it tells that by for the next daemon."""
    return {"m": "settle", "jail": jail, "pid": pid}


def ask_ack(jail: str, exec: str, pid: int) -> Message:
    """Say that an exit is dealt with."""
    return {"m": "ack", "jail": jail, "exec": exec, "pid": pid}


def ask_shutdown(req: int) -> Message:
    """Ask the keeper to end."""
    return {"m": "shutdown", "req": req}


def ask_upgrade(req: int) -> Message:
    """Ask the keeper to be replaced by the version that is installed now, in the same process."""
    return {"m": "upgrade", "req": req}


def tell_hello(pid: int, boot: str) -> Message:
    """Answer to ``hello``: who this keeper is, and in which boot of the host."""
    return {"m": "hello", "version": VERSION, "software": __version__, "pid": pid, "boot": boot}


def tell_process(
    jail: str,
    exec: str,
    pid: int,
    start: int,
    jid: int,
    terminal: bool,
    streams: Sequence[str],
    stdin_open: bool,
    note: object,
    notices: Sequence[str],
) -> Message:
    """Tell of a process; the descriptors of ``streams`` come along, in that order."""
    return {
        "m": "process",
        "jail": jail,
        "exec": exec,
        "pid": pid,
        "start": start,
        "jid": jid,
        "terminal": terminal,
        "streams": streams,
        "stdin_open": stdin_open,
        "note": note,
        "notices": notices,
    }


def tell_leftover(jail: str) -> Message:
    """Tell of a container that does not run, has something on the host, and is unknown to the keeper."""
    return {"m": "leftover", "jail": jail}


def tell_trouble(reason: str) -> Message:
    """Tell that exits cannot be written down, or (by an empty reason) that they all are again."""
    return {"m": "trouble", "reason": reason}


def tell_ready() -> Message:
    """Say that every process and every leftover was told."""
    return {"m": "ready"}


def tell_done(req: int) -> Message:
    """Say that a request was carried out."""
    return {"m": "done", "req": req}


def tell_launched(
    req: int,
    pid: int,
    start: int,
    jid: int,
    terminal: bool,
    streams: Sequence[str],
    notices: Sequence[str],
    logger: Sequence[int] = (),
    groups: Sequence[str] = (),
) -> Message:
    """
    Say that a process runs, or waits (``done`` of ``run``, ``create`` and ``exec``).

    The descriptors of ``streams`` come along. ``logger`` is pid and start time of the program that logs, ``groups``
    are the control groups that were made for the jail.
    """
    return {
        "m": "done",
        "req": req,
        "pid": pid,
        "start": start,
        "jid": jid,
        "terminal": terminal,
        "streams": streams,
        "notices": notices,
        "logger": logger,
        "groups": groups,
    }


def tell_stdin(req: int) -> Message:
    """Hand out a writing end (``done`` of ``stdin``); it comes along."""
    return {"m": "done", "req": req, "streams": ["in"]}


def tell_process_json(req: int, process: object) -> Message:
    """Hand out ``process`` of config.json (``done`` of ``process``)."""
    return {"m": "done", "req": req, "process": process}


def tell_upgraded(req: int, before: str) -> Message:
    """Say that the keeper is another version now (``done`` of ``upgrade``), and which it was before."""
    return {"m": "done", "req": req, "software": __version__, "before": before}


def tell_failed(req: int | None, error: RunjdError) -> Message:
    """Say that a request failed, or (None) that the connection is refused."""
    message: Message = {"m": "failed", "error": error.to_record()}
    return message if req is None else message | {"req": req}


def tell_exit(
    jail: str,
    exec: str,
    pid: int,
    status: int | None,
    signal: int | None,
    at: float,
    core: bool,
    recorded: bool,
) -> str:
    """Tell how a process ended; ``at`` is wall time in seconds. It is JSON already: nothing else is waited for so."""
    told = exit_json(jail, exec, pid, status, signal, at, core)
    return f'{{"m":"exit",{told},"recorded":{"true" if recorded else "false"}}}'


def exit_json(jail: str, exec: str, pid: int, status: int | None, signal: int | None, at: float, core: bool) -> str:
    """Return how a process ended as members of an object in JSON, in a fourth of the time that an encoder takes."""
    return (
        f'"jail":{quoted(jail)},"exec":{quoted(exec)},"pid":{pid},"status":{"null" if status is None else status},'
        f'"signal":{"null" if signal is None else signal},"at":{at!r},"core":{"true" if core else "false"}'
    )
