"""
What a worker of the keeper does: one operation on a container, and a report of it.

A job is a JSON object, as the daemon's requests are; so is a report: either what
was asked for, with descriptors, or ``error``, the record of one.
"""

from __future__ import annotations

import _socket
import os

from runjd.container.clientio import ClientIo, hold_terminal
from runjd.container.embody import Unfit
from runjd.container.loggers import Logger
from runjd.container.readiness import readiness
from runjd.container.rootmounts import mount_root, unmount_root
from runjd.container.stdio import INIT, Either, Fifos, Terminal
from runjd.errors import BadArgument, InputOutput, RunjdError
from runjd.keeper.channel import Parcel
from runjd.keeper.wire import DESCRIPTOR_SIZE, unpack_descriptors
from runjd.runtime.linux.cgroup.record import recorded
from runjd.runtime.rootmount import RootMount
from runjd.spec.parse import parse_process, process_to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    from runjd.container.operations import Operations
    from runjd.container.readiness import Readiness
    from runjd.container.report import Channel as Conversation
    from runjd.container.state import State
    from runjd.keeper.working import Line
    from runjd.spec.model import Process

    Job = Mapping[str, object]

#: names of what is handed over with the streams of a worker that becomes a process: the conversation with it, and the
#: socket that brings its terminal
LAUNCH = "launch"
CONSOLE = "console"
#: the directory of a container in the making, by which it is locked
LOCK = "lock"
#: key of the report of a worker that did nothing, as the job is none for it
UNFIT = "unfit"
#: key of the report of a failure that left something on the host, whose name was free for it
CLAIMED = "claimed"
#: what a report has room for, beside what it is about
_WARNINGS_MAX = 8
_WARNING_MAX = 2000


class Jobs:
    """
    Carries out jobs, each in a process of its own.

    :param operations: makes the operations; takes what they tell how long hooks may take, and whether systemd makes
        control groups.
    """

    def __init__(self, operations: Callable[[Callable[[float], None], bool], Operations]) -> None:
        self._make = operations

    def perform(self, job: Job, line: Line) -> Parcel:
        """
        Carry out a job; whatever happens, return a report, with what the operation warned of.

        An exec does not return: it has handed over what there was to report, and is the process.

        :param line: to who gave the job.
        """
        operations = self._make(line.expect, job.get("scopes") is True)
        report = _Performance(operations, line).report(job)
        warnings = [each[:_WARNING_MAX] for each in operations.warnings[:_WARNINGS_MAX]]
        return report._replace(message={**report.message, "warnings": warnings}) if warnings else report


