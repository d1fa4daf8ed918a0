"""The daemon's end of the keeper's wire."""

import _socket
import json
import os
import struct
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from runjd.errors import KeeperLost, RunjdError, WrongState
from runjd.keeper import messages
from runjd.keeper.channel import Parcel
from runjd.keeper.wire import VERSION
from runjd.policy.facts import ExitRecord
from runjd.protocols.keeperclient import GREETING_TIME, KeeperAbsent, KeeperClient
from runjd.protocols.keeperreplies import Exited, Found, Greeting, Launched
from tests.keeper.running import RunningKeeper, process_of
from tests.protocols.keeperbench import HandReactor, Scene, Told

_NOTE = {"a": [1]}


@pytest.fixture
def scene(private_dir: str) -> Iterator[Scene]:
    """Return a client that has connected."""
    scene = Scene(f"{private_dir}/socket")
    yield scene
    scene.close()
    assert scene.reactor.readers == scene.reactor.writers == []
    assert scene.reactor.getDelayedCalls() == []


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """Return what is logged as a failure."""
    found: list[str] = []

    def observe(event: dict[str, Any]) -> None:
        if event.get("log_failure") is not None:
            found.append(event["log_failure"].getErrorMessage())

    globalLogPublisher.addObserver(observe)
    yield found
    globalLogPublisher.removeObserver(observe)


def _result(deferred: "Deferred[Any]") -> Any:
    results: list[Any] = []
    deferred.addBoth(results.append)
    assert results, "it has no result"
    return results[0]


def _error(deferred: "Deferred[Any]") -> RunjdError:
    failure = _result(deferred)
    assert isinstance(failure, Failure), failure
    assert isinstance(failure.value, RunjdError)
    return failure.value


def _pipe_with(data: bytes) -> tuple[int, int]:
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    return reader, os.dup(reader)


def test_nobody_listens(private_dir: str) -> None:
    """Where there is no keeper, the error says so, and the client can try again."""
    client = KeeperClient(HandReactor(), f"{private_dir}/socket", Told(), "run1")

    for _ in range(2):
        error = _error(client.connect())

        assert isinstance(error, KeeperAbsent)
        assert f"{private_dir}/socket" in str(error)
    assert isinstance(_error(client.shutdown()), KeeperLost)


def test_a_long_path_can_be_connected_to(private_dir: str) -> None:
    """A socket whose path does not fit into a socket address is reached all the same."""
    directory = f"{private_dir}/{'d' * 120}"
    os.mkdir(directory)
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    fd = os.open(directory, os.O_RDONLY)
    listener.bind(f"/proc/self/fd/{fd}/socket")
    os.close(fd)
    listener.listen(1)
    client = KeeperClient(HandReactor(), f"{directory}/socket", Told(), "run1")

    connected = client.connect()

    assert client.is_connected
    client.disconnect()
    assert isinstance(_error(connected), KeeperLost)
    listener.close()


def test_the_greeting(scene: Scene) -> None:
    """Both sides greet; what the keeper has comes after its greeting, then it is ready."""
    scene.greet()
    reader, copy = _pipe_with(b"out")

    scene.say(messages.tell_process("web", "e1", 5, 6, 7, False, ["out", "err"], True, _NOTE, ["n"]), reader, copy)
    scene.say(messages.tell_exit("web", "e1", 5, None, 9, 12.5, True, False))
    scene.say(messages.tell_leftover("old"))
    assert not scene.told.is_ready
    scene.say(messages.tell_ready())

    assert _result(scene.greeted) == Greeting(VERSION, 77, "boot")
    (found,) = scene.told.found
    assert found == Found("web", "e1", 5, 6, 7, False, True, _NOTE, found.descriptors, ("n",))
    assert os.read(found.descriptors["out"], 9) == b"out"
    assert scene.told.exited == [Exited("web", "e1", ExitRecord(5, None, 9, 12.5, True), False)]
    assert scene.told.leftovers == ["old"]
    assert scene.told.is_ready
    for fd in (reader, copy, *found.descriptors.values()):
        os.close(fd)


def test_a_keeper_that_does_not_greet_is_given_up(scene: Scene) -> None:
    """Without a greeting in time the connection fails; the listener hears nothing."""
    scene.reactor.advance(GREETING_TIME + 1)

    assert "did not greet" in str(_error(scene.greeted))
    assert scene.told.lost == []
    assert not scene.client.is_connected


