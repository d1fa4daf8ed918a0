"""
On which CPUs an exec process runs on its way into a jail: ``process.execCPUAffinity``.

"initial" counts until it is in the control groups of the jail, "final" from then on; without
it the process runs where it would have without "initial" (config.md, "Linux Process").  The
init process is not concerned.
"""

from __future__ import annotations

import os

from runjd.runtime.failing import failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from runjd.spec.model import CpuAffinity


class Affinity:
    """The CPUs of one exec process; None asks for nothing."""

    def __init__(self, asked: CpuAffinity | None) -> None:
        self._asked = asked
        self._before: Collection[int] = ()

    def begin(self) -> None:
        """Before it enters the control groups of the jail."""
        if self._asked is not None and self._asked.initial:
            self._before = os.sched_getaffinity(0)
            _set(self._asked.initial, "initial")

    def end(self) -> None:
        """Once it is in the control groups of the jail."""
        if self._asked is not None and self._asked.final:
            _set(self._asked.final, "final")
        elif self._before:
            _set(self._before, "initial")


def _set(cpus: Collection[int], name: str) -> None:
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        shown = ",".join(map(str, sorted(cpus)))
        raise failure(f"run on CPU {shown}", error, f"process.execCPUAffinity.{name}") from error