class _Performance:
    """One job."""

    def __init__(self, operations: Operations, line: Line) -> None:
        self._operations = operations
        self._line = line

    def report(self, job: Job) -> Parcel:
        """Carry it out, and return a report, whatever happens."""
        try:
            return self._perform(job)
        except Unfit:
            return Parcel({UNFIT: True})
        except RunjdError as error:
            return failed(error)
        except OSError as error:
            return failed(InputOutput(f"{job.get('m')} failed: {error}"))
        except Exception as error:
            # not our habit, but the daemon must hear of it
            return failed(RunjdError(f"{job.get('m')} failed: {type(error).__name__}: {error}; this is a bug of runjd"))

    def _perform(self, job: Job) -> Parcel:
        kind, jail = job["m"], str(job["jail"])
        if kind == "run":
            return self._run(jail, job)
        if kind == "create":
            return self._create(jail, job)
        if kind == "exec":
            return self._exec(jail, job)
        if kind == "process":
            return Parcel({"process": process_to_json(self._operations.process(jail))})
        if kind == "signal":
            self._operations.kill(jail, _integer(job, "signal"), everyone=job.get("everyone") is True)
        elif kind == "delete":
            self._operations.delete(jail, force=job.get("force") is True)
            if job.get("bundle"):
                unmount_root(str(job["bundle"]))
        elif kind == "start":
            self._operations.start(jail)
        elif kind == "pause":
            self._operations.pause(jail)
        elif kind == "resume":
            self._operations.resume(jail)
        elif kind == "update":
            self._operations.update(jail, _object(job, "changes"))
        else:
            raise BadArgument(f'no job named "{kind}"')
        return Parcel({})

    def _run(self, jail: str, job: Job) -> Parcel:
        bundle = str(job["bundle"])
        ready = readiness(str(job.get("ready", "")))
        if ready is not None:
            ready.reserve()
        streams = _Streams(INIT, job)
        runtime = str(job["runtime"])
        if self._line.is_first:
            self._embody(jail, bundle, runtime, streams, ready)
        try:
            state = self._operations.create(jail, bundle, streams.io, runtime=runtime, start=True, ready=ready)
            held = streams.take() | (ready.held if ready is not None else {})
        finally:
            streams.close()
        return _launched(_made(state), held, state.terminal)

    def _embody(self, jail: str, bundle: str, runtime: str, streams: _Streams, ready: Readiness | None) -> NoReturn:
        def leave(conversation: Conversation, state: State, lock: int) -> None:
            held = {LAUNCH: conversation.fd, LOCK: lock} | streams.hand_over()
            held |= ready.held if ready is not None else {}
            self._line.enter(_launched(_made(state), held, state.terminal))

        self._operations.embody(jail, bundle, streams.io, runtime=runtime, leave=leave, ready=ready)

    def _create(self, jail: str, job: Job) -> Parcel:
        """Mount the root, and make a container that waits for its start."""
        bundle = str(job["bundle"])
        streams = _Streams(INIT, job)
        mount_root(bundle, read_mounts(job))
        try:
            state = self._operations.create(jail, bundle, streams.io, runtime=str(job["runtime"]))
            held = streams.take()
        except BaseException:
            streams.abandon()
            unmount_root(bundle)
            raise
        finally:
            streams.close()
        return _launched(_made(state) | streams.logger, held, state.terminal)

    def _exec(self, jail: str, job: Job) -> Parcel:
        name = str(job["exec"])
        if name == INIT:
            raise BadArgument(f'an exec process cannot be named "{INIT}"')
        process = parse_process(job["process"])
        streams = _Streams(name, job)
        if not streams.has_logger:
            self._become(jail, name, process, streams)
        # the logger would be a child of the process
        return self._exec_beside(jail, name, process, streams)

    def _become(self, jail: str, name: str, process: Process, streams: _Streams) -> NoReturn:
        def leave(conversation: Conversation, notices: tuple[str, ...]) -> None:
            held = {LAUNCH: conversation.fd} | streams.hand_over()
            self._line.enter(_launched({"notices": notices}, held, process.terminal))

        self._operations.become(jail, process, streams.io, name, leave)

    def _exec_beside(self, jail: str, name: str, process: Process, streams: _Streams) -> Parcel:
        try:
            started = self._operations.exec(jail, process, streams.io, name)
            held = streams.take()
        except BaseException:
            streams.abandon()
            raise
        finally:
            streams.close()
        report = {"pid": started.pid, "start": started.start_time, "jid": 0, "notices": started.notices}
        return _launched(report | streams.logger, held, process.terminal)


def failed(error: RunjdError) -> Parcel:
    """Return the report of a job that failed."""
    return Parcel({"error": error.to_record()})


