"""
The life of one jail, as a machine whose every transition stands here.

``docs/machine.md`` shows it as a diagram, which is made of this module.

A running jail that the daemon watches itself is not lost with the keeper but
``orphaned``, which changes no state: its end is seen, and what only a keeper can do
is done when there is one again (``regained``).

Several states show the same phase; what the operator wants, what is ready and
what is healthy are other facts, and stand in the jail.  ``weighing`` lasts no time:
the policy says whether a jail that is down rests, is held off until it is started
again, or is given up.  The time for which it is held off is up when it is ``due``.
"""

from __future__ import annotations

from automat import TypeMachineBuilder

from runjd.policy.facts import ExitRecord
from runjd.protocols.keeperreplies import Launched
from runjd.supervise.core import Core
from runjd.supervise.inputs import Inputs
from runjd.supervise.lookup import Lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from automat import TypeMachine
    from automat._typed import TypedState

    _States = dict[str, TypedState[Inputs, Core]]


def _launch(machine: Inputs, core: Core) -> None:
    core.show("starting")
    core.launch(machine)


def _ask(machine: Inputs, core: Core) -> None:
    core.ask(machine)


def _ask_anew(machine: Inputs, core: Core, timeout: float) -> None:
    core.ask(machine)


def _withdraw(machine: Inputs, core: Core, timeout: float) -> None:
    core.forgive()
    core.rest(machine)
    core.withdraw()  # behind all else: who hears of it may forget the jail


def _take(machine: Inputs, core: Core, launched: Launched) -> None:
    core.take(launched, adopted=False)
    core.show("running")


def _adopt(machine: Inputs, core: Core, launched: Launched) -> None:
    core.take(launched, adopted=True)
    core.show("running")


def _take_and_terminate(machine: Inputs, core: Core, launched: Launched) -> None:
    core.take(launched, adopted=False)
    core.terminate(machine, None)


def _weigh_trouble(machine: Inputs, core: Core, error: Exception) -> None:
    core.weigh(machine, error)


def _weigh(machine: Inputs, core: Core) -> None:
    core.weigh(machine, None)


def _weigh_stop(machine: Inputs, core: Core, error: Exception) -> None:
    core.weigh(machine, None)


def _resume(machine: Inputs, core: Core) -> None:
    core.resume(machine)


def _rest(machine: Inputs, core: Core) -> None:
    core.rest(machine)


def _hold_off(machine: Inputs, core: Core) -> None:
    core.hold_off(machine)


def _give_up(machine: Inputs, core: Core) -> None:
    core.give_up(machine)


def _pause(machine: Inputs, core: Core) -> None:
    core.pause()


def _unpause(machine: Inputs, core: Core) -> None:
    core.unpause()


def _abort(machine: Inputs, core: Core, timeout: float) -> None:
    core.show("stopping")
    core.abort(timeout)


def _hurry(machine: Inputs, core: Core, timeout: float) -> None:
    core.hurry(timeout)


def _resume_start(machine: Inputs, core: Core) -> None:
    core.show("starting")


def _resume_restart(machine: Inputs, core: Core, timeout: float) -> None:
    core.show("starting")


def _terminate(machine: Inputs, core: Core, timeout: float) -> None:
    core.again(False)
    core.show("stopping")
    core.terminate(machine, timeout)


def _restart(machine: Inputs, core: Core, timeout: float) -> None:
    core.again(True)
    core.show("stopping")
    core.terminate(machine, timeout)


def _condemn(machine: Inputs, core: Core, timeout: float) -> None:
    core.show("stopping")
    core.terminate(machine, timeout)


def _close(machine: Inputs, core: Core, record: ExitRecord) -> None:
    core.close(machine, record)


def _mourn(machine: Inputs, core: Core, record: ExitRecord) -> None:
    core.mourn(machine, record)


def _force(machine: Inputs, core: Core) -> None:
    core.force()


def _delete(machine: Inputs, core: Core) -> None:
    core.delete(machine)


def _start_later(machine: Inputs, core: Core) -> None:
    core.again(True)


def _restart_later(machine: Inputs, core: Core, timeout: float) -> None:
    core.again(True)


def _stay_down(machine: Inputs, core: Core, timeout: float) -> None:
    core.again(False)


def _lose(machine: Inputs, core: Core) -> None:
    core.detach()
    core.show("unknown")


def _stay_alone(machine: Inputs, core: Core) -> None:
    core.stay_alone()


def _remind(machine: Inputs, core: Core) -> None:
    core.remind()


def _forgive(machine: Inputs, core: Core, timeout: float) -> None:
    core.forgive()
    core.rest(machine)


#: what a state has no transition for changes nothing, or comes late: an answer of a lost keeper, an exit told twice
_STATES = (
    "idle",
    "unknown",
    "waiting",
    "failed",
    "backoff",
    "weighing",
    "starting",
    "aborting",
    "running",
    "stopping",
    "ending",
    "removing",
    "mourning",
)