def test_a_refusal_fails_the_connection_with_its_reason(scene: Scene) -> None:
    """A keeper that has a daemon says so, and that is how connecting fails."""
    scene.say(messages.tell_failed(None, WrongState("the keeper has a daemon already")))

    error = _error(scene.greeted)
    assert (error.code, str(error)) == ("STATE", "the keeper has a daemon already")
    assert scene.told.lost == []


def test_requests_and_answers_are_matched(scene: Scene) -> None:
    """Answers may come in any order; each finds its request."""
    scene.greet()
    killed = scene.client.signal("web", 15, exec_id="e1", everyone=True)
    deleted = scene.client.delete("web", force=True)
    closed = scene.client.close_stdin("web", "e1")
    process = scene.client.process("web")
    scene.client.ack("web", "e1", 5)
    assert scene.heard() == [
        messages.ask_signal(1, "web", "e1", 15, True),
        messages.ask_delete(2, "web", True),
        messages.ask_close_stdin(3, "web", "e1"),
        messages.ask_process(4, "web"),
        messages.ask_ack("web", "e1", 5),
    ]

    scene.say(messages.tell_process_json(4, {"args": ["x"]}))
    scene.say(messages.tell_failed(2, WrongState("it runs", jail="web")))
    scene.say(messages.tell_done(3))
    scene.say(messages.tell_done(1))

    assert (_result(killed), _result(closed), _result(process)) == (None, None, {"args": ["x"]})
    error = _error(deleted)
    assert (error.code, error.message, error.details) == ("STATE", "it runs", {"jail": "web"})


def test_run_and_exec_bring_descriptors(scene: Scene) -> None:
    """The result of a run has the process and its streams by name."""
    scene.greet()
    ran = scene.client.run("web", "/b", "linux", stdin=True, size=(24, 80), note=_NOTE)
    executed = scene.client.exec("web", "e1", {"args": ["x"]}, stdin=False, size=None, note={})
    assert scene.heard() == [
        {**messages.ask_run(1, "web", "/b", "linux", True, None, _NOTE), "size": [24, 80]},
        messages.ask_exec(2, "web", "e1", {"args": ["x"]}, False, None, {}),
    ]
    reader, copy = _pipe_with(b"12")

    scene.say(messages.tell_launched(2, 8, 9, 0, True, ["tty"], []), reader)
    scene.say(messages.tell_launched(1, 5, 6, 7, False, ["out", "err"], ["loud"], (), ["/g"]), reader, copy)

    first, second = _result(ran), _result(executed)
    assert first == Launched(5, 6, 7, False, first.descriptors, ("loud",), (), ("/g",))
    assert list(first.descriptors) == ["out", "err"]
    assert second == Launched(8, 9, 0, True, second.descriptors, (), (), ())
    assert not os.get_inheritable(second.descriptors["tty"])
    for fd in (reader, copy, *first.descriptors.values(), *second.descriptors.values()):
        os.close(fd)


def test_no_more_processes_than_there_is_room_for(scene: Scene) -> None:
    """What would be lost on its way is not asked for; one that is dealt with makes room again."""
    scene.greet()
    found = messages.tell_process("db", "", 4, 5, 0, False, [], False, {}, [])
    scene.say(found)
    ran = [scene.client.run(jail, "/b", "linux", stdin=False, size=None, note=_NOTE) for jail in ("a", "b", "too-many")]

    error = _error(ran[2])
    assert (error.code, "enough for 3" in error.message) == ("LIMIT", True)
    assert [each["jail"] for each in scene.heard()] == ["a", "b"]
    scene.say(messages.tell_launched(1, 7, 8, 0, False, [], []))
    scene.say(messages.tell_failed(2, WrongState("it cannot", jail="b")))
    executed = scene.client.exec("a", "e1", {"args": ["x"]}, stdin=False, size=None, note={})
    assert _error(scene.client.run("b", "/b", "linux", stdin=False, size=None, note=_NOTE)).code == "LIMIT"
    scene.client.ack("db", "", 4)
    again = scene.client.run("b", "/b", "linux", stdin=False, size=None, note=_NOTE)
    assert [each["m"] for each in scene.heard()] == ["exec", "ack", "run"]
    assert _result(ran[0]).pid == 7
    assert _error(ran[1]).code == "STATE"
    for each in (executed, again):
        each.addErrback(lambda _: None)


def test_a_writing_end_of_stdin(scene: Scene) -> None:
    """Asking for standard input gives one descriptor; an answer without is an error."""
    scene.greet()
    given = scene.client.stdin("web")
    missing = scene.client.stdin("web", "e1")
    reader, copy = _pipe_with(b"x")

    scene.say(messages.tell_stdin(1), reader)
    scene.say(messages.tell_done(2))

    fd = _result(given)
    assert os.read(fd, 9) == b"x"
    assert "cannot be used" in str(_error(missing))
    for each in (reader, copy, fd):
        os.close(each)