class _Streams:
    """
    The stdio of one process: FIFOs, or a pty whose master comes back over a pair of sockets.

    With ``stdio`` in the job it is that of a client: FIFOs of its own, or a program that logs.
    """

    def __init__(self, name: str, job: Job) -> None:
        self._name = name
        self._job = job
        self._sockets: tuple[_socket.socket, ...] = ()
        self._held: dict[str, int] = {}
        self._logger: Logger | None = None
        self.io = Either(self._fifos if job.get("stdio") is None else self._client, self._terminal)

    def take(self) -> dict[str, int]:
        """Return our ends by stream, once the process runs."""
        if self._sockets:
            # the child sent it before its program was executed, so it is here
            self._held["tty"] = receive_descriptor(self._sockets[0])
            if self._logger is not None:  # who copies the terminal copies it there
                self._held["log"] = self._logger.take("out")
                os.close(self._logger.take("err"))
        return self._held

    def hand_over(self) -> dict[str, int]:
        """Return our ends by stream before that; in place of a terminal, the socket that will bring it."""
        return self._held | ({CONSOLE: self._sockets[0].fileno()} if self._sockets else {})

    @property
    def has_logger(self) -> bool:
        """Whether a program is to read what the process writes."""
        stdio = self._job.get("stdio")
        return isinstance(stdio, dict) and bool(stdio.get("argv"))

    @property
    def logger(self) -> dict[str, object]:
        """Return what is to be told of the logger; nothing where there is none."""
        made = self._logger
        return {} if made is None else {"logger": [made.pid, made.start_time]}

    def close(self) -> None:
        """Close what is needed no more."""
        for each in self._sockets:
            each.close()

    def abandon(self) -> None:
        """The process was not made: end the program that was to log its terminal, and let go of the client."""
        if not self._sockets:
            return
        if self._logger is not None:
            self._logger.end()
        for fd in self._held.values():
            os.close(fd)

    def _fifos(self) -> Fifos:
        made = Fifos(self._name, stdin=self._job.get("stdin") is True)
        self._held = made.held
        return made

    def _client(self) -> ClientIo:
        stdio = _object(self._job, "stdio")
        self._logger = _logger_of(stdio)
        stdin, stdout, stderr = (str(stdio.get(name, "")) for name in ("in", "out", "err"))
        made = ClientIo(self._name, stdin, stdout, stderr, self._logger)
        self._held = made.held
        return made

    def _terminal(self) -> Terminal:
        size = _size(self._job)
        stdio = self._job.get("stdio")
        self._logger = _logger_of(stdio)
        if isinstance(stdio, dict):
            stdout = str(stdio.get("out", "")) if self._logger is None else ""
            self._held = hold_terminal(str(stdio.get("in", "")), stdout)
        if self._logger is not None:
            self._logger.start()
        self._sockets = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
        return Terminal(self._sockets[1], size)


def receive_descriptor(socket: _socket.socket) -> int:
    """
    Return the one descriptor that a console socket brings.

    :raise InputOutput: it brings none.
    """
    flags = _socket.MSG_DONTWAIT | getattr(_socket, "MSG_CMSG_CLOEXEC", 0)
    _, ancillary, _, _ = socket.recvmsg(4096, _socket.CMSG_SPACE(DESCRIPTOR_SIZE), flags)
    for level, kind, data in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS and len(data) >= DESCRIPTOR_SIZE:
            return unpack_descriptors(data)[0]
    raise InputOutput("the terminal of the process did not arrive")


def _made(state: State) -> dict[str, object]:
    """Return what is to be told of an init process."""
    report = {"pid": state.pid, "start": state.start_time, "jid": state.jid, "notices": state.notices}
    return report | {"groups": recorded(state.undo)}


def _launched(report: dict[str, object], held: dict[str, int], terminal: bool) -> Parcel:
    report["streams"] = list(held)
    report["terminal"] = terminal
    return Parcel(report, tuple(held.values()))


def _size(job: Job) -> tuple[int, int] | None:
    match job.get("size"):
        case [int(rows), int(columns)] if 0 <= rows < 1 << 16 and 0 <= columns < 1 << 16:
            return rows, columns
        case None:
            return None
        case other:
            raise BadArgument(f"a terminal cannot have the size {other}")


def _logger_of(stdio: object) -> Logger | None:
    """Return the program that logs, not started, where there is to be one."""
    match stdio:
        case {"argv": list(argv), "env": dict(environment)}:
            return Logger([str(each) for each in argv], {str(k): str(v) for k, v in environment.items()})
    return None


def read_mounts(job: Job) -> list[RootMount]:
    """
    Return what is to be mounted on the root.

    :raise BadArgument: it makes no sense.
    """
    mounts = job.get("mounts", [])
    found = []
    for each in mounts if isinstance(mounts, list) else []:
        match each:
            case {"type": str(kind), "source": str(source), "options": list(options)}:
                found.append(RootMount(kind, source, tuple([str(option) for option in options])))
            case _:
                raise BadArgument(f"a mount of the root cannot be {each}")
    return found


def _object(job: Job, key: str) -> Mapping[str, object]:
    value = job.get(key)
    if not isinstance(value, dict):
        raise BadArgument(f"{key} is no object")
    return value


def _integer(job: Job, key: str) -> int:
    value = job.get(key)
    if not isinstance(value, int):
        raise BadArgument(f"{key} is no number")
    return value
