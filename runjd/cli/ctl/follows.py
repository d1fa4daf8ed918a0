"""The verbs that go on until they are stopped: logs, events."""

from __future__ import annotations

from runjd.cli.ctl.returning import come_back
from runjd.cli.output import to_values, visible, visible_bytes
from runjd.errors import RunjdError
from runjd.protocols.control.reply import Text
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runjd.cli.ctl.call import Call
    from runjd.cli.ctl.client import Client

_EVENT_STYLES = {"failed": "bad", "backoff": "bad", "unhealthy": "bad", "running": "good", "healthy": "good"}
#: codes of a connection that ended: by itself, and as the daemon said that it would
_LOST = ("GONE", "BYE")
#: bytes that are put together for one write
_ENOUGH = 65536


def logs(call: Call) -> int:
    """Write what a jail wrote, and go on if asked to."""
    options = {name: call.given.value(name) for name in ("since", "until", "stream") if call.given.flag(name)}
    options["lines"] = call.given.value("lines", "all")
    is_following = call.given.flag("follow")
    if is_following:
        options["follow"] = "yes"
    client, written, place = call.client(), _LogWriter(call), _Place()
    while True:
        client.stop_without_reader(call.out.fd)
        try:
            for line in client.follow(Request("1", "LOG", (call.given.argument("ID"),), options)):
                if isinstance(line, Text) and place.is_new(line):
                    written.add(line)
                    if not client.has_more:
                        written.flush()
            return 0
        except RunjdError as error:
            if not is_following or error.code not in _LOST:
                raise
            written.flush()
            client = _come_back(call, client, error)
            options = {**options, **place.begin_again()}
        finally:
            written.flush()


def events(call: Call) -> int:
    """Write events until the connection ends."""
    options = {}
    for option, key in (("type", "ev"), ("jail", "jail"), ("since", "since")):
        if call.given.flag(option):
            options[key] = call.given.value(option)
    client = call.client()
    while True:
        client.stop_without_reader(call.out.fd)
        try:
            for event in client.events(Request("", "SUBSCRIBE", (), options)):
                options["since"] = f"{client.greeting.get('run')}:{event.seq}"
                if call.is_json:
                    call.put_json({"seq": event.seq, **to_values(event.fields)})
                else:
                    call.out.write(_event_line(call, event.fields))
        except RunjdError as error:
            if error.code not in _LOST:
                raise
            client = _come_back(call, client, error)


def _come_back(call: Call, client: Client, lost: RunjdError) -> Client:
    """Return a connection to the next daemon. :raise RunjdError: none comes."""
    client.close()
    return come_back(call.another_client, client.greeting.get("run", ""), call.notice, lost)


class _Place:
    """How far a log was shown: the time of the newest line, and how many lines had it."""

    def __init__(self) -> None:
        self._at = b""
        self._count = 0
        self._skipped = 0

    def is_new(self, line: Text) -> bool:
        """Return whether a line was not shown yet."""
        at = line.data.partition(b" ")[0]
        if at == self._at:
            if self._skipped:
                self._skipped -= 1
                return False
            self._count += 1
        else:
            self._at, self._count, self._skipped = at, 1, 0
        return True

    def begin_again(self) -> dict[str, str]:
        """Return what to ask for to be shown the rest; of a log without times only what comes from now on."""
        if not self._at[:1].isdigit():
            return {"lines": "0"}
        self._skipped = self._count
        return {"since": self._at.decode("ascii"), "lines": "all"}


class _LogWriter:
    """Puts the pieces of lines together again."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._has_times = call.given.flag("timestamps")
        self._open_stream = b""
        self._waiting: list[bytes] = []
        self._size = 0

    def add(self, line: Text) -> None:
        """Take one line of the reply: time, stream and text."""
        at, _, rest = line.data.partition(b" ")
        stream, _, text = rest.partition(b" ")
        if self._call.is_json:
            fields = {"at": at.decode(), "stream": stream.decode(), "partial": line.more}
            self._call.put_json({**fields, "text": text.decode("utf-8", "surrogateescape")})
            return
        if self._open_stream and self._open_stream != stream:
            self._put(b"\n")
            self._open_stream = b""
        if self._has_times and not self._open_stream:
            self._put(at + b" " + stream + b" ")
        self._put(self._shown(text))
        if not line.more:
            self._put(b"\n")
        self._open_stream = stream if line.more else b""
        if self._size > _ENOUGH:
            self.flush()

    def flush(self) -> None:
        """Write what was put together."""
        data, self._waiting, self._size = b"".join(self._waiting), [], 0
        self._call.out.write_bytes(data)

    def _shown(self, text: bytes) -> bytes:
        if not self._call.out.is_terminal:
            return text
        shown = visible_bytes(text)
        if "\x1b" in shown:
            shown += "\x1b[m"
        return shown.encode("utf-8", "backslashreplace")

    def _put(self, data: bytes) -> None:
        self._waiting.append(data)
        self._size += len(data)


def _event_line(call: Call, fields: Mapping[str, str]) -> str:
    rest = dict(fields)
    at, jail, name = rest.pop("at", "-"), rest.pop("jail", "-"), rest.pop("ev", "-")
    style = _EVENT_STYLES.get(rest.get("to", name), "")
    if name == "exit" and (rest.get("exit") != "0" or "signal" in rest):
        style = "bad"
    details = "  ".join(f"{key}={visible(value)}" for key, value in rest.items())
    shown = (call.out.styled(visible(at), "dim"), f"{visible(jail):<16}", call.out.styled(f"{visible(name):<8}", style))
    return "  ".join((*shown, details)).rstrip() + "\n"
