"""What exec processes start from: the process of the jail's bundle, asked of the keeper once for several."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred, succeed

from runjd.spec.model import Process
from runjd.spec.parse_process import parse_process

#: runs of jails whose process is remembered, about 10 KB each; whoever was asked for last is forgotten last
REMEMBERED = 16


class ExecDefaults:
    """
    Remembers a few, so that not each exec takes a worker of the keeper to read a file first.

    :param ask: asks the keeper for ``process`` of a jail's config.json.
    """

    __slots__ = ("_ask", "_known")

    def __init__(self, ask: Callable[[str], Deferred[Mapping[str, object]]]) -> None:
        self._ask = ask
        self._known: dict[tuple[str, int], Process] = {}

    def find(self, jail: str, pid: int) -> Deferred[Process]:
        """
        Return the process of a run of a jail.

        :param pid: of the init process, which tells one run from the next.
        """
        known = self._known.pop((jail, pid), None)
        if known is not None:
            self._known[jail, pid] = known
            return succeed(known)
        return self._ask(jail).addCallback(self._remember, (jail, pid))

    def _remember(self, document: Mapping[str, object], key: tuple[str, int]) -> Process:
        process = parse_process(document)
        self._known[key] = process
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return process
