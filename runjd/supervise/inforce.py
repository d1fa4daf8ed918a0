"""
The configuration that is in force, and how another one takes its place, jail by jail.

All that can go wrong beforehand goes wrong before the first jail is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.config.difference import Difference, difference
from runjd.config.faults import ConfigError, Fault
from runjd.config.model import Configuration, ConfiguredJail, Overrides
from runjd.config.overrides import to_json
from runjd.config.shortform import config_of
from runjd.errors import RunjdError, WrongState
from runjd.policy.facts import Definition
from runjd.policy.order import start_layers
from runjd.supervise.bundles import CONFIG_JSON, OVERRIDES_JSON, Bundles
from runjd.supervise.controller import Controller
from runjd.values import Value

#: jails that are changed before others have their turn: each is written down
_AT_ONCE = 20


class Replaced(Value):
    """What changed, and what could not be changed, so that it is as it was before."""

    difference: Difference
    problems: tuple[RunjdError, ...] = ()


class InForce:
    """
    The configuration that is in force.

    :param in_thread: calls what blocks.
    :param pause: fires when the reactor has looked after all others.
    """

    _log = Logger()

    def __init__(
        self,
        controller: Controller,
        bundles: Bundles,
        in_thread: Callable[..., Deferred[Any]],
        pause: Callable[[], Deferred[None]],
    ) -> None:
        self._controller = controller
        self._bundles = bundles
        self._in_thread = in_thread
        self._pause = pause
        self._now = Configuration()
        self._is_over = False
        #: jails that were removed and are not gone yet
        self._leaving: set[str] = set()
        #: jails whose bundles are made for the configuration that is being taken
        self._coming: set[str] = set()

    @property
    def now(self) -> Configuration:
        """What is in force."""
        return self._now

    @property
    def has_directory(self) -> bool:
        """Whether files of jails.d belong to it."""
        return len(self._now.files) > 1

    def recall(self) -> None:
        """Take for granted what the controller remembers of an earlier daemon."""
        self._now = Configuration(jails=tuple([self._known(id) for id in self._controller.configured()]))

    def end(self) -> None:
        """Change no jail any more."""
        self._is_over = True

    def refuse_end(self) -> None:
        """:raise WrongState: the daemon ends; what is not done yet the next one does at its start."""
        if self._is_over:
            raise WrongState("the daemon is shutting down")

    def refuse_taken(self, new: Configuration) -> None:
        """:raise ConfigError: RUN defined a jail of a name that is configured now."""
        taken = set(self._controller.ids()) - set(self._controller.configured())
        faults = [
            Fault(jail.file, 0, ("jail", jail.id), "a jail of that name was made by run; delete it, or choose another")
            for jail in new.jails
            if jail.id in taken
        ]
        if faults:
            raise ConfigError(faults)

    async def compare(self, new: Configuration) -> Difference:
        """Return what another configuration would change."""
        found: Difference = await self._in_thread(difference, self._now, new)
        return found

    async def replace(self, new: Configuration, by: str) -> Replaced:
        """
        Put another configuration in force; a jail that did not change is not touched.

        :raise RunjdError: nothing was changed.
        """
        return await self._put(await self.compare(new), new, by)

    async def begin(self, new: Configuration, by: str) -> Replaced:
        """
        Put the first one in force: each jail is looked at, as nobody remembers how those that are known were written.

        :raise RunjdError: nothing was changed.
        """
        return await self._put(Difference(added=tuple([jail.id for jail in new.jails])), new, by)

    async def _put(self, found: Difference, new: Configuration, by: str) -> Replaced:
        untouched = set(self._controller.configured()) - {*found.added, *found.changed}
        jails = _in_order([jail for jail in new.jails if jail.id not in untouched])
        made = {jail.id: made for jail in jails if (made := self._made(jail))}
        self._coming = set(made)
        try:
            if made:
                await self._in_thread(self._bundles.write, made)
            self.refuse_end()
            before = {jail.id: jail for jail in self._now.jails}
            self._now = new
            problems = await self._remove_others(new, by)
            problems |= await self._define_all(jails, by)
        finally:
            self._arrived()
        after = {jail.id: jail for jail in new.jails if jail.id not in problems}
        after |= {id: before[id] for id in problems if id in before}
        self._now = new._replace(jails=tuple([after[id] for id in sorted(after)]))
        return Replaced(found, tuple(problems.values()))

    async def _remove_others(self, new: Configuration, by: str) -> dict[str, RunjdError]:
        """Remove the jails that are configured no more; return what could not be, by id."""
        problems: dict[str, RunjdError] = {}
        others = set(self._controller.configured()) - {jail.id for jail in new.jails} - self._leaving
        for count, jail in enumerate(_in_order([self._known(id) for id in sorted(others)])[::-1], 1):
            try:
                self._remove(jail.id, by)
            except RunjdError as error:
                problems[jail.id] = error
            if count % _AT_ONCE == 0:
                await self._pause()
        return problems

    async def _define_all(self, jails: Sequence[ConfiguredJail], by: str) -> dict[str, RunjdError]:
        """Define the jails; return what could not be, by id."""
        problems: dict[str, RunjdError] = {}
        for count, jail in enumerate(jails, 1):
            if count % _AT_ONCE == 0:
                await self._pause()
                self.refuse_end()
            try:
                self._define(jail, by)
            except RunjdError as error:
                problems[jail.id] = error
        return problems

    def _define(self, jail: ConfiguredJail, by: str) -> None:
        if jail.id in self._leaving:
            return  # once it is gone
        is_ours = jail.short is not None or jail.overrides != Overrides()
        bundle = self._bundles.path(jail.id) if is_ours else jail.bundle
        self._controller.define(
            Definition(jail.id, bundle, self._runtime(jail), jail.stdin, settings=jail.settings),
            by,
        )

    def _arrived(self) -> None:
        """All are defined that could be; bundles that were made for others, or are left of them, are removed."""
        coming, self._coming = self._coming, set()
        for id in sorted(coming.difference(self._controller.configured())):
            self._in_thread(self._bundles.remove, id)

    def _remove(self, id: str, by: str) -> None:
        """:raise RunjdError: the jail stays as it is."""

        def gone(_: object) -> None:
            if not self._bring_back(id, by) and id not in self._coming:
                self._in_thread(self._bundles.remove, id)

        def failed(failure: Failure) -> None:
            self._log.error("{jail} cannot be removed: {error}", jail=id, error=failure.value)
            self._bring_back(id, by)

        going = self._controller.undefine(id, by)
        self._leaving.add(id)
        going.addCallbacks(gone, failed)

    def _bring_back(self, id: str, by: str) -> bool:
        """A jail leaves no more: define it where it is configured again; return whether it is."""
        self._leaving.discard(id)
        again = next((jail for jail in self._now.jails if jail.id == id), None)
        if again is None:
            return False
        try:
            self._define(again, by)
        except RunjdError as error:
            self._log.error("{jail} cannot be defined: {error}", jail=id, error=error)
        return True

    def _made(self, jail: ConfiguredJail) -> tuple[str, dict[str, object]] | None:
        """Return the file that its bundle is made by; None where it has one that is taken as it is."""
        if jail.short is not None:
            return CONFIG_JSON, config_of(jail.id, jail.short, self._runtime(jail))
        return None if jail.overrides == Overrides() else (OVERRIDES_JSON, to_json(jail.bundle, jail.overrides))

    def _runtime(self, jail: ConfiguredJail) -> str:
        return jail.runtime or self._controller.runtimes[0]

    def _known(self, id: str) -> ConfiguredJail:
        """Return a jail as the controller has it, of which nobody remembers how it was written."""
        known = self._controller.facts(id).definition
        return ConfiguredJail(id, "", known.bundle, runtime=known.runtime, stdin=known.stdin, settings=known.settings)


def _in_order(jails: Sequence[ConfiguredJail]) -> list[ConfiguredJail]:
    """Return the jails with those first that others require or are behind."""
    by_id = {jail.id: jail for jail in jails}
    layers = start_layers({jail.id: jail.settings for jail in jails})
    return [by_id[id] for layer in layers for id in layer]
