"""An attached connection, with real ptys and pipes and a scripted daemon on the other side."""

from __future__ import annotations

import os
import signal
import socket
import termios
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from runjd.cli.ctl.session import LIMIT, Ended, Session, Streams
from runjd.cli.ctl.signals import Signals
from runjd.cli.terminal import DetachKeys, Terminal
from runjd.errors import Closing
from runjd.protocols.attach import Frame, format_frame, format_named
from tests.cli.scripted import Peer

PATIENCE = 10.0
EXIT_3 = format_named("X", [("exit", "3")])


class Rig:
    """A session on pipes, whose daemon plays a script in a thread; the session runs in the test's own thread."""

    def __init__(self) -> None:
        self.ours, theirs = socket.socketpair()
        theirs.settimeout(PATIENCE)
        self.peer = Peer(theirs)
        self.stdin, self.typing = os.pipe()
        self.showing, self.stdout = os.pipe()
        self.complaining, self.stderr = os.pipe()
        self._open = {self.stdin, self.typing, self.showing, self.stdout, self.complaining, self.stderr}
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def meanwhile(self, act: Callable[[], object]) -> None:
        """Do this in a thread; its failure fails the test."""

        def body() -> None:
            try:
                act()
            except BaseException as failure:
                self._failures.append(failure)

        self._threads.append(threading.Thread(target=body))
        self._threads[-1].start()

    def run(self, **keywords: object) -> Ended:
        """Carry a session to its end."""
        signals = Signals((signal.SIGUSR1, signal.SIGWINCH, signal.SIGCONT))
        streams = Streams(self.stdin, self.stdout, self.stderr)
        with signals:
            arguments = {"first": b"", "streams": streams, **keywords}
            return Session(self.ours, signals=signals, **arguments).run()  # type: ignore[arg-type]

    def shown(self) -> bytes:
        """Return all that was written to standard output."""
        self.close(self.stdout)
        return _read_all(self.showing)

    def complained(self) -> bytes:
        """Return all that was written to standard error."""
        self.close(self.stderr)
        return _read_all(self.complaining)

    def close(self, fd: int) -> None:
        """Close one of the descriptors."""
        if fd in self._open:
            self._open.discard(fd)
            os.close(fd)

    def join(self) -> None:
        """Wait for what goes on meanwhile."""
        for thread in self._threads:
            thread.join(PATIENCE)

    def finish(self) -> None:
        """End everything, and raise what went wrong meanwhile."""
        self.ours.close()
        self.join()
        self.peer.connected.close()
        for fd in tuple(self._open):
            self.close(fd)
        if self._failures:
            raise self._failures[0]


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.finish()


def test_output_goes_where_it_belongs_and_the_exit_ends_it(rig: Rig) -> None:
    """Standard output and error stay apart, and what came before the exit is all written."""
    rig.peer.say(format_frame("O", b"out\0\xff") + format_frame("E", b"err") + EXIT_3)
    assert rig.run() == Ended("exit", {"exit": "3"})
    assert (rig.shown(), rig.complained()) == (b"out\0\xff", b"err")


def test_what_came_with_the_answer_is_shown_first(rig: Rig) -> None:
    """Bytes of the stream that were received with the + line are not lost."""
    rig.peer.say(b"lo" + EXIT_3)
    rig.run(first=b"O 5\nhel")
    assert rig.shown() == b"hello"


def test_input_is_passed_on_and_its_end_closes_standard_input(rig: Rig) -> None:
    """Piped bytes arrive as they are, then the empty I frame."""

    def daemon() -> None:
        received = b""
        while (frame := rig.peer.hear_frame()).data:
            assert frame.kind == "I"
            received += frame.data
        assert (received, frame) == (b"\x10\x11\x03\0\xff", Frame("I", b""))
        rig.peer.say(EXIT_3)

    os.write(rig.typing, b"\x10\x11\x03\0\xff")
    rig.close(rig.typing)
    rig.meanwhile(daemon)
    assert rig.run().how == "exit"


def test_without_input_nothing_is_sent(rig: Rig) -> None:
    """A session that only looks on leaves the program's standard input alone."""

    def daemon() -> None:
        rig.peer.say(EXIT_3)
        assert rig.peer.hear_end() == b""

    rig.close(rig.typing)
    rig.meanwhile(daemon)
    assert rig.run(streams=Streams(None, rig.stdout, rig.stderr)).how == "exit"
    rig.ours.close()


def test_a_lost_connection_is_told_from_an_exit(rig: Rig) -> None:
    """The end of the connection without an X frame is a loss; what came is shown."""
    rig.peer.say(format_frame("O", b"so far"))
    rig.peer.connected.close()
    assert rig.run() == Ended("lost")
    assert rig.shown() == b"so far"


def test_bytes_that_are_no_frames_end_the_session(rig: Rig) -> None:
    """A daemon that breaks the protocol is not believed."""
    rig.peer.say(b"no frame at all")
    with pytest.raises(Closing, match="breaks the protocol"):
        rig.run()