def test_a_cancelled_run_is_found(scene: Scene) -> None:
    """What a cancelled request made is handed to the listener, with its note, so that nothing is lost."""
    scene.greet()
    ran = scene.client.run("web", "/b", "linux", stdin=True, size=None, note=_NOTE)
    stdin = scene.client.stdin("web")
    for each in (ran, stdin):
        each.cancel()
        failure = _result(each)
        assert failure.check(CancelledError)
    reader, copy = _pipe_with(b"x")
    before = len(os.listdir("/proc/self/fd"))

    scene.say(messages.tell_launched(1, 5, 6, 7, False, ["out"], []), reader)
    scene.say(messages.tell_stdin(2), reader)
    scene.say(messages.tell_failed(2, WrongState("told twice")))

    (found,) = scene.told.found
    assert found == Found("web", "", 5, 6, 7, False, True, _NOTE, found.descriptors)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    for fd in (reader, copy, *found.descriptors.values()):
        os.close(fd)


def test_the_loss_of_the_keeper_fails_what_was_asked(scene: Scene) -> None:
    """When the connection ends, all requests fail with KeeperLost, later ones too; the listener is told once."""
    scene.greet()
    asked = [scene.client.delete("web"), scene.client.shutdown()]
    scene.heard()

    scene.keeper.close()
    scene.reactor.turn()
    scene.reactor.turn()

    assert all(isinstance(_error(each), KeeperLost) for each in asked)
    assert scene.told.lost == ["it closed the connection"]
    assert isinstance(_error(scene.client.delete("web")), KeeperLost)
    scene.client.ack("web", "", 1)


def test_disconnecting_tells_nobody(scene: Scene) -> None:
    """After ``disconnect`` requests fail, and the listener hears no more."""
    scene.greet()
    asked = scene.client.delete("web")

    scene.client.disconnect()

    assert isinstance(_error(asked), KeeperLost)
    assert scene.told.lost == []


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400\r\n\r\n", struct.pack("<IH", 2, 1) + b"{}", b"\x02\0\0\0\0\0[]"])
def test_garbage_ends_the_connection(scene: Scene, garbage: bytes) -> None:
    """A peer that sends what is no message is left."""
    scene.greet()

    os.write(scene.keeper.fileno(), garbage)
    scene.reactor.turn()

    assert len(scene.told.lost) == 1
    assert scene.told.lost[0].startswith("it sent ")


def test_messages_of_a_newer_keeper_are_skipped(scene: Scene, complaints: list[str]) -> None:
    """Unknown messages, answers to nobody and missing keys do no harm, and their descriptors are closed."""
    scene.greet()
    reader, copy = _pipe_with(b"")
    before = len(os.listdir("/proc/self/fd"))

    scene.say({"m": "weather", "is": "fine"}, reader, copy)
    scene.say(messages.tell_stdin(99), reader)
    scene.say({"m": "process", "jail": "web", "streams": ["out"]}, reader, copy)
    scene.say({})
    scene.say({"m": "exit", "jail": "web"})

    assert len(os.listdir("/proc/self/fd")) == before
    assert scene.told.found == []
    assert scene.told.exited == [Exited("web", "", ExitRecord(0, None, None, 0.0, False), False)]
    assert len(complaints) == 1
    assert scene.client.is_connected
    os.close(reader)
    os.close(copy)


def test_a_listener_that_fails_does_not_end_the_connection(scene: Scene, complaints: list[str]) -> None:
    """What a listener raises is logged, and the next message is heard."""
    scene.greet()

    def fail() -> None:
        raise ValueError("no")

    scene.told.ready = fail
    scene.say(messages.tell_ready())
    scene.say(messages.tell_exit("web", "", 5, 0, None, 1.0, False, True))

    assert complaints == ["no"]
    assert len(scene.told.exited) == 1


def test_what_comes_behind_a_disconnect_is_closed(scene: Scene) -> None:
    """Messages that were read together with the one that ended the connection are not told, and leak nothing."""
    scene.greet()
    reader, copy = _pipe_with(b"")
    before = len(os.listdir("/proc/self/fd"))

    def leave() -> None:
        scene.client.disconnect()

    scene.told.ready = leave
    scene.keeper.send(lambda: Parcel(messages.tell_ready()))
    scene.keeper.send(
        lambda: Parcel(messages.tell_process("web", "", 5, 6, 0, False, ["out", "err"], False, {}, []), (reader, copy))
    )
    assert scene.keeper.flush()
    scene.reactor.turn()

    assert scene.told.found == []
    assert len(os.listdir("/proc/self/fd")) == before - 1
    os.close(reader)
    os.close(copy)


