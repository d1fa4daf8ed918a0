"""
The blocking client of the control protocol, runjd-control(7).

One request at a time and no tags, except for follows: what a person or a script
needs.  A reply comes as an iterator, so that a long one is shown as it arrives
and is never held as a whole.
"""

from __future__ import annotations

import _socket
import errno
import os
import select

from runjd.errors import Closing, Denied, Gone, InputOutput, RunjdError
from runjd.protocols.control.lines import LineReader
from runjd.protocols.control.reply import Announcement, Comment, Failure, Record, Success, Text, parse_reply
from runjd.protocols.control.request import Request, format_request
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

DEFAULT_SOCKET = "/var/run/runjd/control"
PROTOCOL = "1"

#: seconds that the daemon may take for its greeting
GREETING_TIMEOUT = 10.0

# The smallest sockaddr_un.sun_path of the systems we know, with its NUL: 104 on FreeBSD, 108 on Linux.
_MAX_PATH = 104
_CHUNK = 65536
#: tagged requests at once; the daemon takes 64
_IN_FLIGHT = 32
#: sd_booted(3)
_BOOTED_BY_SYSTEMD = "/run/systemd/system"
#: seconds in which nothing comes before somebody may say so
_TICK = 0.5


class Answer(Value):
    """A whole reply: its records, its text, and the fields of its last line."""

    records: tuple[Mapping[str, str], ...]
    text: tuple[bytes, ...]
    fields: Mapping[str, str]


class Client:
    """
    One connection to the daemon, greeted.

    :param connected: a connected stream socket; the client closes it.
    :param path: where it leads, for messages.
    :param trouble: returns why it ended, where more is known of that; given for TLS, which has no half-close.
    :ivar greeting: what the daemon said of itself.
    """

    def __init__(
        self, connected: _socket.socket, path: str, trouble: Callable[[], RunjdError | None] | None = None
    ) -> None:
        self.socket = connected
        self._path = path
        self._trouble = trouble
        self._reader = LineReader()
        self._watched = -1
        self._idle: Callable[[], None] | None = None
        self.greeting = self._greet()

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    @property
    def has_more(self) -> bool:
        """Whether more was received than was returned so far."""
        return self._reader.pending > 0

    def stop_without_reader(self, fd: int) -> None:
        """From now on, waiting ends with EPIPE when nobody reads ``fd`` any more, as with ``... | head -1``."""
        self._watched = fd

    def while_waiting(self, idle: Callable[[], None]) -> None:
        """From now on, call this each half second in which nothing comes."""
        self._idle = idle

    def ask(self, request: Request) -> Answer:
        """
        Send a request and return its whole reply.

        :raise RunjdError: as the daemon answered, or as the connection failed.
        """
        records, text = [], []
        for line in self.follow(request):
            if isinstance(line, Record):
                records.append(line.fields)
            elif isinstance(line, Text):
                text.append(line.data)
            else:
                return Answer(tuple(records), tuple(text), line.fields)
        raise self._lost()

    def follow(self, request: Request) -> Iterator[Record | Text | Success]:
        """
        Send a request and iterate over its reply as it comes; the last one is the success.

        :raise RunjdError: as the daemon answered, or as the connection failed.
        """
        self.send(format_request(request))
        while True:
            line = self.receive()
            if isinstance(line, Failure):
                raise line.to_error()
            if isinstance(line, (Announcement, Comment)) or line.tag != request.tag:
                continue
            yield line
            if isinstance(line, Success):
                return

    def ask_all(self, requests: Sequence[Request]) -> Iterator[tuple[Request, Answer | RunjdError]]:
        """
        Send many requests at once and iterate over their outcomes as they come.

        :raise RunjdError: the connection failed.
        """
        waiting: dict[str, tuple[Request, list[Mapping[str, str]], list[bytes]]] = {}
        following = 0
        while following < len(requests) or waiting:
            while following < len(requests) and len(waiting) < _IN_FLIGHT:
                tagged = Request(str(following + 1), *requests[following][1:])
                waiting[tagged.tag] = (requests[following], [], [])
                self.send(format_request(tagged))
                following += 1
            line = self.receive()
            if isinstance(line, (Announcement, Comment)):
                continue
            if line.tag not in waiting:
                if isinstance(line, Failure):
                    raise line.to_error()
                continue
            request, records, text = waiting[line.tag]
            if isinstance(line, Record):
                records.append(line.fields)
            elif isinstance(line, Text):
                text.append(line.data)
            else:
                del waiting[line.tag]
                if isinstance(line, Failure):
                    yield request, line.to_error()
                else:
                    yield request, Answer(tuple(records), tuple(text), line.fields)

    def events(self, request: Request) -> Iterator[Announcement]:
        """Subscribe, and iterate over the events until the connection ends."""
        self.ask(request)
        while True:
            line = self.receive()
            if isinstance(line, Announcement):
                yield line
            elif isinstance(line, Failure):
                raise line.to_error()

    def upgrade(self, request: Request) -> tuple[Mapping[str, str], bytes]:
        """
        Send a request that turns the connection into a stream.

        :return: the fields of the success, and the bytes of the stream that came
            with it; from here on the socket is the caller's.
        """
        fields = self.ask(request).fields
        return fields, self._reader.take_rest()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        try:
            self.socket.sendall(data)
        except OSError as error:
            # what the daemon said before it closed (a BYE) explains more than EPIPE does
            if error.errno not in (errno.EPIPE, errno.ECONNRESET):
                raise InputOutput(f"cannot send to the daemon: {os.strerror(error.errno or 0)}") from None

    def finish(self) -> None:
        """Say that no more requests come; what was asked is still answered."""
        if self._trouble is None:
            self.socket.shutdown(_socket.SHUT_WR)
        else:
            self.send(b"\nquit\n")

    def receive(self) -> Success | Failure | Record | Text | Announcement | Comment:
        """
        Return the next line of the daemon.

        :raise Gone: the connection ended.
        :raise Closing: the daemon says something that is not of this protocol.
        """
        try:
            return parse_reply(self.receive_line())
        except RunjdError as error:
            if error.code not in ("SYNTAX", "TOOLONG", "BAD_ARG"):
                raise
            raise Closing(f"the daemon at {self._path} breaks the protocol: {error.message}") from None

    def receive_line(self) -> str:
        """Return the next line as it is. :raise RunjdError: it cannot be read, or the connection ended."""
        while (line := self._reader.next_line()) is None:
            data = self._receive_more()
            if not data:
                raise self._lost()
            self._reader.feed(data)
        if isinstance(line, RunjdError):
            raise line
        return line

    def receive_bytes(self) -> bytes:
        """Return what comes next as it is, nothing at the end."""
        return self._reader.take_rest() or self._receive_more()

    def _receive_more(self) -> bytes:
        while self._idle is not None and not select.select([self.socket], [], [], _TICK)[0]:
            self._idle()
        if self._watched >= 0:
            _wait_for(self.socket.fileno(), self._watched)
        try:
            return self.socket.recv(_CHUNK)
        except TimeoutError:
            raise InputOutput(
                f"the daemon at {self._path} does not answer; it may be busy or stopped: try again, or see its log"
            ) from None
        except OSError:
            return b""

    def _greet(self) -> Mapping[str, str]:
        self.socket.settimeout(GREETING_TIMEOUT)
        try:
            line = self.receive()
        except Closing:
            line = Comment("")
        if isinstance(line, Failure):
            raise line.to_error()
        if not isinstance(line, Announcement) or line.fields.get("ev") != "hello":
            raise Closing(f"{self._path} is not a runjd daemon: what it says is not of the control protocol")
        protocol = line.fields.get("proto", "")
        if protocol != PROTOCOL:
            raise Closing(
                f"the daemon at {self._path} ({line.fields.get('server', 'unnamed')}) speaks protocol {protocol}, and "
                f"this runjctl speaks {PROTOCOL}; use the runjctl that came with it"
            )
        self.socket.settimeout(None)
        return line.fields

    def _lost(self) -> RunjdError:
        known = self._trouble() if self._trouble is not None else None
        return known or Gone(
            f"the daemon at {self._path} closed the connection; jails go on without it: see if it runs"
        )


