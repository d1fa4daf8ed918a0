"""The conversation between the child and its parent."""

import os
import socket

import pytest

from runjd.container.report import EXECUTE, FAILED, READY, UNDO, Channel, pair
from runjd.errors import RunjdError, RuntimeFailure
from runjd.runtime.contract import Undo
from tests.container.jails import wait


def test_messages_arrive_whole_and_in_order() -> None:
    """What was made, that all is ready, the order, and the end."""
    ours, theirs = pair()
    ours.reply()
    theirs.made(Undo("unmount", "/ä\n"))
    theirs.send(READY)
    ours.send(EXECUTE)

    assert ours.receive().undo() == Undo("unmount", "/ä\n")
    assert ours.receive().kind == READY
    assert theirs.receive().kind == EXECUTE
    theirs.about_to_execute()
    theirs.close()
    assert ours.wait_executed()
    ours.close()


def test_each_message_says_that_it_ends() -> None:
    """FreeBSD 15 joins those that do not."""

    class Socket:
        flags: list[int] = []

        def send(self, packet: bytes, flags: int) -> None:
            self.flags.append(flags)

    channel = Channel(Socket())
    channel.send(READY)
    channel.reply()
    channel.about_to_execute()
    channel.appeared(7)

    assert all(each & socket.MSG_EOR for each in Socket.flags)
    assert len(Socket.flags) == 4


def test_an_end_without_a_word_is_no_execution() -> None:
    """The child was killed behind the order, or took it from somebody else."""
    ours, theirs = pair()
    ours.send(EXECUTE)
    theirs.close()

    assert not ours.wait_executed()
    ours.close()


def test_who_asks_does_not_go_on_when_nobody_is_there() -> None:
    """What cannot be put on record must be taken back."""
    ours, theirs = pair()
    ours.close()

    with pytest.raises(RuntimeFailure, match="whoever creates it was killed"):
        theirs.made(Undo("rmdir", "/x"))
    theirs.about_to_execute()
    theirs.close()


def test_an_answer_that_comes_too_late_is_no_error() -> None:
    """What the other side said last still is to be read."""
    ours, theirs = pair()
    theirs.failed(RunjdError("no"))
    theirs.close()

    ours.reply()

    assert str(ours.receive().error()) == "no"
    ours.close()


def test_an_error_arrives_with_all_that_it_knows() -> None:
    """Code, message, details."""
    ours, theirs = pair()
    theirs.failed(RuntimeFailure("mount /proc", "no such device", "mounts[0]", 19))

    error = ours.receive().error()

    assert (error.code, str(error)) == ("OCI", "mounts[0]: mount /proc: no such device")
    assert error.details == {"step": "mount /proc", "path": "mounts[0]", "errno": "19"}
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        MemoryError(),
        RunjdError("x" * 10**6, big="y" * 10**6),
        RunjdError("ä" * 10**6),
        RunjdError("ä" * 10**6, big="y" * 6000),
    ],
)
def test_whatever_went_wrong_something_is_told(error: BaseException) -> None:
    """A bug of ours and a message without end are told as well, in no more bytes than FreeBSD sends at once."""
    ours, theirs = pair()
    theirs.failed(error)

    message = ours.receive()

    assert message.kind == FAILED
    assert str(message.error())
    assert len(message.body) < 8192
    ours.close()
    theirs.close()


def test_an_error_behind_the_order_is_raised() -> None:
    """The program was not executed."""
    ours, theirs = pair()
    theirs.failed(RunjdError("no"))

    with pytest.raises(RunjdError, match="no"):
        ours.wait_executed()
    ours.close()
    theirs.close()


def test_a_child_that_is_killed_is_the_end() -> None:
    """Its parent does not wait for ever."""
    ours, theirs = pair()
    pid = os.fork()
    if pid == 0:
        os.kill(os.getpid(), 9)
    theirs.close()

    assert ours.receive().kind == b""
    wait(pid)
    ours.close()


def test_the_largest_undo_fits() -> None:
    """A path may have 4096 bytes."""
    ours, theirs = pair()
    undo = Undo("unmount", "/" + "ä" * 2047)
    ours.reply()
    theirs.made(undo)

    message = ours.receive()

    assert (message.kind, message.undo()) == (UNDO, undo)
    ours.close()
    theirs.close()
