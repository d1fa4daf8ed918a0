"""What happens to a jail: the inputs of its machine."""

from __future__ import annotations

from typing import Protocol

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

    def go(self) -> None:
        """What it waited for is there, and it is its turn."""

    def condemned(self, timeout: float) -> None:
        """It runs and is no good: it is stopped, as for ``stop``, and the restart rule says what follows."""

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

    def rested(self) -> None:
        """It stays down."""

    def held_off(self) -> None:
        """It is started again, later."""

    def given_up(self) -> None:
        """Something is wrong with it; perhaps it is tried again, much later."""

    def due(self) -> None:
        """The time has come to start it again."""

    def vanished(self, record: ExitRecord) -> None:
        """The keeper does not know it although it ran: nobody saw how it ended."""


#: their names
INPUTS = tuple(name for name in vars(Inputs) if not name.startswith("_"))