def socket_path(option: str | None, environment: Mapping[str, str]) -> str:
    """Return where the daemon listens: the option, $RUNJD_SOCKET, or the default."""
    return option or environment.get("RUNJD_SOCKET") or DEFAULT_SOCKET


def connect(path: str) -> Client:
    """
    Connect to the daemon.

    :raise RunjdError: naming the socket and what can be done.
    """
    made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | getattr(_socket, "SOCK_CLOEXEC", 0))
    try:
        made.settimeout(GREETING_TIMEOUT)
        try:
            _connect(made, os.fsencode(path))
        except TimeoutError:
            raise InputOutput(f"the daemon at {path} does not accept connections: try again, or see its log") from None
        except (OSError, ValueError) as error:
            raise explain(path, error) from None
        return Client(made, path)
    except BaseException:
        made.close()
        raise


def explain(path: str, error: Exception) -> RunjdError:
    """Return why no connection came about, and what to do next."""
    number = error.errno if isinstance(error, OSError) else 0
    start = "service runjd start" if os.uname().sysname == "FreeBSD" else "twistd --nodaemon --pidfile= runjd"
    if os.path.isdir(_BOOTED_BY_SYSTEMD):
        start = "systemctl start runjd"
    if number == errno.ENOENT:
        return InputOutput(f'no daemon at {path}: no such socket; start it with "{start}", or give its --socket')
    if number in (errno.EACCES, errno.EPERM):
        return Denied(f"no permission to use {path}; try again as root, or as a member of the socket's group")
    if number in (errno.ECONNREFUSED, errno.ENOTSOCK, errno.EPROTOTYPE):
        if not _is_socket(path) or number == errno.EPROTOTYPE:
            return InputOutput(f"{path} is not a stream socket; name the daemon's socket by --socket or RUNJD_SOCKET")
        return InputOutput(f'no daemon at {path}: nobody listens there; start it with "{start}"')
    if number == errno.EAGAIN:
        return InputOutput(f"the daemon at {path} has too many connections waiting; try again in a moment")
    reason = os.strerror(number) if number else str(error)
    return InputOutput(f"cannot connect to {path}: {reason}")


def _connect(made: _socket.socket, path: bytes) -> None:
    """Connect; a path that is too long for the kernel is reached from within its directory."""
    if len(path) < _MAX_PATH:
        made.connect(path)
        return
    directory, name = os.path.split(path)
    if len(name) >= _MAX_PATH:
        raise ValueError(f"the socket's name has more than {_MAX_PATH - 1} bytes; the system cannot use it")
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(directory)
        try:
            made.connect(name)
        finally:
            os.fchdir(here)
    finally:
        os.close(here)


def _wait_for(fd: int, written: int) -> None:
    """Wait until ``fd`` is readable. :raise BrokenPipeError: nobody reads ``written`` any more."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.register(written, select.POLLERR)
    ready = dict(poll.poll())
    if ready.get(written, 0) & (select.POLLERR | select.POLLHUP) and fd not in ready:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _is_socket(path: str) -> bool:
    try:
        return os.stat(path).st_mode & 0o170000 == 0o140000
    except OSError:
        return False