def test_unknown_frames_are_skipped(rig: Rig) -> None:
    """A newer daemon may send more kinds of frames."""
    rig.peer.say(b"Z 3\nxyz" + format_frame("O", b"ok") + EXIT_3)
    rig.run()
    assert rig.shown() == b"ok"


def test_a_gap_is_told_on_standard_error(rig: Rig) -> None:
    """Whoever reads too slowly learns how much is missing, and the output itself stays clean."""
    rig.peer.say(format_named("G", [("lost", "4096")]) + EXIT_3)
    rig.run()
    assert rig.shown() == b""
    assert b"4096 bytes of output are missing" in rig.complained()


def test_who_types_is_told_on_standard_error(rig: Rig) -> None:
    """Somebody took the place, or left it."""
    for types in ("no", "yes"):
        rig.peer.say(format_named("S", [("input", types), ("by", "uid:7")]))
    rig.peer.say(EXIT_3)
    rig.run()
    told = rig.complained()
    assert b"uid:7 has taken over the input" in told
    assert b"your input counts" in told


def test_a_reader_that_goes_away_ends_it_quietly(rig: Rig) -> None:
    """Where nobody reads our output any more, the session ends although nothing is written."""
    rig.meanwhile(lambda: rig.close(rig.showing))
    assert rig.run() == Ended("hangup")


def test_the_exit_counts_even_if_nobody_reads_the_rest(rig: Rig) -> None:
    """The status of a program that ended is known, whoever read its last words."""
    rig.peer.say(format_frame("O", b"x" * 65536) * 3 + EXIT_3)

    def person() -> None:
        os.read(rig.showing, 10)
        rig.close(rig.showing)

    rig.meanwhile(person)
    assert rig.run().how in ("exit", "hangup")


def test_standard_error_that_nobody_reads_is_no_end(rig: Rig) -> None:
    """Error output is dropped where its reader is gone, the rest goes on."""
    rig.close(rig.complaining)
    rig.peer.say(format_frame("E", b"lost") + format_frame("O", b"kept") + EXIT_3)
    assert rig.run().how == "exit"
    assert rig.shown() == b"kept"


def test_both_directions_at_once_do_not_wait_for_each_other(rig: Rig) -> None:
    """Megabytes of echo that nobody reads while megabytes are typed do not lock up."""
    total = 4 * LIMIT
    sent = os.urandom(total)

    def daemon() -> None:
        while (frame := rig.peer.hear_frame()).data:
            rig.peer.say(format_frame("O", frame.data))
        rig.peer.say(EXIT_3)

    def person() -> None:
        view = memoryview(sent)
        while view:
            view = view[os.write(rig.typing, view) :]
        rig.close(rig.typing)

    received: list[bytes] = []
    rig.meanwhile(daemon)
    rig.meanwhile(person)
    rig.meanwhile(lambda: received.append(_read_exactly(rig.showing, total)))
    assert rig.run().how == "exit"
    rig.close(rig.stdout)
    rig.join()
    assert received == [sent]


def test_input_that_is_not_taken_is_not_held_without_bound(rig: Rig) -> None:
    """A program that does not read makes us stop reading."""
    written = 0
    os.set_blocking(rig.typing, False)

    def person() -> None:
        nonlocal written
        idle = 0
        while idle < 20:
            try:
                written += os.write(rig.typing, b"x" * 65536)
                idle = 0
            except BlockingIOError:
                idle += 1
                time.sleep(0.01)
        rig.peer.say(EXIT_3)

    rig.meanwhile(person)
    assert rig.run().how == "exit"
    assert LIMIT <= written <= 4 * LIMIT + 2 * 65536


def interrupt() -> None:
    """Send us a signal once it is caught."""
    deadline = time.monotonic() + PATIENCE
    while signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGUSR1)


def test_other_signals_end_it_and_say_which(rig: Rig) -> None:
    """A signal that is not ours to deal with ends the session, without waiting for anybody."""
    rig.meanwhile(interrupt)
    assert rig.run() == Ended("signal", signum=signal.SIGUSR1)


def test_a_signal_that_was_passed_on_does_not_end_it(rig: Rig) -> None:
    """Whoever takes care of the signal keeps the session alive."""
    seen = []

    def on_signal(signum: int) -> bool:
        seen.append(signum)
        rig.peer.say(EXIT_3)
        return True

    rig.meanwhile(interrupt)
    assert rig.run(on_signal=on_signal).how == "exit"
    assert seen == [signal.SIGUSR1]


@pytest.fixture
def screen(rig: Rig) -> Iterator[tuple[int, Terminal]]:
    """Return the person's side of a pty, and our terminal in raw mode."""
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    with Terminal(slave) as terminal:
        yield master, terminal
    os.close(master)
    os.close(slave)


def on_terminal(rig: Rig, terminal: Terminal, keys: bytes = b"\x10\x11") -> Ended:
    streams = Streams(terminal.fd, terminal.fd, rig.stderr)
    return rig.run(streams=streams, terminal=terminal, keys=DetachKeys(keys))


