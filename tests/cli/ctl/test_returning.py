"""runjctl comes back to a daemon that went away."""

from __future__ import annotations

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
