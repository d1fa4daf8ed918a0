"""runjctl comes back to a daemon that went away."""

from __future__ import annotations

from typing import Any

import pytest

from runjd.cli.ctl.returning import StillThere, come_back
from runjd.errors import Busy, Gone
from tests.cli.program import runjctl
from tests.cli.scripted import HELLO, Peer
from tests.cli.test_runjctl import Start


def test_the_next_run_of_a_jail_is_not_come_back_to(scripted: Start) -> None:
    """The program ended while no daemon was there: its status counts, and nobody types into the next one."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear() == "attach web mode=frame"
        peer.say(b"+ jail=web pid=7 mode=frame tty=no session=1 input=yes\n")

    def again(peer: Peer) -> None:
        peer.say(HELLO.replace(b"7f3a91", b"8e1b02"))
        for _ in range(2):
            assert peer.hear() == "status web"
            peer.say(b"* jail=web phase=running pid=9 exit=6 restarts=1\n+ n=1\n")
        assert peer.hear_end() == b""

    assert runjctl("-s", scripted(script, again).path, "attach", "web").returncode == 6


class Connected:
    """A connection to a daemon."""

    def __init__(self, run: str) -> None:
        self.greeting = {"run": run}

    def close(self) -> None:
        """It holds nothing."""


def test_a_daemon_that_has_no_room_is_not_gone() -> None:
    """The next one is full at first, as all come back at once: it is waited for, and is not said to be gone."""
    answers = [Busy("full", retry_ms=10), Busy("full", retry_ms=10), Connected("next")]
    told: list[str] = []

    def connect() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Busy):
            raise answer
        return answer

    found = come_back(connect, "last", told.append, Gone("lost"))

    assert (found.greeting["run"], told, answers) == ("next", [], [])


def test_who_was_left_is_told_from_who_was_lost() -> None:
    """The daemon that closed a connection is still there: what it did was meant, as where its keeper was killed."""
    with pytest.raises(Gone, match="lost") as caught:
        come_back(lambda: Connected("last"), "last", lambda text: None, Gone("lost"))  # type: ignore[arg-type, return-value]

    assert isinstance(caught.value.__cause__, StillThere)


def test_a_process_whose_keeper_ended_is_not_left_by_the_daemon(scripted: Start) -> None:
    """The daemon goes on, and is not said to have ended."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear() == "attach web mode=frame"
        peer.say(b"+ jail=web pid=7 mode=frame tty=no session=1 input=yes\nX 0\n")

    def again(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear_end() == b""

    done = runjctl("-s", scripted(script, again).path, "attach", "web")

    assert b"keeper ended" in done.stderr
    assert b"the daemon ended" not in done.stderr
