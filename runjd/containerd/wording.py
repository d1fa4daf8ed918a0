"""
What containerd's clients are told where something cannot be done: the codes and words of its shim for runc. Pure.

Scripts look for those words, and people for what others wrote about them; what we know besides, as the property of
the bundle that is wrong, stands behind them.
"""

from __future__ import annotations

from runjd.container.loggers import START_LOGGER
from runjd.errors import RunjdError
from runjd.protocols.ttrpc.status import UNKNOWN, TtrpcError

#: codes of errors that say nothing of the container
_PASSING = ("BUSY", "GONE", "LIMIT", "EXISTS", "CANCELLED")
#: by the beginning of the JSON path: what runc was at where that went wrong
_DOINGS = (
    ("root.path", "invalid rootfs: "),
    ("hooks.", "error during container init: error running hook: "),
    ("mounts[", "error during container init: error mounting to rootfs: "),
    ("linux.resources.", "error during container init: error setting cgroup config: "),
)
_STARTING = "unable to start container process: "
_ADDED = {"create": "runj create failed: ", "exec": "exec failed: "}
#: by verb and status of the task
_MISFITS = {
    ("pause", "created"): "cannot pause task in created state",
    ("pause", "paused"): "cannot pause a paused container",
    ("pause", "stopped"): "cannot pause a stopped container",
    ("resume", "created"): "cannot resume task in created state",
    ("resume", "running"): "cannot resume a running process",
    ("resume", "stopped"): "cannot resume a stopped container",
    ("checkpoint", "created"): "cannot checkpoint a task in created state",
    ("checkpoint", "stopped"): "cannot checkpoint a stopped container",
    ("update", "stopped"): "cannot update a stopped container",
    ("exec", "paused"): "cannot exec in a paused state",
    ("exec", "stopped"): "cannot exec in a stopped state",
}


def told(verb: str, error: RunjdError) -> RunjdError:
    """
    Return what is told where the runtime could not do it.

    :param verb: ``create``, ``start`` or ``exec``.
    """
    if error.code in _PASSING:
        return error
    if error.details.get("step") == START_LOGGER:
        reason = str(error).removeprefix(f"{START_LOGGER}: ")
        return no_streams(f"failed to start binary process: {reason}")
    return TtrpcError(UNKNOWN, f"OCI runtime {verb} failed: {_ADDED.get(verb, '')}{_turned(error)}")


def no_streams(reason: object) -> TtrpcError:
    """Return what is told where the streams of a process cannot be had."""
    return TtrpcError(UNKNOWN, f"failed to create init process I/O: {reason}")


def check_status(verb: str, status: str) -> None:
    """See that a verb fits the status of a task. :raise TtrpcError: it does not."""
    misfit = _MISFITS.get((verb, status))
    if misfit is not None:
        raise TtrpcError(UNKNOWN, misfit)


def _turned(error: RunjdError) -> str:
    """Return the words of an error, those of a step with what runc was at before, and with the JSON path behind."""
    path, words = error.details.get("path", ""), str(error)
    if error.code != "OCI":
        return words
    doing = next((doing for beginning, doing in _DOINGS if path.startswith(beginning)), "")
    if path and words.startswith(f"{path}: "):
        # what is wrong with the process they name themselves, and scripts look for how they end
        where = "" if path.startswith("process.") else f" ({path})"
        words = words.removeprefix(f"{path}: ") + where
    return f"{_STARTING}{doing}{words}"
