"""
The operations of the OCI runtime specification, and ``exec``.

Synchronous, plain code: ``runj`` calls it in its own process, the keeper in a
worker that it forks.  Killed at any moment, it leaves what ``delete`` can take
away.
"""

from __future__ import annotations

from runjd.container import gate
from runjd.container.passing import NOTHING
from runjd.container.report import EXECUTE
from runjd.container.roots import RootGuard
from runjd.container.state import State
from runjd.container.store import Store
from runjd.errors import BadArgument, InputOutput, NoSuchJail, RunjdError, WrongState
from runjd.kernel.process import boot_id, is_alive
from runjd.spec.ids import check_id
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runjd.container.passing import Passed
    from runjd.container.stdio import Io
    from runjd.container.store import Place
    from runjd.runtime.contract import Runtime
    from runjd.spec.model import Process


def _nothing() -> None:
    """Nothing to put back."""


class Started(Value):
    """A process that was executed; a child of the caller."""

    pid: int
    start_time: int


class Operations:
    """
    What can be done with the containers of one state directory.

    :param root: the state directory; made, 0700, where it is missing.
    :param runtimes: how to make the runtimes, by name.
    :param now: the wall clock, in seconds.
    :param restore: called in the child before it gives up its rights, to put back
        what the caller changed of itself: limits, nice, oom score.
    """

    def __init__(
        self,
        root: str,
        runtimes: Mapping[str, Callable[[], Runtime]],
        now: Callable[[], float],
        restore: Callable[[], None] = _nothing,
    ) -> None:
        self._store = Store(root)
        self._runtimes = runtimes
        self._now = now
        self._restore = restore

    def create(
        self, id: str, bundle: str, io: Io, *, runtime: str, start: bool = False, passed: Passed = NOTHING
    ) -> State:
        """
        Make a container of a bundle.

        :param start: execute its program at once, and return when that was seen.
        :param passed: descriptors that the program gets as well.
        :raise RunjdError: and the host is as it was.
        """
        from runjd.container.create import Creation

        made = self._runtime(runtime)
        with self._store.claim(check_id(id)) as place:
            return Creation(self._store, place, made, io, self._restore, start=start, passed=passed).run(
                bundle, self._now()
            )

    def start(self, id: str) -> State:
        """
        Execute the program of a created container; returns when that was seen.

        :raise WrongState: it is not ``created``.
        :raise RunjdError: the program cannot be executed; the container is stopped.
        """
        with self._store.hold(check_id(id)) as place:
            state = self._current(place)
            channel = gate.approach(place.fd) if state.status == "created" else None
            if channel is None:
                raise WrongState(f'cannot start "{id}": {_STANDS[state.status]}', jail=id, status=state.status)
            try:
                channel.send(EXECUTE)
                channel.wait_executed()
            finally:
                channel.close()
            state = state._replace(status="running")
            try:
                place.write(state)
            except RunjdError:
                # it runs, and that the gate is passed says so, too: a full disk does not make a failure of that
                pass
            return state

    def state(self, id: str) -> State:
        """
        Return the container as it is now; waits for nobody.

        :raise NoSuchJail: there is none.
        """
        with self._store.look(check_id(id)) as place:
            return self._current(place)

    def list(self) -> list[State]:
        """Return all containers, by id; those whose record cannot be read are left out."""
        found = []
        for each in self._store.ids():
            try:
                found.append(self.state(each))
            except RunjdError:
                continue
        return found

    def kill(self, id: str, signum: int, everyone: bool = False) -> None:
        """
        Signal the init process, or every process of the container.

        :raise WrongState: it is stopped.
        """
        with self._store.hold(check_id(id), shared=True) as place:
            state = self._current(place)
            if state.status not in ("created", "running"):
                raise WrongState(f'cannot signal "{id}": {_STANDS[state.status]}', jail=id, status=state.status)
            self._runtime(state.runtime).signal(state.held(), signum, everyone)

    def delete(self, id: str, force: bool = False) -> None:
        """
        Take away everything that ``create`` made.

        :param force: also where it runs, or its record is damaged; unknown ids are no error.
        :raise WrongState: it runs.
        """
        check_id(id)
        try:
            place = self._store.hold(id)
        except NoSuchJail:
            if force:
                return
            raise
        with place:
            state = self._deletable(place, force)
            if state is not None and state.runtime:
                with RootGuard(self._store, place, state) as guard:
                    self._runtime(state.runtime).remove(guard.removable().held())
            place.remove()

    def exec(self, id: str, process: Process, io: Io, name: str, passed: Passed = NOTHING) -> Started:
        """
        Run another process in a running container; returns when its program was executed.

        :param name: of the process, unique in the container; for records and messages.
        :param passed: descriptors that the program gets as well.
        :return: the process, a child of the caller.
        """
        from runjd.container.execute import execute

        check_id(name)
        with self._store.hold(check_id(id), shared=True) as place:
            state = self._current(place)
            if state.status != "running":
                raise WrongState(f'cannot exec in "{id}": {_STANDS[state.status]}', jail=id, status=state.status)
            runtime = self._runtime(state.runtime)
            return Started(*execute(runtime, state, place, process, io, self._restore, passed))

    def process(self, id: str) -> Process:
        """Return the process of the container's own copy of ``config.json``, from which an exec starts."""
        from runjd.spec.parse import parse_config

        with self._store.look(check_id(id)) as place:
            process = parse_config(place.config(), f"{place.path}/config.json").process
        if process is None:
            raise InputOutput(f'the container "{id}" has no process')
        return process

    def _current(self, place: Place) -> State:
        state = place.read()
        if state is None:
            raise NoSuchJail(place.id, "its creation was interrupted, or has just begun")
        return _refreshed(state, place)

    def _deletable(self, place: Place, force: bool) -> State | None:
        try:
            state = place.read()
        except InputOutput:
            if not force:
                raise
            return place.salvage()
        if state is None:
            return None
        now = _refreshed(state, place)
        if now.status == "running" and not force:
            raise WrongState(
                f'cannot delete "{place.id}": {_STANDS[now.status]}; stop it first, or use --force',
                jail=place.id,
                status=now.status,
            )
        return state

    def _runtime(self, name: str) -> Runtime:
        try:
            make = self._runtimes[name]
        except KeyError:
            known = ", ".join(self._runtimes)
            raise BadArgument(f'unknown runtime "{name}"; there are: {known}', runtime=name) from None
        return make()


_STANDS = {
    "creating": "it is still being created",
    "created": "it is created, but was not started",
    "running": "it is running",
    "stopped": "it is stopped",
}


def _refreshed(state: State, place: Place) -> State:
    """Return the record as it is true now."""
    if state.status == "creating":
        return state if place.is_busy() else state._replace(status="stopped", pid=0)
    if state.status not in ("created", "running"):
        return state
    if state.boot_id != boot_id() or not is_alive(state.pid, state.start_time):
        return state._replace(status="stopped", pid=0)
    if state.status == "created" and not gate.is_waiting(place.fd):
        # whoever started it was killed before it could write that down
        return state._replace(status="running")
    return state
