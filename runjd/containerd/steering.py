"""What is done to a task that exists: signals, pause, limits, its terminal and its input; and what is told of it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from runjd.containerd.place import TaskPlace
from runjd.containerd.process import TaskProcess
from runjd.containerd.task import Task
from runjd.containerd.wording import check_status
from runjd.errors import NotFound, RunjdError, WrongState
from runjd.protocols.ttrpc.status import UNKNOWN, TtrpcError

_SIZES = range(1, 65_536)
#: codes of errors that say that there is no such process any more
_GONE = ("STATE", "NOTFOUND", "NOJAIL")


class Steering:
    """Carries out Kill, Pause, Resume, Update, ResizePty, CloseIO, Pids and Stats."""

    def __init__(self, place: TaskPlace) -> None:
        self._place = place

    async def kill(self, task: Task, process: TaskProcess, signum: int, everyone: bool, mark: str) -> None:
        """
        Signal a process, or everyone.

        :param mark: of the call; the keeper carries it out once, by however many daemons it is asked.

        :raise NotFound: it has ended; that nobody is left of everyone is no error.
        :raise WrongState: it was not started.
        :raise TtrpcError: there is no such signal.
        """
        if process.status == "added" or (process.exec_id and process.is_starting):
            raise WrongState("process not created: failed precondition")
        if not 0 < signum < signal.NSIG:
            reason = f"unable to signal init: invalid argument: there is no signal {signum}"
            raise TtrpcError(UNKNOWN, f"unknown error after kill: {reason}")
        if not process.lives:
            if everyone and not process.exec_id:  # whoever outlived it was killed with it
                return
            raise NotFound("process already finished: not found")
        try:
            await self._place.keeper.signal(task.jail, signum, exec_id=process.name, everyone=everyone, once=mark)
        except RunjdError as error:
            if error.code not in _GONE:
                raise
            raise NotFound("process already finished: not found") from error
        if task.is_paused and signum == signal.SIGKILL and not process.exec_id:
            await self._thaw(task)

    async def _thaw(self, task: Task) -> None:
        """Let what is stopped go on, as it cannot die else."""
        try:
            await self._place.keeper.change(task.jail, "resume")
        except RunjdError as error:
            if error.code not in _GONE:  # it goes on already
                raise
        task.is_paused = False

    async def pause(self, task: Task, is_paused: bool, is_repeated: bool) -> None:
        """
        Stop all processes of a task, or let them go on.

        :param is_repeated: an earlier daemon may have done it.
        :raise TtrpcError: it does not run, or they are stopped, or not, already.
        """
        verb = "pause" if is_paused else "resume"
        async with task.lock:
            if is_repeated and task.is_paused is is_paused and task.init.lives:
                return
            check_status(verb, task.standing)
            await self._place.keeper.change(task.jail, verb)
            task.is_paused = is_paused
            self._place.save(task)
            self._place.announcing.paused(task)

    async def update(self, task: Task, changes: Mapping[str, Any]) -> None:
        """Change limits of a task. :raise RunjdError: they cannot be applied."""
        async with task.lock:
            check_status("update", task.standing)
            await self._place.keeper.change(task.jail, "update", changes)

    def resize(self, process: TaskProcess, rows: int, columns: int) -> None:
        """Set the size of a terminal, now or when there is one; without one there is nothing to do."""
        if rows not in _SIZES or columns not in _SIZES:
            return  # what a client sends that has no terminal itself
        process.size = (rows, columns)
        if process.piping is not None and process.streams.terminal:
            process.piping.resize(rows, columns)

    async def close_input(self, task: Task, process: TaskProcess) -> None:
        """Nothing more is written to a process, but what was written is read."""
        process.is_input_closed = True
        self._place.save(task)
        await close_input(self._place, task, process)

    async def pids(self, task: Task) -> tuple[int, ...]:
        """Return the pids of all processes of a task."""
        if not task.init.lives:
            return ()
        found: tuple[int, ...] = await self._place.in_thread(self._place.looks.processes, task.jail)
        return found

    async def usage(self, task: Task) -> Mapping[str, Any]:
        """Return what a task uses, or did before its end, in the form of a runtime's ``usage``."""
        found: Mapping[str, Any] = await self._place.in_thread(self._place.looks.usage, task.jail, True)
        return found


async def close_input(place: TaskPlace, task: Task, process: TaskProcess) -> None:
    """Close what keeps the input of a process open besides its client; where it does not run yet, that comes later."""
    if process.streams.terminal:
        if process.piping is not None:
            process.piping.close_input()
    elif process.streams.input and process.lives and not process.is_starting:
        try:
            await place.keeper.close_stdin(task.jail, process.name)
        except RunjdError as error:
            if error.code not in _GONE:
                raise
