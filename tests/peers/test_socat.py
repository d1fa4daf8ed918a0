"""socat(1) as a client of the control socket: commands, and a terminal in raw mode."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.functional.daemon import PATIENCE, Daemon, wait_until

pytestmark = pytest.mark.skipif(
    not shutil.which("socat"), reason="socat is not installed (as root, make test installs it)"
)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Return a daemon that runs."""
    made = Daemon()
    try:
        made.start()
        yield made
    finally:
        made.remove()


def _socat(daemon: Daemon, data: bytes) -> bytes:
    """Return what the daemon sends to somebody who writes this, and then no more."""
    words = ["socat", "-t", str(PATIENCE), "STDIO", f"UNIX-CONNECT:{daemon.path}"]
    return subprocess.run(words, input=data, capture_output=True, check=True, timeout=2 * PATIENCE).stdout


def test_commands_are_answered(daemon: Daemon) -> None:
    """A line in, an answer out; the end of the input is the end of the conversation."""
    greeting, pong, refusal = _socat(daemon, b"7 ping\nnonesuch\n").splitlines()

    assert greeting.startswith(b"! 0 ev=hello ")
    assert pong.startswith(b"+7 at=")
    assert refusal.startswith(b"- UNKNOWN_VERB ")


def test_a_program_is_talked_to_byte_by_byte(daemon: Daemon) -> None:
    """After attach all is the program's, in both directions, binary too, until it ends."""
    daemon.runjctl("run", "-di", "--name", "echo", daemon.shell("echo", "head -c 256; printf done; exit 3"))
    every = bytes(range(256))

    _greeting, answer, rest = _socat(daemon, b"attach echo mode=raw\n" + every).split(b"\n", 2)

    assert answer.startswith(b"+ jail=echo ")
    assert rest == every + b"done"
    wait_until(lambda: daemon.status("echo")["exit"] == 3, "the end of the program")


def test_what_is_typed_is_typed_on_the_terminal_of_the_jail(daemon: Daemon) -> None:
    """Ctrl-C interrupts the program, and what it shows then arrives before the connection ends."""
    script = "trap 'echo caught; exit 4' INT; stty -echo; echo ready; while :; do sleep 0.01; done"
    daemon.runjctl("run", "-di", "-t", "--name", "tty", daemon.shell("tty", script, terminal=True))
    wait_until(lambda: b"ready" in daemon.runjctl("logs", "tty").stdout, "the program")

    said = _socat(daemon, b"attach tty mode=raw\n\x03")

    assert said.endswith(b"caught\r\n")
    wait_until(lambda: daemon.status("tty")["exit"] == 4, "the end of the program")
