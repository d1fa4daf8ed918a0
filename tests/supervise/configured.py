"""A daemon in memory with files of a configuration."""

import os

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from runjd.config.faults import ConfigError
from runjd.config.load import load
from runjd.errors import RunjdError
from runjd.supervise.configuration import LiveConfiguration
from runjd.supervise.inforce import InForce
from tests.config.written import write
from tests.supervise.world import World, value


class Threads:
    """Calls that are carried out when the test says so."""

    def __init__(self) -> None:
        self._calls = []

    def __call__(self, call, *words):
        done: Deferred = Deferred()
        self._calls.append((done, call, words))
        return done

    def work(self, limit: int | None = None) -> None:
        """Carry out all calls, and those that follow from them; or so many."""
        while self._calls and limit != 0:
            limit = None if limit is None else limit - 1
            done, call, words = self._calls.pop(0)
            try:
                result = call(*words)
            except RunjdError:
                result = Failure()
            done.callback(result)


class Bench:
    """A daemon in memory with files of a configuration."""

    def __init__(self, directory) -> None:
        self.etc = directory / "etc"
        os.mkdir(directory / "bundles")
        self.bundles = directory / "bundles"
        self.world = World(str(directory))
        self.tuned = []
        self.reloading = []
        self.reads = 0
        self.pauses: list[Deferred] | None = None
        self.write()

    @property
    def controller(self):
        return self.world.controller

    def write(self, main="", **jails):
        self.file = write(self.etc, main, **jails)

    def read(self, needs_directory=False):
        self.reads += 1
        return load(self.file, self.controller.runtimes, needs_directory=needs_directory)

    def pause(self):
        """Pause for no time, unless a test wants to say when it is over."""
        if self.pauses is None:
            return succeed(None)
        self.pauses.append(Deferred())
        return self.pauses[-1]

    def begin(self, main="", **jails):
        """Begin with these files, as a daemon does; or with wrong ones."""
        self.write(main, **jails)
        try:
            first = self.read()
        except ConfigError as error:
            first = error
        self.live = self.make(first)
        begun = self.live.begin()
        self.threads.work()
        value(begun)

    def make(self, first):
        """Make what is tested, on threads of its own."""
        self.threads = Threads()
        in_force = InForce(self.controller, self.world.site.bundles, self.threads, self.pause)
        return LiveConfiguration(
            in_force, self.world.site.events, self.read, first, self.threads, self.tuned.append, self.reloading.append
        )

    def reload(self, main="", **jails):
        """Reload these files; return the difference."""
        self.write(main, **jails)
        reloaded = self.live.reload("uid:0")
        self.threads.work()
        return value(reloaded)

    def asked(self):
        """Return what the keeper was asked since the last time."""
        asked, self.world.keeper.asked = self.world.keeper.asked, []
        return asked

    def known(self):
        """Return the jails with their phases."""
        return {facts.id: facts.phase for facts in self.controller.jails()}


WEB = '[jail.web]\nbundle = "/b/web"\n'
DB = '[jail.db]\nbundle = "/b/db"\n'
SHORT = '[jail.web]\nroot = "/r"\ncommand = ["/c"]\n'
