"""
The life of one jail, as a machine whose every transition stands here.

::

    idle/failed --start--> starting --launched--> running --stop--> stopping
         ^                    |  ^                   |                  |
         |                stop|  |start        exited|            exited|
         |                    v  |                   v                  |
         |                 aborting --launched--> stopping              |
         |                                                               v
         +----deleted---- removing <--------------ended------------ ending

    starting, aborting --lost (the keeper)--> unknown --adopted--> running
    running, stopping                                 --missing--> idle
                                                      --vanished--> mourning --deleted--> idle

A running jail that the daemon watches itself is not lost with the keeper but
``orphaned``, which changes no state: its end is seen, and what only a keeper can do
is done when there is one again (``regained``).

Several states show the same phase; what the operator wants, what is ready and
what is healthy are other facts, and stand in the jail.  Where a jail is to be
started again by itself, ``removing`` will lead to ``backoff`` instead of ``idle``,
as the restart policy says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from automat import TypeMachineBuilder

from runjd.policy.facts import ExitRecord
from runjd.protocols.keeperreplies import Launched


class Inputs(Protocol):
    """What happens to a jail."""

    def start(self) -> None:
        """It shall run."""

    def stop(self, timeout: float) -> None:
        """It shall not run; SIGKILL follows after ``timeout`` seconds."""

    def restart(self, timeout: float) -> None:
        """It shall stop where it runs, as for ``stop``, and then run."""

    def launched(self, launched: Launched) -> None:
        """Its program was executed."""

    def launch_failed(self, error: Exception) -> None:
        """It could not be started, and nothing is left of it."""

    def adopted(self, launched: Launched) -> None:
        """The keeper has it running, or ended and not yet dealt with."""

    def exited(self, record: ExitRecord) -> None:
        """Its init process ended."""

    def ended(self) -> None:
        """All its output is logged and the exit is told."""

    def deleted(self) -> None:
        """Nothing is left of it on the host."""

    def delete_failed(self, error: Exception) -> None:
        """Something is left of it on the host."""

    def stop_overdue(self) -> None:
        """It had its time to stop."""

    def lost(self) -> None:
        """The keeper does not answer, and how the init process ends nobody else would see."""

    def orphaned(self) -> None:
        """The keeper does not answer, and the daemon watches the init process itself."""

    def regained(self) -> None:
        """There is a keeper again, and it told what it has."""

    def missing(self) -> None:
        """The keeper does not know it, and it was not expected to."""

    def vanished(self, record: ExitRecord) -> None:
        """The keeper does not know it although it ran: nobody saw how it ended."""


class Core(Protocol):
    """What the machine makes a jail do; :class:`runjd.supervise.jail.Jail`."""

    def launch(self, machine: Inputs) -> None:
        """Ask the keeper to create and start it."""

    def abort(self, timeout: float) -> None:
        """Remember that it shall stop as soon as it was started."""

    def hurry(self, timeout: float) -> None:
        """It shall stop not later than that after its start, either."""

    def take(self, launched: Launched, adopted: bool) -> None:
        """Listen to its init process."""

    def terminate(self, machine: Inputs, timeout: float | None) -> None:
        """Send SIGTERM and wait; None: as remembered by :meth:`abort`."""

    def force(self) -> None:
        """Send SIGKILL."""

    def remind(self) -> None:
        """Send again what may have been lost with the keeper: SIGTERM, or SIGKILL where that was due."""

    def stay_alone(self) -> None:
        """Say that the daemon alone watches it."""

    def close(self, machine: Inputs, record: ExitRecord) -> None:
        """Take the rest of the output, log it, tell the exit."""

    def mourn(self, machine: Inputs, record: ExitRecord) -> None:
        """Tell an exit that nobody saw."""

    def delete(self, machine: Inputs) -> None:
        """Ask the keeper to remove what is left on the host."""

    def rest(self, machine: Inputs, error: Exception | None) -> None:
        """It is down, and this is why; start it again if that was asked meanwhile."""

    def again(self, wanted: bool) -> None:
        """Whether to start it once it is down."""

    def detach(self) -> None:
        """Let go of descriptors and timers; the process goes on."""

    def show(self, phase: str) -> None:
        """Tell the phase."""


def _launch(machine: Inputs, core: Core) -> None:
    core.show("starting")
    core.launch(machine)


def _launch_anew(machine: Inputs, core: Core, timeout: float) -> None:
    _launch(machine, core)


def _take(machine: Inputs, core: Core, launched: Launched) -> None:
    core.take(launched, adopted=False)
    core.show("running")


def _adopt(machine: Inputs, core: Core, launched: Launched) -> None:
    core.take(launched, adopted=True)
    core.show("running")


def _take_and_terminate(machine: Inputs, core: Core, launched: Launched) -> None:
    core.take(launched, adopted=False)
    core.terminate(machine, None)


def _fail(machine: Inputs, core: Core, error: Exception) -> None:
    core.rest(machine, error)


def _abort(machine: Inputs, core: Core, timeout: float) -> None:
    core.show("stopping")
    core.abort(timeout)


def _hurry(machine: Inputs, core: Core, timeout: float) -> None:
    core.hurry(timeout)


def _resume_start(machine: Inputs, core: Core) -> None:
    core.show("starting")


def _resume_restart(machine: Inputs, core: Core, timeout: float) -> None:
    core.show("starting")


def _give_up(machine: Inputs, core: Core, error: Exception) -> None:
    core.rest(machine, None)


def _terminate(machine: Inputs, core: Core, timeout: float) -> None:
    core.again(False)
    core.show("stopping")
    core.terminate(machine, timeout)


def _restart(machine: Inputs, core: Core, timeout: float) -> None:
    core.again(True)
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


def _settle(machine: Inputs, core: Core) -> None:
    core.rest(machine, None)


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
    core.rest(machine, None)


def _make() -> Callable[[Core, bool], Inputs]:
    """
    Return what makes the machine of a jail.

    It begins as idle, or as unknown until the keeper tells whether it has the jail.
    """
    builder: TypeMachineBuilder[Inputs, Core] = TypeMachineBuilder(Inputs, Core)  # type: ignore[type-abstract]
    idle = builder.state("idle")
    unknown = builder.state("unknown")
    failed = builder.state("failed")
    starting = builder.state("starting")
    aborting = builder.state("aborting")
    running = builder.state("running")
    stopping = builder.state("stopping")
    ending = builder.state("ending")
    removing = builder.state("removing")
    mourning = builder.state("mourning")

    idle.upon(Inputs.start).to(starting)(_launch)
    failed.upon(Inputs.start).to(starting)(_launch)
    failed.upon(Inputs.stop).to(idle)(_forgive)

    idle.upon(Inputs.restart).to(starting)(_launch_anew)
    failed.upon(Inputs.restart).to(starting)(_launch_anew)

    starting.upon(Inputs.launched).to(running)(_take)
    starting.upon(Inputs.launch_failed).to(failed)(_fail)
    starting.upon(Inputs.stop).to(aborting)(_abort)
    aborting.upon(Inputs.stop).loop()(_hurry)
    aborting.upon(Inputs.start).to(starting)(_resume_start)
    aborting.upon(Inputs.restart).to(starting)(_resume_restart)
    aborting.upon(Inputs.launched).to(stopping)(_take_and_terminate)
    aborting.upon(Inputs.launch_failed).to(idle)(_give_up)

    running.upon(Inputs.stop).to(stopping)(_terminate)
    running.upon(Inputs.restart).to(stopping)(_restart)
    running.upon(Inputs.exited).to(ending)(_close)
    stopping.upon(Inputs.stop).loop()(_terminate)
    stopping.upon(Inputs.restart).loop()(_restart)
    stopping.upon(Inputs.stop_overdue).loop()(_force)
    stopping.upon(Inputs.start).loop()(_start_later)
    stopping.upon(Inputs.exited).to(ending)(_close)

    for state in (ending, removing, mourning):
        state.upon(Inputs.start).loop()(_start_later)
        state.upon(Inputs.stop).loop()(_stay_down)
        state.upon(Inputs.restart).loop()(_restart_later)
    ending.upon(Inputs.ended).to(removing)(_delete)
    for state in (removing, mourning):
        state.upon(Inputs.deleted).to(idle)(_settle)
        state.upon(Inputs.delete_failed).to(failed)(_fail)

    unknown.upon(Inputs.adopted).to(running)(_adopt)
    idle.upon(Inputs.adopted).to(running)(_adopt)
    failed.upon(Inputs.adopted).to(running)(_adopt)
    unknown.upon(Inputs.missing).to(idle)(_settle)
    unknown.upon(Inputs.vanished).to(mourning)(_mourn)

    for state in (starting, aborting, running, stopping, mourning):
        state.upon(Inputs.lost).to(unknown)(_lose)
    for state in (running, stopping):
        state.upon(Inputs.orphaned).loop()(_stay_alone)
    stopping.upon(Inputs.regained).loop()(_remind)
    removing.upon(Inputs.regained).loop()(_delete)

    # What changes nothing, and what comes late: an answer of a lost keeper, an exit told twice.
    idle.upon(Inputs.stop).loop().returns(None)
    starting.upon(Inputs.start).loop().returns(None)
    running.upon(Inputs.start).loop().returns(None)
    starting.upon(Inputs.restart).loop().returns(None)
    unknown.upon(Inputs.start).loop().returns(None)
    unknown.upon(Inputs.restart).loop().returns(None)
    unknown.upon(Inputs.stop).loop().returns(None)
    for state in (idle, failed, unknown, ending, removing):
        state.upon(Inputs.lost).loop().returns(None)
    for state in (idle, failed, unknown, starting, aborting, ending, removing, mourning):
        state.upon(Inputs.orphaned).loop().returns(None)
    for state in (idle, failed, unknown, starting, aborting, running, ending, mourning):
        state.upon(Inputs.regained).loop().returns(None)
    launch = {Inputs.launched.__name__, Inputs.launch_failed.__name__}
    keeper = {Inputs.adopted.__name__, Inputs.missing.__name__, Inputs.vanished.__name__}
    removal = {Inputs.deleted.__name__, Inputs.delete_failed.__name__}
    end = {Inputs.ended.__name__, *removal}
    stop = {Inputs.exited.__name__, Inputs.stop_overdue.__name__}
    expected = [
        (idle, {Inputs.adopted.__name__}),
        (failed, {Inputs.adopted.__name__}),
        (starting, launch),
        (aborting, launch),
        (running, {Inputs.exited.__name__}),
        (stopping, stop),
        (ending, {Inputs.ended.__name__}),
        (removing, removal),
        (mourning, removal),
        (unknown, keeper),
    ]
    for state, names in expected:
        for name in sorted((launch | keeper | end | stop) - names):
            state.upon(getattr(Inputs, name)).loop().returns(None)
    built = builder.build()
    return lambda core, is_known: built(core) if is_known else built(core, unknown)


machine_of = _make()
