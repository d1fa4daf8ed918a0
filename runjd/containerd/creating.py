"""Making a task, starting it, and taking it away."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import Logger

from runjd.containerd.connecting import connect
from runjd.containerd.dying import Dying
from runjd.containerd.ends import KILLED, End
from runjd.containerd.loggerend import LoggerEnds
from runjd.containerd.options import Options, read_file
from runjd.containerd.place import TaskPlace
from runjd.containerd.process import TaskProcess, mark_of
from runjd.containerd.sinks import check_log
from runjd.containerd.streams import FILE, Streams, for_keeper
from runjd.containerd.task import Task
from runjd.containerd.tasks import Tasks
from runjd.containerd.wording import no_streams, told
from runjd.errors import (
    AlreadyExists,
    BadArgument,
    Cancelled,
    InputOutput,
    NotFound,
    RunjdError,
    TimedOut,
    Unsupported,
    WrongState,
)
from runjd.protocols.keeperreplies import Launched
from runjd.protocols.ttrpc.call import Call
from runjd.runtime.rootmount import RootMount

#: seconds that output which nobody takes can delay a deletion, and an end the failure of a start
_PATIENCE = 2.0
#: seconds that a file system has to open a file
_FILE_LIMIT = 10.0
#: seconds between looks at what an earlier daemon has asked for, and for which it is looked at
MOMENT, RESUME_LIMIT = 0.05, 60.0


class Creating:
    """
    Carries out Create, Start, Delete and Cleanup of tasks.

    A repeated call is one that an earlier daemon may have carried out: what was done of it is not done again.
    """

    _log = Logger()

    def __init__(self, place: TaskPlace, tasks: Tasks, dying: Dying, loggers: LoggerEnds) -> None:
        self._place = place
        self._tasks = tasks
        self._dying = dying
        self._loggers = loggers

    async def create(
        self, call: Call, id: str, bundle: str, streams: Streams, mounts: Sequence[RootMount], options: Options
    ) -> TaskProcess:
        """
        Make a task that waits for its start.

        :raise AlreadyExists: there is one of that id that has not ended.
        :raise TtrpcError: what the runtime says; nothing is left.
        """
        origin = call.caller.origin
        mark = mark_of(call)
        stdio = asked_streams(streams, origin.namespace, id)
        known = self._tasks.trace(origin.jail(id))
        task = None
        if known is not None and not known.deleted:
            if not (call.is_repeated and known.init.asked == mark):
                if known.init.status != "stopped":
                    raise AlreadyExists(id)
                # containerd does not know it, or it would not ask: when it cleaned up, no daemon was there
                await self.cleanup(call, id, known.bundle)
                known = None
            elif known.init.pid:
                self._place.announcing.created(known, mounts)
                return known.init
            else:
                task = known
        scopes = await self._check(bundle, streams, options)
        if self._tasks.trace(origin.jail(id)) not in (None, known):  # it was made while files were looked at
            raise AlreadyExists(id)
        is_resumed = task is not None
        if task is None:
            task = Task(origin, id, bundle, self._place.runtime, TaskProcess("", streams, {}, mark, "creating"))
            if known is not None:
                task.untold = known.untold
                self._tasks.forget(known)
            self._tasks.add(task)
        process = task.init
        async with task.lock:
            try:
                launched = await self._launch(task, stdio, mounts, scopes, is_resumed)
            except RunjdError as error:
                if error.code != "GONE":  # else nobody knows what became of it: the next daemon, or a deletion, sees
                    self._tasks.forget(task)
                raise told("create", error) from error
            if launched is not None:
                process.pid, process.status, process.logger = launched.pid, "created", launched.logger
                connect(self._place, task, process, launched.descriptors)
                for each in launched.notices:
                    self._log.warn("{notice}", notice=each)
            self._place.announcing.created(task, mounts)
        return process

    async def _launch(
        self, task: Task, stdio: Mapping[str, object], mounts: Sequence[RootMount], scopes: bool, is_resumed: bool
    ) -> Launched | None:
        """
        Have the keeper make it.

        :param is_resumed: an earlier daemon has asked for it, and somebody may be at work on it yet.
        :return: None: that came to its end meanwhile.
        """
        made = [{"type": each.type, "source": each.source, "options": list(each.options)} for each in mounts]
        deadline = self._place.reactor.seconds() + RESUME_LIMIT
        while True:
            try:
                return await self._place.keeper.create(
                    task.jail,
                    task.bundle,
                    task.runtime,
                    stdio=stdio,
                    mounts=made,
                    note={"task": task.id},
                    scopes=scopes,
                )
            except RunjdError as error:
                if task.init.pid:
                    return None
                is_late = self._place.reactor.seconds() > deadline
                if not is_resumed or is_late or error.code not in ("BUSY", "EXISTS"):
                    raise
                if error.code == "EXISTS":  # and nobody is at work on it any more
                    await self._place.keeper.delete(task.jail, force=True, bundle=task.bundle)
            await deferLater(self._place.reactor, MOMENT)

    async def start(self, call: Call, task: Task) -> TaskProcess:
        """
        Execute the program of a task.

        :raise TtrpcError: what the runtime says; the task has ended.
        :raise WrongState: it does not wait for its start.
        """
        async with task.lock:
            process, mark = task.init, mark_of(call)
            is_repeated = call.is_repeated and process.started == mark
            if is_repeated and process.status in ("running", "stopped"):
                return process
            if process.status not in ("created", "starting") or process.is_starting:
                raise WrongState(f"cannot start a container that is {process.status}: failed precondition")
            process.status, process.started, process.is_starting = "starting", mark, True
            self._place.save(task)
            failed: RunjdError | None = None
            try:
                await self._place.execute(task.jail)
            except RunjdError as error:
                if not (is_repeated and error.code == "STATE"):
                    process.status, failed = "created", error
            else:
                process.status = "running"
            finally:
                process.is_starting = False
                if process.status in ("starting", "running"):
                    process.status = "running"
                    self._place.announcing.started(task, process)
                self._take_pending(task, process)
            if failed is not None:
                if failed.code == "OCI":  # who is told that deletes the task, which does not go before its end is told
                    await _awaited(self._place, process.wait())
                raise told("start", failed) from failed
            if process.lives:
                self._place.memory.begin(task.jail, lambda: self._place.announcing.ran_out(task))
            return process

    async def delete(self, call: Call, task: Task) -> End:
        """
        Take away a task that has ended, or was never started.

        :raise NotFound: it was taken away meanwhile.
        :raise WrongState: it runs.
        """
        async with task.lock:
            process = task.init
            if task.deleted or self._tasks.trace(task.jail) is not task:
                raise NotFound(f"container not created: {task.id}: not found")
            if process.lives and process.status != "created":
                raise WrongState("cannot delete a running process: failed precondition")
            await gatherResults([Deferred.fromCoroutine(output_of(self._place, each)) for each in task.processes()])
            if process.end is not None and not process.is_over:
                await process.wait()  # its execs are dying yet, and their ends, and its own, are told before
            await self._remove(task, task.bundle)
            end = process.end or End(KILLED, self._place.now())
            process.end = end
            self._tasks.remember_deleted(task, mark_of(call), end)
            self._end_loggers(task)
            return end

    async def cleanup(self, call: Call, id: str, bundle: str) -> tuple[int, End]:
        """
        Take away whatever there is of a container, and forget it; nothing is no error.

        :return: its pid, and how it ended, as far as that is known.
        """
        jail = call.caller.origin.jail(id)
        task = self._tasks.trace(jail)
        if task is None:
            await self._place.keeper.delete(jail, force=True, bundle=bundle)
            return 0, End(KILLED, self._place.now())
        await self._kill(task)
        async with task.lock:  # whoever was at work on it has come to an end
            if not task.deleted and not task.is_forgotten:
                await self._remove(task, task.bundle)
                self._end_loggers(task)
            self._tasks.forget(task)
        return task.init.pid, task.init.end or End(KILLED, self._place.now())

    async def _kill(self, task: Task) -> None:
        """Have who waits for its processes wait no longer, as a start that gets stuck."""
        if task.init.lives:
            try:
                await self._place.keeper.signal(task.jail, signal.SIGKILL, everyone=True)
            except RunjdError as error:
                self._log.info("{jail}: {error}", jail=task.jail, error=error)

    async def _remove(self, task: Task, bundle: str) -> None:
        if task.init.end is not None:
            await self._place.remove(task.jail, bundle)
            return
        await self._place.keeper.delete(task.jail, force=True, bundle=bundle)
        if task.init.lives:  # its exit was told before, unless nobody saw it
            self._dying.vanished(task, task.init)

    async def _check(self, bundle: str, streams: Streams, options: Options) -> bool:
        """See that the files which a call names are there; return whether systemd is to make the control groups."""
        if not os.path.isabs(bundle):
            raise BadArgument(f'the bundle must be an absolute path, not "{bundle}"')
        await self._check_files(streams)
        return await self._wants_scopes(options)

    async def _check_files(self, streams: Streams) -> None:
        """Make the files that are written to, as nobody would be told later that they cannot be."""
        if streams.kind == FILE:
            for path in set(streams.outputs.values()):
                try:
                    await self._in_time(check_log, path, f"the log {path} could not be opened")
                except InputOutput as error:
                    raise no_streams(error) from error

    async def _wants_scopes(self, options: Options) -> bool:
        """Return whether systemd is to make the control groups. :raise Unsupported: our runtime has none."""
        said = f"{options.file}, which the options of the runtime name, could not be read"
        wanted = options.scopes or (options.file and await self._in_time(read_file, options.file, said))
        if wanted and self._place.runtime != "linux":
            reason = f"SystemdCgroup is not supported on the {self._place.runtime} runtime; leave it out"
            raise Unsupported("", reason)
        return bool(wanted)

    async def _in_time(self, act: Callable[[str], Any], path: str, said: str) -> Any:
        """Do something with a file, whose file system may not answer."""
        done = self._place.files(path, act, path)
        late = self._place.reactor.callLater(_FILE_LIMIT, done.cancel)
        try:
            return await done
        except CancelledError:
            raise TimedOut(f"{said} within {_FILE_LIMIT:g} s") from None
        finally:
            if late.active():
                late.cancel()

    def _take_pending(self, task: Task, process: TaskProcess) -> None:
        record, process.pending = process.pending, None
        if record is not None:
            self._dying.ended(task, process, record)

    def _end_loggers(self, task: Task) -> None:
        for each in task.processes():
            self._loggers.begin(each.logger)


async def output_of(place: TaskPlace, process: TaskProcess) -> None:
    """Wait until what a process wrote is where it goes, but not for ever."""
    if process.piping is None or process.end is None:
        return
    await _awaited(place, process.piping.done())


async def _awaited(place: TaskPlace, done: Deferred[Any]) -> None:
    late = place.reactor.callLater(_PATIENCE, done.cancel)
    try:
        await done
    except (CancelledError, Cancelled):
        return
    finally:
        if late.active():
            late.cancel()


def asked_streams(streams: Streams, namespace: str, id: str) -> dict[str, object]:
    """Return what the keeper is told of the streams of a process. :raise TtrpcError: it cannot be."""
    try:
        streams.outputs  # noqa: B018 - see that they can be told
        return for_keeper(streams, namespace, id)
    except BadArgument as error:
        raise no_streams(error) from error
