"""Tasks on a real keeper, without containerd: the test calls the services, and hears the events."""

from __future__ import annotations

import json
import os
import select
import shutil
import time
from itertools import count

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from runjd.container.operations import Operations
from runjd.containerd.late import LateSide
from runjd.containerd.proto import events_pb2
from runjd.containerd.proto import task_pb2 as pb
from runjd.containerd.sharing import SharedKeeper
from runjd.containerd.side import ContainerdSide, containerd_side
from runjd.protocols.keeperclient import KeeperClient
from runjd.protocols.ttrpc.call import Call, Caller, Origin
from runjd.protocols.ttrpc.conversation import Conversation
from runjd.protocols.ttrpc.server import TtrpcServer
from runjd.protocols.ttrpc.services import IServices
from runjd.runtime.choose import RUNTIMES
from runjd.supervise.filethreads import FileThreads, mount_of
from tests.keeper.running import RunningKeeper

_TASK = "containerd.task.v2.Task"
_PATIENCE = 15.0


@implementer(IServices)
class Containerd:
    """
    What containerd hears.

    :ivar heard: topic and event, in order.
    :ivar refuses: so many events fail first.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[str, object]] = []
        self.namespaces: set[str] = set()
        self.refuses = 0

    def call(self, call: Call) -> Deferred[bytes]:
        if self.refuses:
            self.refuses -= 1
            raise OSError("not now")
        assert (call.service, call.method) == ("containerd.services.events.ttrpc.v1.Events", "Forward")
        envelope = events_pb2.ForwardRequest.FromString(call.payload).envelope
        assert envelope.timestamp.seconds > 0
        assert ("containerd-namespace-ttrpc", envelope.namespace) in list(call.metadata)
        kind = envelope.event.type_url
        assert kind.startswith("containerd.events.")
        event = getattr(events_pb2, kind.rpartition(".")[2]).FromString(envelope.event.value)
        self.heard.append((envelope.topic, event))
        self.namespaces.add(envelope.namespace)
        return succeed(b"")

    @property
    def topics(self) -> list[str]:
        """The topics, without what they all begin with."""
        return [topic.removeprefix("/tasks/") for topic, _ in self.heard]


class Bench:
    """
    A daemon's side of containerd, with a keeper.

    :param directory: private, and short.
    :param runtime: of the jails.
    :ivar in_thread: does something off the reactor.
    """

    def __init__(self, directory: str, runtime: str = "linux") -> None:
        self.directory = directory
        self.runtime = runtime
        self.in_thread = deferToThread
        self.keeper = RunningKeeper(directory)
        self.containerd = Containerd()
        self.origin = Origin("/run/containerd/containerd.sock", f"{directory}/ttrpc", "ns")
        self._streams = count(1, 2)
        os.mkdir(f"{directory}/tasks", 0o700)
        self._files = FileThreads(reactor, mount_of)
        self._listen()
        self.begin()

    def begin(self) -> None:
        """Be a daemon."""
        directory = f"{self.directory}/tasks"
        self.late = LateSide(
            lambda: containerd_side(
                directory,
                reactor,
                lambda call, *words: self.in_thread(call, *words),
                self._files,
                lambda: self.client,
                Operations(self.keeper.root, RUNTIMES, time.time),
                self.runtime,
            ),
            os.listdir(directory),
        )
        self._ready: Deferred[None] = Deferred()
        self.client = KeeperClient(reactor, self.keeper.path, SharedKeeper(self.late, self), "run")
        self.client.connect()

    @property
    def side(self) -> ContainerdSide:
        """All that deals with tasks."""
        return self.late.side

    async def is_ready(self) -> None:
        """Wait until the keeper told all."""
        await self._ready

    def end(self) -> None:
        """Be killed: nothing is told to anybody."""
        self.late.stop()
        self._files.stop()
        self.client.disconnect()

    async def restart(self) -> None:
        """Be another daemon."""
        self.end()
        self.begin()
        await self.is_ready()

    async def close(self) -> None:
        """End it all."""
        for task in list(self.side.tasks):
            await self.call("Cleanup", pb.CleanupRequest(id=task.id, bundle=task.bundle), service="org.runjd.Shim")
        self.end()
        self.keeper.end()
        port = self._port.stopListening()
        if port is not None:
            await port
        for each in list(self._factory.servers):
            each.transport.abortConnection()
        for _ in range(10):
            await deferLater(reactor, 0.01)
        for name in os.listdir(self.directory):
            path = os.path.join(self.directory, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def call_of(self, method, request, *, stream=0, is_repeated=False, service=_TASK, origin=None) -> Call:
        """Return a call."""
        caller = Caller(origin or self.origin, "c", stream or next(self._streams))
        payload = request if isinstance(request, bytes) else request.SerializeToString()
        return Call(service, method, payload, (), 0.0, caller, is_repeated)

    async def call(self, method, request, answer=None, **how):
        """Make a call, and return its answer."""
        data = await self.send(self.call_of(method, request, **how))
        return answer.FromString(data) if answer is not None else data

    def send(self, call: Call) -> Deferred[bytes]:
        """Make a call that was prepared."""
        return self.late.call(call)

    def bundle(self, id: str, *args: str, terminal: bool = False, **linux) -> str:
        """Make a bundle."""
        return self.keeper.isolated_bundle(id, *args, terminal=terminal, linux=linux or None)

    def fifo(self, name: str) -> str:
        """Make a FIFO, as a client does."""
        path = f"{self.directory}/{name}.fifo"
        os.mkfifo(path, 0o700)
        return path

    async def create(self, id: str, *args: str, terminal: bool = False, **fields) -> int:
        """Make a task; return its pid."""
        bundle = self.bundle(id, *args, terminal=terminal)
        request = pb.CreateTaskRequest(id=id, bundle=bundle, terminal=terminal, **fields)
        return (await self.call("Create", request, pb.CreateTaskResponse)).pid

    async def add(self, id: str, exec_id: str, *args: str, terminal: bool = False, **fields) -> None:
        """Register an exec."""
        process = {"args": args, "cwd": "/", "env": ["PATH=/usr/bin:/bin"], "user": {"uid": 0, "gid": 0}}
        request = pb.ExecProcessRequest(id=id, exec_id=exec_id, terminal=terminal, **fields)
        request.spec.value = json.dumps(process).encode()
        await self.call("Exec", request)

    async def cleanup(self, id: str) -> pb.DeleteResponse:
        """Have it taken away, as the shim does."""
        request = pb.CleanupRequest(id=id, bundle=f"{self.directory}/{id}.bundle")
        return await self.call("Cleanup", request, pb.DeleteResponse, service="org.runjd.Shim")

    async def start(self, id: str, exec_id: str = "") -> int:
        """Start it."""
        return (await self.call("Start", pb.StartRequest(id=id, exec_id=exec_id), pb.StartResponse)).pid

    async def wait(self, id: str, exec_id: str = "") -> int:
        """Return its exit status once it has ended."""
        return (await self.call("Wait", pb.WaitRequest(id=id, exec_id=exec_id), pb.WaitResponse)).exit_status

    async def delete(self, id: str, exec_id: str = "") -> pb.DeleteResponse:
        """Delete it."""
        return await self.call("Delete", pb.DeleteRequest(id=id, exec_id=exec_id), pb.DeleteResponse)

    async def state(self, id: str, exec_id: str = "") -> pb.StateResponse:
        """Return its state."""
        return await self.call("State", pb.StateRequest(id=id, exec_id=exec_id), pb.StateResponse)

    async def status(self, id: str, exec_id: str = "") -> str:
        """Return the name of its status."""
        return pb.Status.Name((await self.state(id, exec_id)).status)

    async def kill(self, id: str, signum: int = 9, exec_id: str = "", everyone: bool = False) -> None:
        """Signal it."""
        await self.call("Kill", pb.KillRequest(id=id, exec_id=exec_id, signal=signum, all=everyone))

    async def until(self, condition) -> None:
        """Wait until something is true."""
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it did not come true"
            await deferLater(reactor, 0.01)

    async def told(self) -> None:
        """Wait until containerd has taken all events, and the daemon knows that."""
        await self.until(lambda: not any(each.untold for each in self.side.tasks.all()))

    async def heard(self, *topics: str) -> list[object]:
        """Wait until the events of these topics, in this order and no others, were heard; return them, and forget."""
        await self.until(lambda: len(self.containerd.heard) >= len(topics))
        assert self.containerd.topics == list(topics)
        heard, self.containerd.heard = self.containerd.heard, []
        return [event for _, event in heard]

    # --- KeeperListener: of what is no task's ----------------------------------

    def ready(self) -> None:
        self._ready.callback(None)

    def process_found(self, found) -> None:
        raise AssertionError(found)

    def process_exited(self, exited) -> None:
        self.client.ack(exited.jail, exited.exec_id, exited.record.pid)

    def leftover_found(self, jail: str) -> None:
        raise AssertionError(jail)

    def keeper_troubled(self, reason: str) -> None:
        raise AssertionError(reason)

    def keeper_lost(self, reason: str) -> None:
        """The test has killed it."""

    # --- inside -------------------------------------------------------------------

    def _listen(self) -> None:
        self._factory = _Servers(self.containerd, self.origin)
        self._port = reactor.listenUNIX(f"{self.directory}/ttrpc", self._factory)


class _Servers(Factory):
    noisy = False

    def __init__(self, services: IServices, origin: Origin) -> None:
        self._services = services
        self._origin = origin
        self.servers: list[TtrpcServer] = []

    def buildProtocol(self, addr: object) -> TtrpcServer:
        made = TtrpcServer(lambda write: Conversation(self._origin, "e", self._services, reactor, write))
        self.servers.append(made)
        return made


def reader(path: str) -> int:
    """Return a client's end of an output; open before there is anybody who writes."""
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def read_all(fd: int) -> bytes:
    """Return what was written until now."""
    found = b""
    try:
        while data := os.read(fd, 65_536):
            found += data
    except BlockingIOError:
        pass
    return found


def readable(fd: int) -> bool:
    """Whether there is something to be read."""
    return bool(select.select([fd], [], [], 0)[0])


def write(path: str, data: bytes) -> None:
    """Write to a FIFO that somebody reads, as a client that comes and goes."""
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, data)
    os.close(fd)
