"""
One attached connection: frames on one side, our stdin, stdout and stderr on the other.

One loop in poll(2) with bounded buffers.  The two directions do not wait for each
other, so a large paste whose echo nobody reads yet cannot lock up, and nothing
ever waits inside write(2): descriptors that are shared with others are never made
non-blocking, but written in pieces that poll(2) promises to take.
"""

from __future__ import annotations

import errno
import os
import select
import time
from collections import deque

from runjd.cli.ctl.screen import ScreenModes
from runjd.cli.ctl.sink import Sink
from runjd.cli.terminal import is_gone
from runjd.errors import Closing, RunjdError
from runjd.protocols.attach import FrameReader, format_frame, format_frames, format_size, parse_named
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    import signal as _signal
    from collections.abc import Callable, Mapping

    from runjd.cli.ctl.signals import Signals
    from runjd.cli.terminal import DetachKeys, Terminal
else:
    import _signal

#: bytes held for the daemon, and for each of stdout and stderr
LIMIT = 262144
#: seconds for which the beginning of the detach keys is held back
KEY_PAUSE = 0.5

_CHUNK = 65536
_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Ended(Value):
    """
    How a session ended.

    :ivar how: ``exit`` (the ``X`` frame came, ``fields`` is what it says), ``detached``, ``lost`` (the connection),
        ``signal`` (we got ``signum``), ``hangup`` (nobody reads our output any more, or the terminal is gone).
    """

    how: str
    fields: Mapping[str, str] = {}
    signum: int = 0


class Streams(Value):
    """Our descriptors; ``stdin`` is None where nothing is to be sent."""

    stdin: int | None
    stdout: int
    stderr: int


