"""What was asked of a kernel in memory, and where it is told to fail."""

from __future__ import annotations

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class KernelPanic(BaseException):
    """What was asked for brings a real machine down; nothing that cleans up would run there."""


class Killed(BaseException):
    """Our process was killed; nothing that cleans up runs."""


class Call(Value):
    """One call of the kernel."""

    name: str
    arguments: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = ()


class Journal:
    """
    All calls in their order, the first is number 1.

    A fault takes the place of the call: what was asked for does not happen.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._faults: dict[int, BaseException] = {}
        self._refusals: dict[str, BaseException] = {}

    def fail(self, number: int, error: BaseException) -> None:
        """Raise an error at a call by its number, counted from the start."""
        self._faults[number] = error

    def kill(self, number: int) -> None:
        """Be killed at a call by its number, counted from the start."""
        self._faults[number] = Killed(f"at call {number}")

    def refuse(self, name: str, error: BaseException) -> None:
        """Raise an error at every call of that name from now on."""
        self._refusals[name] = error

    def note(self, call: Call) -> None:
        """Write a call down; raises the fault that waits for it."""
        self.calls.append(call)
        fault = self._faults.get(len(self.calls)) or self._refusals.get(call.name)
        if fault is not None:
            raise fault

    def names(self) -> list[str]:
        """Return the names of all calls in order."""
        return [call.name for call in self.calls]
