"""The transitions of a machine, which are looked up; what is not there is passed over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from automat._core import Automaton


class Named(Protocol):
    """A state."""

    @property
    def name(self) -> str:
        """Which no other state of the machine has."""


class Lookup(Automaton[Any, str, Any]):
    """
    An automaton for a machine of hundreds of transitions.

    What a state has no transition for changes nothing.  Automat's own knows no such rule, and compares each input with
    all transitions there are: at each step of each jail.
    """

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[tuple[str, str], tuple[Named, Named, tuple[Any, ...]]] = {}

    def addTransition(self, inState: Named, inputSymbol: str, outState: Named, outputSymbols: tuple[Any, ...]) -> None:
        key = (inState.name, inputSymbol)
        if key in self._found:
            raise ValueError(f"{inState.name} has a transition for {inputSymbol} already")
        self._found[key] = (inState, outState, tuple(outputSymbols))

    def outputForInput(self, inState: Named, inputSymbol: str) -> tuple[Named, Sequence[Any]]:
        _, after, outputs = self._found.get((inState.name, inputSymbol), (inState, inState, ()))
        return after, outputs

    def allTransitions(self) -> frozenset[tuple[Named, str, Named, Sequence[Any]]]:
        return frozenset(
            (before, symbol, after, outputs) for (_, symbol), (before, after, outputs) in self._found.items()
        )