class Session:
    """
    Carries bytes both ways until one side ends it.

    The terminal, where there is one, is in raw mode already and is left so.

    :param connected: the connection behind the ``+`` line.
    :param first: what came with that line.
    :param terminal: the terminal that the program has, None for plain streams.
    :param keys: detach keys, looked for where stdin is a terminal.
    :param signals: entered; WINCH and CONT are dealt with here, others end the session.
    :param on_signal: asked first about INT, TERM, HUP and QUIT; True: the session goes on.
    """

    def __init__(
        self,
        connected: _socket.socket,
        first: bytes,
        streams: Streams,
        signals: Signals,
        terminal: Terminal | None = None,
        keys: DetachKeys | None = None,
        on_signal: Callable[[int], bool] | None = None,
    ) -> None:
        self._socket = connected
        self._reader = FrameReader()
        self._stdin = streams.stdin
        self._signals = signals
        self._terminal = terminal
        self._keys = keys
        self._on_signal = on_signal
        self._outgoing: deque[bytes] = deque()
        self._outgoing_size = 0
        self._can_send = True
        self._out = Sink(streams.stdout, terminal if terminal and os.isatty(streams.stdout) else None)
        self._err = Sink(streams.stderr)
        self._err_gone = False
        self._out_gone = False
        self._hold_until = 0.0
        self._screen = ScreenModes() if os.isatty(streams.stdout) and terminal else None
        self._ended: Ended | None = None
        self._first = first

    def run(self) -> Ended:
        """
        Carry until the end, and write all that came before it.

        :raise Closing: what the daemon sends is no frame.
        """
        connected = self._socket
        connected.setblocking(False)
        self._poll = select.poll()
        self._masks: dict[int, int] = {}
        try:
            if self._terminal:
                self._send_size()
            if self._first:
                self._receive(self._first)
            while not (self._ended and self._is_done(self._ended)):
                self._turn()
            return self._ended
        finally:
            self._restore_screen()
            self._out.close()

    def notice(self, text: str) -> None:
        """Say something to the person, between the program's output."""
        if self._terminal:
            self._err.add(f"\r\n[{text}]\r\n".encode())
        else:
            self._err.add(f"runjctl: {text}\n".encode())

    def _tell_input(self, fields: Mapping[str, str]) -> None:
        if fields.get("input") == "no":
            self.notice(f"{fields.get('by', 'somebody')} has taken over the input; you look on")
        else:
            self.notice("nobody else types any more; your input counts")

    def _is_done(self, ended: Ended) -> bool:
        """Whether nothing is left to be written that somebody still waits for."""
        if ended.how in ("signal", "hangup"):
            return True
        return not self._out.size and not self._err.size

    def _turn(self) -> None:
        is_open = self._ended is None
        wants_input = is_open and self._can_send and self._outgoing_size < LIMIT
        wants_output = is_open and self._out.size < LIMIT and self._err.size < LIMIT
        self._watch(self._signals.fd, select.POLLIN)
        # an event that nobody wants now must not be watched for: POLLHUP would come at once and forever
        sending = select.POLLOUT if self._outgoing else 0
        self._watch(self._socket.fileno(), is_open * (sending | (select.POLLIN if wants_output else 0)))
        if self._stdin is not None:
            self._watch(self._stdin, select.POLLIN if wants_input else 0)
        if not self._out_gone:
            self._watch(self._out.fd, select.POLLOUT if self._out.size else select.POLLERR)
        self._watch(self._err.fd, select.POLLOUT if self._err.size else 0)
        ready = dict(self._poll.poll(self._patience()))
        self._release_keys()
        if ready.get(self._signals.fd):
            self._take_signals()
        if seen := ready.get(self._out.fd):
            self._write_out(seen)
        if ready.get(self._err.fd):
            self._write_err()
        if is_open and self._ended is None:
            self._serve(ready.get(self._socket.fileno(), 0), wants_output)
        if self._stdin is not None and self._ended is None and ready.get(self._stdin):
            self._read_stdin(self._stdin)

    def _serve(self, seen: int, wants_output: bool) -> None:
        if seen & select.POLLOUT:
            self._write_socket()
        if wants_output and seen & (select.POLLIN | _GONE):
            try:
                data = self._socket.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if data:
                self._receive(data)
            else:
                self._ended = Ended("lost")

    def _receive(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed(data):
                if frame.kind == "O":
                    if self._screen:
                        self._screen.feed(frame.data)
                    self._out.add(frame.data)
                elif frame.kind == "E" and not self._err_gone:
                    self._err.add(frame.data)
                elif frame.kind == "G":
                    lost = parse_named(frame.data).get("lost", "some")
                    self.notice(f"{lost} bytes of output are missing here: they came faster than they were read")
                elif frame.kind == "S":
                    self._tell_input(parse_named(frame.data))
                elif frame.kind == "X":
                    self._ended = Ended("exit", parse_named(frame.data))
                    return
        except RunjdError as error:
            raise Closing(f"the daemon breaks the protocol of attached connections: {error.message}") from None

    def _read_stdin(self, fd: int) -> None:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            if not is_gone(error) and error.errno != errno.EISDIR:
                raise
            data = b""
        if not data:
            if self._terminal:
                self._ended = Ended("hangup")
                return
            self._watch(fd, 0)
            self._stdin = None
            self._queue(format_frame("I"))
            return
        found = False
        if self._keys:
            data, found = self._keys.feed(data)
            if self._keys.is_holding:
                self._hold_until = time.monotonic() + KEY_PAUSE
        self._send("I", data)
        if found:
            self._ended = Ended("detached")
            while self._outgoing and self._write_socket():
                pass

    def _patience(self) -> float | None:
        """Return how long poll(2) may wait, in milliseconds."""
        if self._keys is None or not self._keys.is_holding:
            return None
        return max(0.0, self._hold_until - time.monotonic()) * 1000 + 1

    def _release_keys(self) -> None:
        if self._keys and self._keys.is_holding and time.monotonic() >= self._hold_until:
            self._send("I", self._keys.release())

    def _send(self, kind: str, data: bytes) -> None:
        for frame in format_frames(kind, data):
            self._queue(frame)

    def _send_size(self) -> None:
        size = self._terminal.size() if self._terminal else None
        if size:
            self._queue(format_size(*size))

    def _queue(self, frame: bytes) -> None:
        if self._can_send:
            self._outgoing.append(frame)
            self._outgoing_size += len(frame)

    def _write_socket(self) -> bool:
        """Send one piece; return whether the connection takes more."""
        first = self._outgoing.popleft()
        try:
            written = self._socket.send(first)
        except BlockingIOError:
            written = 0
        except OSError:
            # what the daemon said before it went is still to be read
            self._can_send = False
            self._outgoing.clear()
            self._outgoing_size = 0
            return False
        self._outgoing_size -= written
        if written < len(first):
            self._outgoing.appendleft(first[written:])
        return written > 0

    def _write_out(self, seen: int) -> None:
        is_lost = bool(seen & _GONE)
        if self._out.size and seen & select.POLLOUT:
            try:
                self._out.write_some()
                return
            except OSError as error:
                if not is_gone(error):
                    raise
                is_lost = True
        if is_lost:
            self._out.forget()
            self._out_gone = True
            self._watch(self._out.fd, 0)
            if self._ended is None:
                self._ended = Ended("hangup")

    def _write_err(self) -> None:
        try:
            self._err.write_some()
        except OSError as error:
            if not is_gone(error):
                raise
            self._err_gone = True
            self._err.forget()

    def _take_signals(self) -> None:
        for signum in self._signals.take():
            if signum in (_signal.SIGWINCH, _signal.SIGCONT):
                if self._terminal and self._ended is None:
                    if signum == _signal.SIGCONT:
                        self._terminal.enter()
                    self._send_size()
            elif not (self._on_signal and self._ended is None and self._on_signal(signum)):
                self._ended = Ended("signal", signum=signum)

    def _restore_screen(self) -> None:
        undone = self._screen.undo() if self._screen else b""
        try:
            if undone:
                os.write(self._out.fd, undone)
        except OSError:
            pass  # the terminal is gone

    def _watch(self, fd: int, mask: int) -> None:
        """Ask poll(2) for these events; for none it does not even look."""
        if self._masks.get(fd, 0) == mask:
            return
        self._masks[fd] = mask
        if mask:
            self._poll.register(fd, mask)
        else:
            self._poll.unregister(fd)
