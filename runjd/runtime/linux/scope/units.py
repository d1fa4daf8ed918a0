"""
Start and stop the scope of a jail.

A unit that was not made by us is never stopped: ours says in its description, by a
word that nobody can know before, that it is.
"""

from __future__ import annotations

import errno
import os
import time

from runjd.errors import RuntimeFailure
from runjd.runtime.contract import Undo
from runjd.runtime.linux.cgroup.record import NO_SCOPE, SCOPE, scopes_of
from runjd.runtime.linux.scope import bus
from runjd.runtime.linux.scope.naming import PATH, unit_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runjd.runtime.linux.scope.bus import Ask
    from runjd.runtime.linux.scope.naming import Scope
    from runjd.runtime.linux.scope.weighing import Property

#: seconds until systemd must have carried out what it was asked for
_PATIENCE = 30.0
#: seconds between two looks, at least and at most
_PAUSES = (0.001, 0.05)
_UNLIMITED = str(2**64 - 1)


def start_scope(
    ask: Ask,
    scope: Scope,
    id: str,
    pid: int,
    made: Callable[[Undo], None],
    arrived: Callable[[], bool],
    weights: Sequence[Property] = (),
) -> None:
    """
    Have systemd make a scope of a process.

    :param ask: asks busctl, see :func:`runjd.runtime.linux.scope.bus.ask`.
    :param made: told of it before it is there.
    :param arrived: whether the process is in the group of the scope.
    :param weights: more properties of it, see :func:`runjd.runtime.linux.scope.weighing.weights`.
    :raise RuntimeFailure: systemd does not do it.
    """
    description = f"container {id} of runj {os.urandom(8).hex()}"
    target = f"{scope.unit}\n{description}"
    made(Undo(SCOPE, target))
    properties = _properties(scope, description, pid, weights)
    job = _begin(ask, scope, properties, lambda: made(Undo(NO_SCOPE, target)))
    deadline = time.monotonic() + _PATIENCE
    pause, most = _PAUSES
    while not arrived():
        is_done = bus.look(ask, job, "Job", "State").status != 0
        if (is_done and not arrived()) or time.monotonic() > deadline:
            reason = f"it did not; `journalctl -u {scope.unit}` may say why"
            raise RuntimeFailure(f"have systemd start {scope.unit}", reason, PATH, errno.EIO)
        time.sleep(pause)
        pause = min(pause * 2, most)


def _begin(ask: Ask, scope: Scope, properties: Sequence[str], refused: Callable[[], None]) -> str:
    """Return the path of the job on the bus that makes the scope."""
    try:
        answer = bus.call(ask, "StartTransientUnit", "ssa(sv)a(sa(sv))", scope.unit, "fail", *properties)
    except RuntimeFailure:
        refused()
        raise
    if answer.status:
        # if it still comes to do it, the process is gone, without which it makes none
        refused()
        raise RuntimeFailure(f"have systemd start {scope.unit}", f"{answer.reason}; {bus.ELSE}", PATH, errno.EIO)
    return answer.text.removeprefix("o ").strip('"')


def stop_scopes(ask: Ask, undo: Sequence[Undo], patience: float = _PATIENCE) -> None:
    """
    Have systemd forget the scopes of a jail, whose processes are gone.

    :raise RuntimeFailure: systemd does not do it.
    """
    for unit, description in scopes_of(undo):
        _stop(ask, unit, description, time.monotonic() + patience)


def _stop(ask: Ask, unit: str, description: str, deadline: float) -> None:
    pause, most = _PAUSES
    is_stopping = False
    while True:
        answer = bus.look(ask, unit_object(unit), "Unit", "Description")
        if answer.status:
            raise RuntimeFailure(f"have systemd stop {unit}", f"{answer.reason}; try again when systemd answers")
        if answer.text != f's "{description}"':
            # it ended with its last process, or never was; by this name there may be another's now
            return
        if not is_stopping:
            # where it fails, it has just ended by itself
            is_stopping = bus.call(ask, "StopUnit", "ss", unit, "replace").status == 0
        if time.monotonic() > deadline:
            raise RuntimeFailure(f"have systemd stop {unit}", f"it does not; `systemctl status {unit}` may say why")
        time.sleep(pause)
        pause = min(pause * 2, most)


def _properties(scope: Scope, description: str, pid: int, weights: Sequence[Property]) -> tuple[str, ...]:
    properties = (
        ("Description", "s", description),
        ("Slice", "s", scope.slice),
        # what is below the group, and in its files, is ours from then on
        ("Delegate", "b", "true"),
        # when the host goes down, its engine is to stop it
        ("DefaultDependencies", "b", "false"),
        ("CollectMode", "s", "inactive-or-failed"),
        # the bundle's limit holds, not systemd's for units that name none
        ("TasksMax", "t", _UNLIMITED),
        *weights,
        ("PIDs", "au", "1", str(pid)),
    )
    return (str(len(properties)), *[word for each in properties for word in each], "0")
