"""
The operations of the OCI runtime specification, and ``exec``.

Synchronous, plain code: ``runj`` calls it in its own process, the keeper in a
worker that it forks.  Killed at any moment, it leaves what ``delete`` can take
away.
"""

from __future__ import annotations

import os

from runjd.container.passing import NOTHING
from runjd.container.status import LIVE, STANDS, current
from runjd.container.store import Store
from runjd.errors import BadArgument, InputOutput, NoSuchJail, RunjdError, WrongState
from runjd.spec.ids import check_id
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from typing import NoReturn, TypeVar

    from runjd.container.destroy import Destruction
    from runjd.container.embody import Leave
    from runjd.container.passing import Passed
    from runjd.container.readiness import Readiness
    from runjd.container.report import Channel
    from runjd.container.state import State
    from runjd.container.stdio import Io
    from runjd.container.store import Place
    from runjd.container.survey import Survey
    from runjd.runtime.contract import MemoryWatch, Runtime, Warden
    from runjd.spec.model import Process

    _Made = TypeVar("_Made")


def _nothing() -> None:
    """Nothing to put back."""


def _no_matter(seconds: float) -> None:
    """Nobody has to be told."""


class Started(Value):
    """A process that was executed; a child of the caller."""

    pid: int
    start_time: int
    notices: tuple[str, ...] = ()