@pytest_twisted.ensureDeferred
async def test_with_a_real_keeper(private_dir: str) -> None:
    """In the reactor, with the real keeper: run, exec, signal, exit, acknowledge, delete, shut down."""
    keeper = RunningKeeper(private_dir)
    told = Told()
    client = KeeperClient(reactor, keeper.path, told, "run1")
    try:
        assert (await client.connect()).pid == keeper.pid
        bundle = keeper.bundle("web", "/bin/sleep", "1000")
        ran = await client.run("web", bundle, "plain", stdin=True, size=None, note=_NOTE)
        executed = await client.exec("web", "e1", process_of("/bin/sleep", "1000"), stdin=False, size=None, note={})
        stdin = await client.stdin("web")
        await client.close_stdin("web")
        assert (await client.process("web"))["args"] == ["/bin/sleep", "1000"]
        await client.signal("web", 15, exec_id="e1")
        await told.when_exited
        told.when_exited = Deferred()
        await client.signal("web", 9)
        await told.when_exited
        for each in told.exited:
            client.ack(each.jail, each.exec_id, each.record.pid)
        await client.delete("web")
        await client.shutdown()

        assert [(each.exec_id, each.record.pid, each.record.signal) for each in told.exited] == [
            ("e1", executed.pid, 15),
            ("", ran.pid, 9),
        ]
        assert "runs without isolation" in ran.notices[0]
        for fd in (stdin, *ran.descriptors.values(), *executed.descriptors.values()):
            os.close(fd)
    finally:
        client.disconnect()
        assert keeper.process is not None
        keeper.process.wait(5)
        keeper.end()


def test_a_keeper_is_replaced_in_the_middle_of_a_conversation(scene: Scene) -> None:
    """The answer names both versions, and what was asked before and behind is answered as ever."""
    scene.greet()
    upgraded, process = scene.client.upgrade(), scene.client.process("web")
    first, second = scene.heard()

    scene.say({**messages.tell_upgraded(int(str(first["req"])), "1.0"), "software": "2.0"})
    scene.say(messages.tell_process_json(int(str(second["req"])), {"args": []}))

    assert first == messages.ask_upgrade(1)
    assert _result(upgraded) == ("1.0", "2.0")
    assert _result(process) == {"args": []}


#: what a keeper of the first version of the wire said, byte for byte, to a daemon that ran and ended a jail
_FIRST_VERSION = (
    b'{"m":"hello","version":1,"pid":77,"boot":"b"}',
    b'{"m":"process","jail":"web","exec":"","pid":5,"start":6,"jid":0,"terminal":false,"streams":[],"stdin_open":false}',
    b'{"m":"exit","jail":"web","exec":"","pid":5,"status":3,"signal":null,"at":1.5,"core":false,"recorded":true}',
    b'{"m":"ready"}',
    b'{"m":"done","req":1}',
)


def test_a_keeper_of_the_version_before_is_served(scene: Scene) -> None:
    """It is understood, asked nothing that it would not answer, and left as it is by an upgrade."""
    for said in _FIRST_VERSION[:4]:
        scene.say(json.loads(said))
    upgraded, signalled = scene.client.upgrade(), scene.client.signal("web", 15)
    scene.say(json.loads(_FIRST_VERSION[4]))

    assert _result(scene.greeted) == Greeting(1, 77, "b")
    assert scene.told.exited == [Exited("web", "", ExitRecord(5, 3, None, 1.5, False), True)]
    assert scene.told.is_ready
    assert _result(upgraded) is None
    assert _result(signalled) is None
    assert [message["m"] for message in scene.heard()] == ["hello", "signal"]


def test_a_keeper_that_knows_no_scopes_is_not_asked_for_them(scene: Scene) -> None:
    """It would make a jail without them, and not say so."""
    scene.say({"m": "hello", "version": 2, "pid": 77, "boot": "b"})

    def create(scopes: bool) -> "Deferred[Launched]":
        return scene.client.create("web", "/b", "linux", stdio={}, mounts=(), note={}, scopes=scopes)

    refused, asked = create(True), create(False)

    assert "`runjctl upgrade` replaces it" in str(_error(refused))
    assert not asked.called
    asked.addErrback(lambda lost: None)
    assert [message.get("scopes") for message in scene.heard() if message["m"] == "create"] == [None]
