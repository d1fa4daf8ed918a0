"""
The configuration that is in force, and how another one takes its place.

Files are read and written off the reactor.  Of reloads that are asked for while one is
under way only one more follows, whose outcome all who asked are told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.config.difference import Difference, difference
from runjd.config.faults import ConfigError, Fault
from runjd.config.model import Configuration, ConfiguredJail, DaemonConfig
from runjd.config.shortform import config_of
from runjd.errors import InputOutput, RunjdError, WrongState
from runjd.interfaces import IConfiguration
from runjd.policy.facts import Definition
from runjd.supervise.bundles import Bundles
from runjd.supervise.causes import CONFIG
from runjd.supervise.controller import Controller

#: faults that are told in the daemon's log; "runjctl check" tells all
_LOGGED = 20
#: jails that are changed before others have their turn: each is written down
_AT_ONCE = 20


@implementer(IConfiguration)
class LiveConfiguration:
    """
    The configuration of a daemon.

    :param read: reads all files, and is told whether jails.d must be there; blocks.
    :param first: what was read at the start, or what was wrong with it: then the jails stay as they are known.
    :param in_thread: calls what blocks.
    :param pause: fires when the reactor has looked after all others.
    :param tune: is told what the daemon itself takes at once.
    """

    _log = Logger()

    def __init__(
        self,
        controller: Controller,
        bundles: Bundles,
        read: Callable[[bool], Configuration],
        first: Configuration | ConfigError,
        in_thread: Callable[..., Deferred[Any]],
        pause: Callable[[], Deferred[None]],
        tune: Callable[[DaemonConfig], None],
    ) -> None:
        self._controller = controller
        self._bundles = bundles
        self._read = read
        self._first = first
        self._in_force = Configuration()
        self._in_thread = in_thread
        self._pause = pause
        self._tune = tune
        self._waiting: list[Deferred[Difference]] = []
        self._by = ""
        self._is_busy = True  # until it has begun
        self._is_over = False
        #: jails that were removed and are not gone yet
        self._leaving: set[str] = set()

    def begin(self) -> Deferred[None]:
        """
        Define what was read at the start, and forget what is configured no more; call it once, with a keeper.

        :return: fires in any case: what cannot be done is told, and keeps no client waiting.
        """
        self._in_force = Configuration(jails=tuple([self._known(id) for id in self._controller.configured()]))

        def done(outcome: Difference | Failure) -> None:
            if isinstance(outcome, Failure):
                self._tell_failure(outcome, CONFIG)
            self._is_busy = False
            self._next()

        return Deferred.fromCoroutine(self._begin()).addBoth(done)

    def end(self) -> None:
        """Take no other configuration any more."""
        self._is_over = True

    def hang_up(self) -> None:
        """SIGHUP came."""
        self.reload("signal").addErrback(lambda _: None)  # it is told in the log

    def compare(self) -> Deferred[Difference]:
        return Deferred.fromCoroutine(self._compare())

    def reload(self, by: str) -> Deferred[Difference]:
        try:
            self._refuse_end()
        except RunjdError as error:
            return fail(error)
        waiter: Deferred[Difference] = Deferred()
        self._waiting.append(waiter)
        self._by = self._by or by
        self._next()
        return waiter

    def _next(self) -> None:
        """Begin a reload for all who wait for one."""
        if self._is_busy or not self._waiting:
            return
        self._is_busy = True
        waiting, self._waiting = self._waiting, []
        by, self._by = self._by, ""

        def done(outcome: Difference | Failure) -> None:
            self._is_busy = False
            if isinstance(outcome, Failure):
                self._tell_failure(outcome, by)
            else:
                self._tell(outcome, by)
            for waiter in waiting:
                waiter.callback(outcome)
            self._next()

        Deferred.fromCoroutine(self._reload(by)).addBoth(done)

    async def _begin(self) -> Difference:
        if isinstance(self._first, ConfigError):
            raise self._first
        self._refuse_taken(self._first)
        return await self._take(self._first, CONFIG)

    async def _compare(self) -> Difference:
        new = await self._load()
        found: Difference = await self._in_thread(difference, self._in_force, new)
        return found

    async def _reload(self, by: str) -> Difference:
        return await self._take(await self._load(), by)

    async def _load(self) -> Configuration:
        needs_directory = len(self._in_force.files) > 1
        new: Configuration = await self._in_thread(self._read, needs_directory)
        self._refuse_taken(new)
        return new

    def _refuse_taken(self, new: Configuration) -> None:
        """:raise ConfigError: RUN defined a jail of a name that is configured now."""
        taken = {facts.id for facts in self._controller.jails()} - set(self._controller.configured())
        faults = [
            Fault(jail.file, 0, ("jail", jail.id), "a jail of that name was made by run; delete it, or choose another")
            for jail in new.jails
            if jail.id in taken
        ]
        if faults:
            raise ConfigError(faults)

    async def _take(self, new: Configuration, by: str) -> Difference:
        """Put another configuration in force; a jail that did not change is not touched."""
        found: Difference = await self._in_thread(difference, self._in_force, new)
        untouched = set(self._controller.configured()) - {*found.added, *found.changed}
        jails = [jail for jail in new.jails if jail.id not in untouched]
        documents = {jail.id: config_of(jail.id, jail.short, self._runtime(jail)) for jail in jails if jail.short}
        if documents:
            await self._in_thread(self._bundles.write, documents)
        self._refuse_end()
        old = {jail.id: jail for jail in self._in_force.jails}
        kept = {jail.id: jail for jail in new.jails}
        problems: list[RunjdError] = []
        self._in_force = new
        removed = [id for id in self._controller.configured() if id not in kept and id not in self._leaving]
        for count, id in enumerate(removed, 1):
            self._remove(id, by)
            if count % _AT_ONCE == 0:
                await self._pause()
        for count, jail in enumerate(jails, 1):
            if count % _AT_ONCE == 0:
                await self._pause()
                self._refuse_end()
            try:
                self._define(jail, by)
            except RunjdError as error:
                problems.append(error)
                kept.pop(jail.id)
                if jail.id in old:
                    kept[jail.id] = old[jail.id]
        self._in_force = new._replace(jails=tuple([kept[id] for id in sorted(kept)]))
        self._tune(new.daemon)
        if problems:
            more = f", and {len(problems) - 1} more could not be changed" if len(problems) > 1 else ""
            raise InputOutput(f"the configuration is in force, but: {problems[0]}{more}; reload again")
        return found

    def _refuse_end(self) -> None:
        """:raise WrongState: the daemon ends; what is not done yet the next one does at its start."""
        if self._is_over:
            raise WrongState("the daemon is shutting down")

    def _define(self, jail: ConfiguredJail, by: str) -> None:
        if jail.id in self._leaving:
            return  # once it is gone
        bundle = self._bundles.path(jail.id) if jail.short is not None else jail.bundle
        self._controller.define(
            Definition(jail.id, bundle, self._runtime(jail), jail.stdin, settings=jail.settings),
            by,
        )

    def _remove(self, id: str, by: str) -> None:
        def gone(_: object) -> None:
            self._leaving.discard(id)
            again = next((jail for jail in self._in_force.jails if jail.id == id), None)
            if again is None:
                self._in_thread(self._bundles.remove, id)
                return
            try:
                self._define(again, by)
            except RunjdError as error:
                self._log.error("{jail} cannot be defined: {error}", jail=id, error=error)

        def failed(failure: Failure) -> None:
            self._log.error("{jail} cannot be removed: {error}", jail=id, error=failure.value)

        self._leaving.add(id)
        self._controller.undefine(id, by).addErrback(failed).addCallback(gone)

    def _runtime(self, jail: ConfiguredJail) -> str:
        return jail.runtime or self._controller.runtimes[0]

    def _known(self, id: str) -> ConfiguredJail:
        """Return a jail as the controller has it, of which nobody remembers how it was written."""
        known = self._controller.facts(id).definition
        return ConfiguredJail(id, "", known.bundle, None, known.runtime, known.stdin, known.settings)

    def _tell(self, found: Difference, by: str) -> None:
        numbers = {
            "added": len(found.added),
            "removed": len(found.removed),
            "changed": len(found.changed),
            "unchanged": found.unchanged,
        }
        self._log.info("the configuration was reloaded: {numbers}", numbers=numbers)
        self._controller.events.emit("", "reload", {"state": "done", **numbers, "by": by})

    def _tell_failure(self, failure: Failure, by: str) -> None:
        error = failure.value
        if not isinstance(error, RunjdError):
            self._log.failure("the configuration could not be taken", failure)
        if isinstance(error, ConfigError):
            for fault in error.faults[:_LOGGED]:
                self._log.error("{fault}", fault=str(fault))
        self._log.error("the configuration stays as it was: {error}", error=error)
        self._controller.events.emit("", "reload", {"state": "failed", "by": by, "reason": str(error)})