class Operations:
    """
    What can be done with the containers of one state directory.

    :param root: the state directory; made, 0700, where it is missing.
    :param runtimes: how to make the runtimes, by name.
    :param wardens: what of them ends jails; the runtimes themselves where that is not said.
    :param now: the wall clock, in seconds.
    :param restore: called in the child before it gives up its rights, to put back
        what the caller changed of itself: limits, nice, oom score.
    :param expect: told, before hooks are run, how many seconds they may take by their own timeouts, and right before
        a new container gets its order, that there is nothing more; may raise OSError: nobody wants it any more.
    :ivar warnings: what went wrong so far but is no failure, one sentence each.
    """

    def __init__(
        self,
        root: str,
        runtimes: Mapping[str, Callable[[], Runtime]],
        now: Callable[[], float],
        restore: Callable[[], None] = _nothing,
        wardens: Mapping[str, Callable[[], Warden]] | None = None,
        expect: Callable[[float], None] = _no_matter,
    ) -> None:
        self._store = Store(root)
        self._runtimes = runtimes
        self._wardens = runtimes if wardens is None else wardens
        self._now = now
        self._restore = restore
        self._expect = expect
        self.warnings: list[str] = []

    def create(
        self,
        id: str,
        bundle: str,
        io: Io,
        *,
        runtime: str,
        start: bool = False,
        passed: Passed = NOTHING,
        ready: Readiness | None = None,
    ) -> State:
        """
        Make a container of a bundle.

        :param start: execute its program at once, and return when that was seen.
        :param passed: descriptors that the program gets as well.
        :param ready: how the program tells that it is ready, where it does.
        :raise RunjdError: and the host is as it was.
        """
        from runjd.container.create import Creation

        made = self._runtime(runtime)
        with self._store.claim(check_id(id)) as place:
            creation = Creation(
                place,
                made,
                self._destruction,
                io,
                self._restore,
                start=start,
                passed=passed,
                expect=self._expect,
                ready=ready,
            )
            state = creation.run(bundle, self._now())
        if start and "poststart" in state.due:
            self._run_poststart(state, io)
        return state

    def embody(
        self, id: str, bundle: str, io: Io, *, runtime: str, leave: Leave, ready: Readiness | None = None
    ) -> NoReturn:
        """
        Become the init process of a new container: ``create`` with ``start`` for the first of a new pid namespace.

        :param leave: see :class:`runjd.container.embody.Embodiment`; who it hands over to deletes what comes to no end.
        :raise Unfit: the container is none for that; nothing was done.
        :raise RunjdError: before ``leave``, and the host is as it was; afterwards the conversation tells.
        """
        from runjd.container.embody import Embodiment

        with self._store.claim(check_id(id)) as place:
            creation = Embodiment(
                place,
                self._runtime(runtime),
                self._destruction,
                io,
                self._restore,
                start=True,
                passed=NOTHING,
                expect=self._expect,
                ready=ready,
            )
            creation.leave = leave
            creation.run(bundle, self._now())
        raise AssertionError("it has become another program, or told why not")

    def start(self, id: str) -> State:
        """
        Execute the program of a created container; returns when that was seen.

        :raise WrongState: it is not ``created``.
        :raise RunjdError: the program cannot be executed, or a hook failed; the container is stopped.
        """
        from runjd.container.start import Start

        with self._store.look(check_id(id)) as place:
            state = current(place)
            if state.status == "created":
                started = Start(place, self._warden(state.runtime), self._destruction, self._restore).run(state)
                if started is not None:
                    return started
                state = current(place)
            raise WrongState(f'cannot start "{id}": {STANDS[state.status]}', jail=id, status=state.status)

    def start_at_once(self, id: str) -> bool:
        """
        Execute the program of a created container that has no hooks; on Linux any thread may do so.

        :return: False where it has hooks, which take their time: nothing was done.
        :raise RunjdError: as :meth:`start`.
        """
        with self._store.look(check_id(id)) as place:
            if _may_have_hooks(place.config()):
                return False
        self.start(id)
        return True

    def delete_at_once(self, id: str, force: bool = True) -> bool:
        """
        Delete a container that has ended and has no hooks; on Linux any thread may do so.

        :param force: as for :meth:`delete`.
        :return: False where it has hooks, which take their time, where nothing isolates it, so that only who forked
            what entered it knows all of that, or where there is none: nothing was done.
        :raise RunjdError: as :meth:`delete`.
        """
        try:
            with self._store.look(check_id(id)) as place:
                state = place.salvage()
                if state is None or not state.runtime or not self._warden(state.runtime).isolated:
                    return False
                if _may_have_hooks(place.config()):
                    return False
        except NoSuchJail:
            return False
        self.delete(id, force=force)
        return True

    def state(self, id: str) -> State:
        """
        Return the container as it is now; waits for nobody.

        :raise NoSuchJail: there is none.
        """
        with self._store.look(check_id(id)) as place:
            return current(place)

    def list(self) -> list[State]:
        """Return all containers, by id; those whose record cannot be read are left out."""
        found = []
        for each in self._store.ids():
            try:
                found.append(self.state(each))
            except RunjdError:
                continue
        return found

    def survey(self, known: Container[str]) -> Survey:
        """
        Return which containers live, and of which something is left, besides the known ones.

        :raise RunjdError: the state directory cannot be read.
        """
        from runjd.container.survey import survey

        return survey(self._store, known)

    def reopen(self, id: str) -> dict[str, int]:
        """
        Return new reading ends of what the init process writes to us, by stream; they are the caller's.

        :raise RunjdError: there is no such container, or what stands in their place is no FIFO.
        """
        from runjd.container import readiness
        from runjd.container.stdio import INIT, reopen

        with self._store.look(check_id(id)) as place:
            return reopen(place.fd, INIT) | readiness.reopen(place.fd)

    def kill(self, id: str, signum: int, everyone: bool = False) -> None:
        """
        Signal the init process, or every process of the container; waits for nobody.

        :param everyone: also who is left where that has ended, if anybody is.
        :raise WrongState: it is stopped.
        """
        with self._store.look(check_id(id)) as place:
            state = current(place)
            if everyone and state.status == "stopped":
                self._signal_rest(place, signum)
                return
            if state.status not in LIVE:
                raise WrongState(f'cannot signal "{id}": {STANDS[state.status]}', jail=id, status=state.status)
            self._warden(state.runtime).signal(state.held(), signum, everyone)

    def kill_rest(self, id: str, signum: int) -> None:
        """
        Signal whoever outlives the init process; nobody where that has not ended, as that of a namesake made since.

        :raise NoSuchJail: there is none.
        """
        with self._store.look(check_id(id)) as place:
            if current(place).status == "stopped":
                self._signal_rest(place, signum)

    def delete(self, id: str, force: bool = False) -> None:
        """
        Take away everything that ``create`` made.

        :param force: also where it runs, or its record is damaged; unknown ids are no error.
        :raise WrongState: it runs.
        """
        from runjd.container.delete import Deletion

        deletion = Deletion(self._store, self._destruction(), self._warden)
        if force:
            deletion.force(check_id(id))
        else:
            deletion.run(check_id(id))

    def pause(self, id: str) -> None:
        """
        Stop every process of a container until ``resume``.

        :raise WrongState: it has none, or they are stopped.
        """
        from runjd.container import control

        with self._store.hold(check_id(id)) as place:
            control.pause(place, self._warden(self._live(place, "pause").runtime))

    def resume(self, id: str) -> None:
        """
        Let the processes of a paused container go on; waits for nobody, as others may wait for this.

        :raise WrongState: it is not paused.
        """
        from runjd.container import control

        with self._store.look(check_id(id)) as place:
            control.resume(place, self._warden(self._live(place, "resume").runtime))

    def update(self, id: str, changes: Mapping[str, object], source: str = "") -> None:
        """
        Change the limits of a container, for good.

        :param changes: of ``linux.resources``, as JSON; what is absent, or 0 where that says nothing, stays.
        :param source: the file they were read from, for errors.
        :raise RunjdError: they cannot be applied; all limits are as they were.
        """
        from runjd.container import control

        with self._store.hold(check_id(id)) as place:
            control.update(place, self._warden(self._live(place, "update").runtime), changes, source)

    def processes(self, id: str) -> tuple[int, ...]:
        """
        Return the pids, as the host sees them, of all processes of a container.

        :raise WrongState: it has none.
        """
        with self._store.look(check_id(id)) as place:
            state = self._live(place, "list the processes of")
            return self._warden(state.runtime).processes(state.held())

    def usage(self, id: str, also_ended: bool = False) -> dict[str, object]:
        """
        Return what a container uses, as JSON values in the form of runc's statistics.

        :param also_ended: of one that is stopped: what it used before.
        :raise WrongState: it has no processes.
        """
        with self._store.look(check_id(id)) as place:
            state = current(place) if also_ended else self._live(place, "measure")
            return self._warden(state.runtime).usage(state.held())

    def watch_memory(self, id: str) -> MemoryWatch:
        """
        Return what tells when a container ran out of memory; the caller's to close.

        :raise WrongState: it has no processes.
        """
        with self._store.look(check_id(id)) as place:
            state = self._live(place, "watch")
            return self._warden(state.runtime).watch_memory(state.held())

    def exec(
        self, id: str, process: Process, io: Io, name: str, passed: Passed = NOTHING, *, while_paused: bool = False
    ) -> Started:
        """
        Run another process in a running container; returns when its program was executed.

        :param name: of the process, unique in the container; for records and messages.
        :param passed: descriptors that the program gets as well.
        :param while_paused: in a paused container, too: it begins when that is resumed.
        :return: the process, a child of the caller.
        """
        from runjd.container.execute import execute

        check_id(name)
        with self._store.hold(check_id(id), shared=True) as place:
            state = self._running(place, while_paused)
            runtime = self._runtime(state.runtime)
            notices = _notices(runtime, id, process)
            return Started(*execute(runtime, state, place, process, io.fit(process), self._restore, passed), notices)

    def become(
        self, id: str, process: Process, io: Io, name: str, leave: Callable[[Channel, tuple[str, ...]], None]
    ) -> NoReturn:
        """
        Become another process in a running container: ``exec`` for whoever would only fork, and end.

        :param leave: hands our parent the other end of the conversation (:mod:`runjd.container.report`) and the
            notices, and lets go of what the process shall not have.
        :raise RunjdError: before that; afterwards the conversation tells.
        """
        from runjd.container.execute import become

        check_id(name)
        with self._store.hold(check_id(id), shared=True) as place:
            state = self._running(place, False)
            runtime = self._runtime(state.runtime)
            notices = _notices(runtime, id, process)
            become(
                runtime,
                state,
                place,
                process,
                io.fit(process),
                self._restore,
                lambda channel: leave(channel, notices),
            )

    def process(self, id: str) -> Process:
        """Return the process of the container's own copy of ``config.json``, from which an exec starts."""
        from runjd.spec.parse import parse_config

        with self._store.look(check_id(id)) as place:
            process = parse_config(place.config(), f"{place.path}/config.json").process
        if process is None:
            raise InputOutput(f'the container "{id}" has no process')
        return process

    def _running(self, place: Place, while_paused: bool) -> State:
        state = current(place)
        if state.status != "running" and not (while_paused and state.status == "paused"):
            raise WrongState(f'cannot exec in "{place.id}": {STANDS[state.status]}', jail=place.id, status=state.status)
        return state

    def _signal_rest(self, place: Place, signum: int) -> None:
        record = place.read()
        if record is not None:
            self._warden(record.runtime).signal_rest(record.held(), signum)

    def _live(self, place: Place, verb: str) -> State:
        state = current(place)
        if state.status not in LIVE:
            raise WrongState(f'cannot {verb} "{place.id}": {STANDS[state.status]}', jail=place.id, status=state.status)
        return state

    def _run_poststart(self, state: State, io: Io) -> None:
        """Run the hooks of a container that runs already; nobody holds it, so that it can be deleted meanwhile."""
        from runjd.container import poststart

        with self._store.look(state.id) as place:
            try:
                poststart.run(place, state, self._restore)
            except BaseException:
                io.close()
                if place.is_current():
                    self.delete(state.id, force=True)
                try:
                    # nobody else knows that it was there
                    os.waitpid(state.pid, 0)
                except ChildProcessError:  # it had to be reaped to take the jail away
                    pass
                raise

    def _destruction(self) -> Destruction:
        """Return what takes containers down; most operations never need it."""
        from runjd.container.destroy import Destruction as Made

        return Made(self._store, self._restore, self.warnings.append, self._expect)

    def _runtime(self, name: str) -> Runtime:
        return _known(self._runtimes, name)()

    def _warden(self, name: str) -> Warden:
        return _known(self._wardens, name)()


def _notices(runtime: Runtime, id: str, process: Process) -> tuple[str, ...]:
    return tuple([f"{id}: {each}" for each in runtime.notices(process)])


def _may_have_hooks(document: bytes) -> bool:
    """Whether a bundle may have hooks, by a look at its text, in which letters may be escaped."""
    return b'"hooks"' in document or b"\\u006" in document or b"\\u0073" in document


def _known(made: Mapping[str, Callable[[], _Made]], name: str) -> Callable[[], _Made]:
    try:
        return made[name]
    except KeyError:
        raise BadArgument(f'unknown runtime "{name}"; there are: {", ".join(made)}', runtime=name) from None