def test_a_terminal_tells_its_size_first_and_again_when_it_changes(rig: Rig, screen: tuple[int, Terminal]) -> None:
    """The W frame comes at the start and after each SIGWINCH."""
    _, terminal = screen

    def daemon() -> None:
        assert rig.peer.hear_frame() == Frame("W", b"24 80")
        termios.tcsetwinsize(terminal.fd, (50, 132))
        os.kill(os.getpid(), signal.SIGWINCH)
        assert rig.peer.hear_frame() == Frame("W", b"50 132")
        rig.peer.say(EXIT_3)

    rig.meanwhile(daemon)
    on_terminal(rig, terminal)


def test_after_a_stop_the_terminal_is_raw_again(rig: Rig, screen: tuple[int, Terminal]) -> None:
    """The shell put its own modes back while we were stopped; the size may have changed, too."""
    _, terminal = screen
    raw = termios.tcgetattr(terminal.fd)

    def daemon() -> None:
        assert rig.peer.hear_frame().kind == "W"
        cooked = termios.tcgetattr(terminal.fd)
        cooked[3] |= termios.ECHO | termios.ICANON | termios.ISIG
        termios.tcsetattr(terminal.fd, termios.TCSANOW, cooked)
        os.kill(os.getpid(), signal.SIGCONT)
        assert rig.peer.hear_frame() == Frame("W", b"24 80")
        assert termios.tcgetattr(terminal.fd) == raw
        rig.peer.say(EXIT_3)

    rig.meanwhile(daemon)
    on_terminal(rig, terminal)


def test_detach_keys_end_it_and_what_was_typed_before_arrives(rig: Rig, screen: tuple[int, Terminal]) -> None:
    """The keys themselves do not reach the program."""
    master, terminal = screen
    os.write(master, b"ls\x03\x10\x11")
    assert on_terminal(rig, terminal) == Ended("detached")
    assert rig.peer.hear_frame().kind == "W"
    assert rig.peer.hear_frame() == Frame("I", b"ls\x03")
    rig.ours.close()
    assert rig.peer.hear_end() == b""


def test_the_first_detach_key_alone_arrives_after_a_moment(rig: Rig, screen: tuple[int, Terminal]) -> None:
    """^P without ^Q is the shell's; it does not have to be typed twice."""
    master, terminal = screen

    def daemon() -> None:
        assert rig.peer.hear_frame().kind == "W"
        os.write(master, b"\x10")
        assert rig.peer.hear_frame() == Frame("I", b"\x10")
        rig.peer.say(EXIT_3)

    rig.meanwhile(daemon)
    assert on_terminal(rig, terminal).how == "exit"


def test_without_detach_keys_all_bytes_arrive(rig: Rig, screen: tuple[int, Terminal]) -> None:
    """With none, ^P ^Q is input like any other."""
    master, terminal = screen

    def daemon() -> None:
        assert rig.peer.hear_frame().kind == "W"
        os.write(master, b"\x10\x11")
        assert rig.peer.hear_frame() == Frame("I", b"\x10\x11")
        rig.peer.say(EXIT_3)

    rig.meanwhile(daemon)
    on_terminal(rig, terminal, b"")


def test_a_terminal_that_hangs_up_ends_it(rig: Rig) -> None:
    """The person's window was closed."""
    master, slave = os.openpty()
    with Terminal(slave) as terminal:
        rig.meanwhile(lambda: os.close(master))
        assert on_terminal(rig, terminal) == Ended("hangup")
    os.close(slave)


def test_what_the_program_did_to_the_screen_is_undone(rig: Rig, screen: tuple[int, Terminal]) -> None:
    """Whoever detaches from an editor gets the screen and the cursor back."""
    master, terminal = screen

    def daemon() -> None:
        rig.peer.say(format_frame("O", b"\x1b[?1049h\x1b[?25l"))
        assert _read_exactly(master, 14) == b"\x1b[?1049h\x1b[?25l"
        os.write(master, b"\x10\x11")

    rig.meanwhile(daemon)
    assert on_terminal(rig, terminal).how == "detached"
    assert os.read(master, 100) == b"\x1b[?1049l\x1b[?25h\x1b[m"


def test_a_large_paste_whose_echo_is_not_read_does_not_lock_up(rig: Rig, screen: tuple[int, Terminal]) -> None:
    """A terminal that writes its whole paste before it reads again gets through, as far as the buffers go."""
    master, terminal = screen
    pasted = b"p" * 300_000

    def daemon() -> None:
        left = len(pasted)
        while left:
            frame = rig.peer.hear_frame()
            if frame.kind == "I":
                left -= len(frame.data)
                rig.peer.say(format_frame("O", frame.data))
        rig.peer.say(EXIT_3)

    def person() -> None:
        view = memoryview(pasted)
        while view:
            view = view[os.write(master, view[:65536]) :]
        assert _read_exactly(master, len(pasted)) == pasted

    rig.meanwhile(daemon)
    rig.meanwhile(person)
    assert on_terminal(rig, terminal).how == "exit"
    rig.join()


def _read_exactly(fd: int, count: int) -> bytes:
    found = b""
    while len(found) < count and (data := os.read(fd, count - len(found))):
        found += data
    return found


def _read_all(fd: int) -> bytes:
    found = b""
    while data := os.read(fd, 65536):
        found += data
    return found