def _down(states: _States) -> None:
    """From a jail of which nothing runs."""
    idle, waiting = states["idle"], states["waiting"]
    for state in (idle, states["failed"], states["backoff"]):
        state.upon(Inputs.start).to(waiting)(_ask)
        state.upon(Inputs.restart).to(waiting)(_ask_anew)
        state.upon(Inputs.adopted).to(states["running"])(_adopt)
    for state in (states["failed"], states["backoff"]):
        state.upon(Inputs.due).to(waiting)(_ask)
        state.upon(Inputs.stop).to(idle)(_forgive)
        state.upon(Inputs.lost).loop()(_pause)
        state.upon(Inputs.regained).loop()(_unpause)
    waiting.upon(Inputs.go).to(states["starting"])(_launch)
    waiting.upon(Inputs.stop).to(idle)(_withdraw)
    waiting.upon(Inputs.adopted).to(states["running"])(_adopt)
    weighing = states["weighing"]
    weighing.upon(Inputs.rested).to(idle)(_rest)
    weighing.upon(Inputs.held_off).to(states["backoff"])(_hold_off)
    weighing.upon(Inputs.given_up).to(states["failed"])(_give_up)


def _up(states: _States) -> None:
    """From a start to a program that runs, and to its end."""
    starting, aborting, running = states["starting"], states["aborting"], states["running"]
    stopping, ending, weighing = states["stopping"], states["ending"], states["weighing"]
    starting.upon(Inputs.launched).to(running)(_take)
    starting.upon(Inputs.launch_failed).to(weighing)(_weigh_trouble)
    starting.upon(Inputs.stop).to(aborting)(_abort)
    aborting.upon(Inputs.stop).loop()(_hurry)
    aborting.upon(Inputs.start).to(starting)(_resume_start)
    aborting.upon(Inputs.restart).to(starting)(_resume_restart)
    aborting.upon(Inputs.launched).to(stopping)(_take_and_terminate)
    aborting.upon(Inputs.launch_failed).to(weighing)(_weigh_stop)

    running.upon(Inputs.stop).to(stopping)(_terminate)
    running.upon(Inputs.restart).to(stopping)(_restart)
    running.upon(Inputs.condemned).to(stopping)(_condemn)
    running.upon(Inputs.exited).to(ending)(_close)
    stopping.upon(Inputs.stop).loop()(_terminate)
    stopping.upon(Inputs.restart).loop()(_restart)
    stopping.upon(Inputs.stop_overdue).loop()(_force)
    stopping.upon(Inputs.start).loop()(_start_later)
    stopping.upon(Inputs.exited).to(ending)(_close)


def _over(states: _States) -> None:
    """From the end of a program to a jail that is down."""
    removing, mourning = states["removing"], states["mourning"]
    states["ending"].upon(Inputs.ended).to(removing)(_delete)
    for state in (states["ending"], removing, mourning):
        state.upon(Inputs.start).loop()(_start_later)
        state.upon(Inputs.stop).loop()(_stay_down)
        state.upon(Inputs.restart).loop()(_restart_later)
    for state in (removing, mourning):
        state.upon(Inputs.deleted).to(states["weighing"])(_weigh)
        state.upon(Inputs.delete_failed).to(states["weighing"])(_weigh_trouble)


def _apart(states: _States) -> None:
    """What the keeper, or its loss, does."""
    unknown, running, stopping = states["unknown"], states["running"], states["stopping"]
    for state in (unknown, states["mourning"]):
        state.upon(Inputs.adopted).to(running)(_adopt)
    unknown.upon(Inputs.missing).to(states["weighing"])(_resume)
    unknown.upon(Inputs.vanished).to(states["mourning"])(_mourn)
    for state in (states["starting"], states["aborting"], running, stopping, states["mourning"]):
        state.upon(Inputs.lost).to(unknown)(_lose)
    for state in (running, stopping):
        state.upon(Inputs.orphaned).loop()(_stay_alone)
    stopping.upon(Inputs.regained).loop()(_remind)
    states["removing"].upon(Inputs.regained).loop()(_delete)


def transitions() -> list[tuple[str, str, str]]:
    """Return all of them: state, input, next state."""
    return sorted(
        (before.name, name, after.name) for before, name, after, _ in _type.__automat_automaton__.allTransitions()
    )


def machine_of(core: Core, is_known: bool) -> Inputs:
    """
    Return the machine of a jail.

    It begins as idle, or as unknown until the keeper tells whether it has the jail.
    """
    return _type(core) if is_known else _type(core, _unknown)


def _make() -> tuple[TypeMachine[Inputs, Core], TypedState[Inputs, Core]]:
    """Return what makes machines, and the state of what is unknown."""
    builder: TypeMachineBuilder[Inputs, Core] = TypeMachineBuilder(Inputs, Core)  # type: ignore[type-abstract]
    builder._automaton = Lookup()  # it has no other way in
    states = {name: builder.state(name) for name in _STATES}
    for part in (_down, _up, _over, _apart):
        part(states)
    return builder.build(), states["unknown"]


_type, _unknown = _make()
