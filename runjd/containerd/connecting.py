"""Connecting a process with the streams of its client, as far as it is not connected by itself."""

from __future__ import annotations

import os
from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.container.clientio import open_client_fifo
from runjd.containerd.copying import Copying, FifoSource
from runjd.containerd.place import TaskPlace
from runjd.containerd.process import TaskProcess
from runjd.containerd.sinks import FifoSink, FileSink, Sink, fifo_sink
from runjd.containerd.streams import FIFO, FILE
from runjd.containerd.task import Task
from runjd.errors import RunjdError
from runjd.protocols.jailprocess import JailProcess
from runjd.supervise.watched import others_of, outputs_of, spools_of

_log = Logger()


def connect(place: TaskPlace, task: Task, process: TaskProcess, descriptors: Mapping[str, int]) -> None:
    """
    Copy what has to be copied, and keep open what its client may come back to.

    :param descriptors: from the keeper, by stream; ours now.
    """
    others = dict(others_of(descriptors))
    log = others.pop("log", -1)
    for fd in others.values():
        os.close(fd)
    outputs = outputs_of(descriptors)
    if outputs:
        source = _source(place, process) if process.streams.terminal else None
        copying = Copying(place.reactor, _sinks(place, process, log), source)
        control = _Control(place, task, process)
        transport = JailProcess(place.reactor, copying, control, process.pid, outputs, process.streams.terminal)
        for child_fd, fd in spools_of(descriptors).items():
            transport.precede(child_fd, fd)
        process.piping = copying
        transport.connect()
        if process.size is not None:
            copying.resize(*process.size)
    else:
        for fd in spools_of(descriptors).values():
            os.close(fd)
    if not process.streams.terminal and process.streams.kind == FIFO:
        process.readers += _readers(process)


def disconnect(process: TaskProcess) -> None:
    """Close all of it."""
    piping, process.piping = process.piping, None
    if piping is not None:
        piping.let_go()
    for fd in process.readers:
        os.close(fd)
    process.readers.clear()


def _sinks(place: TaskPlace, process: TaskProcess, log: int) -> dict[int, Sink]:
    """
    Return where the outputs of a process go that are copied.

    :param log: where a terminal is copied to, as the keeper has that open; -1 where it has not.
    """
    if log >= 0:
        os.set_blocking(log, False)
        return {1: FifoSink(place.reactor, log)}
    made: dict[int, Sink] = {}
    files: dict[str, Sink] = {}
    for child_fd, path in process.streams.outputs.items():
        if process.streams.kind == FILE:
            made[child_fd] = files.setdefault(path, FileSink(place.files, path))
        else:
            made[child_fd] = fifo_sink(place.reactor, path)
    return made


def _source(place: TaskPlace, process: TaskProcess) -> FifoSource | None:
    if not process.streams.input:
        return None
    try:
        return FifoSource(place.reactor, process.streams.input)
    except RunjdError as error:
        _log.warn("nothing is typed: {error}", error=error)
        return None


def _readers(process: TaskProcess) -> list[int]:
    """Return reading ends of its FIFOs, by which what was not read yet outlives the process."""
    made = []
    for path in process.streams.outputs.values():
        try:
            made.append(open_client_fifo(path, os.O_RDONLY | os.O_NONBLOCK))
        except RunjdError:
            continue  # its client is gone, with the FIFO
    return made


class _Control:
    """The keeper's part; a :class:`runjd.protocols.jailprocess.Control`."""

    def __init__(self, place: TaskPlace, task: Task, process: TaskProcess) -> None:
        self._place = place
        self._jail = task.jail
        self._name = process.name

    def signal(self, signum: int) -> None:
        self._place.keeper.signal(self._jail, signum, exec_id=self._name).addErrback(self._tell)

    def open_stdin(self) -> Deferred[int]:
        return self._place.keeper.stdin(self._jail, self._name)

    def close_stdin(self) -> None:
        self._place.keeper.close_stdin(self._jail, self._name).addErrback(self._tell)

    def _tell(self, failure: Failure) -> None:
        _log.info("{jail}: {error}", jail=self._jail, error=failure.value)
