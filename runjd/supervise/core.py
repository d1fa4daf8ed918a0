"""What the machine makes a jail do."""

from __future__ import annotations

from typing import Protocol

from runjd.policy.facts import ExitRecord
from runjd.protocols.keeperreplies import Launched
from runjd.supervise.inputs import Inputs


class Core(Protocol):
    """Provided by :class:`runjd.supervise.jail.Jail`."""

    def ask(self, machine: Inputs) -> None:
        """Go on at once if it may start, else tell that it waits."""

    def withdraw(self) -> None:
        """It waits no longer; tell who waited for its start."""

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

    def weigh(self, machine: Inputs, error: Exception | None) -> None:
        """It is down, and this went wrong: say whether it rests, is held off or given up."""

    def resume(self, machine: Inputs) -> None:
        """It is down as it was before: say whether it rests, is held off or given up."""

    def rest(self, machine: Inputs) -> None:
        """It stays down, unless it was to be started again or to be forgotten."""

    def hold_off(self, machine: Inputs) -> None:
        """Wait until it is due."""

    def give_up(self, machine: Inputs) -> None:
        """Tell that it failed; wait until it is due, if it ever is."""

    def forgive(self) -> None:
        """Forget what it failed by, and when it is due."""

    def pause(self) -> None:
        """There is no keeper to start it."""

    def unpause(self) -> None:
        """There is a keeper again."""

    def again(self, wanted: bool) -> None:
        """Whether to start it once it is down."""

    def detach(self) -> None:
        """Let go of descriptors and timers; the process goes on."""

    def show(self, phase: str) -> None:
        """Tell the phase."""
