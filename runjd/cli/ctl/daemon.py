"""The verbs about the daemon itself: whoami, ping, caps, metrics, shutdown, raw, help."""

from __future__ import annotations

import os
import time

from runjd.cli.ctl.table import PROGRAM
from runjd.cli.ctl.waiting import Waiting
from runjd.cli.options import usage
from runjd.cli.output import Cell, to_values
from runjd.errors import BadArgument, exit_statuses
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.ctl.call import Call

_CHUNK = 65536


def whoami(call: Call) -> int:
    """Write who we are to the daemon."""
    return _put_fields(call, Request("", "WHOAMI"))


def caps(call: Call) -> int:
    """Write what the daemon can do."""
    return _put_fields(call, Request("", "CAPS"))


def ping(call: Call) -> int:
    """Write how long the daemon takes to answer."""
    client = call.client()
    asked = time.monotonic()
    client.ask(Request("", "PING"))
    took_ms = round((time.monotonic() - asked) * 1000, 3)
    if call.is_json:
        call.put_json({"server": client.greeting.get("server"), "run": client.greeting.get("run"), "took_ms": took_ms})
    else:
        call.out.line(f"{client.greeting.get('server', 'the daemon')} answers in {took_ms:.2f} ms")
    return 0


def metrics(call: Call) -> int:
    """Write everything that is measured."""
    answer = call.client().ask(Request("", "METRICS"))
    call.out.write_bytes(b"".join(line + b"\n" for line in answer.text))
    return 0


def shutdown(call: Call) -> int:
    """End the daemon."""
    keep, stop = call.given.flag("keep"), call.given.flag("stop")
    if keep == stop:
        raise BadArgument("say what becomes of the jails: --keep lets them run on, --stop stops them first")
    with Waiting(call, "SHUTDOWN", ()):
        call.client().ask(Request("", "SHUTDOWN", ("keep" if keep else "stop",)))
    return 0


def raw(call: Call) -> int:
    """
    Send a line, or all of standard input, and write what comes back until the daemon closes.

    The exit status is that of the last reply.
    """
    client = call.client()
    words = call.given.words("LINE")
    if words:
        client.send(" ".join(words).encode("utf-8", "surrogateescape") + b"\n")
    else:
        while data := os.read(call.stdin, _CHUNK):
            client.send(data)
    client.finish()
    status = _LastStatus()
    while data := client.receive_bytes():
        status.feed(data)
        call.out.write_bytes(data)
    return status.number


def help_(call: Call) -> int:
    """Write the help of the program or of a verb, or of the daemon's protocol."""
    verb = call.given.argument("VERB")
    if not call.given.flag("protocol"):
        call.out.write(usage(PROGRAM, verb))
        return 0
    answer = call.client().ask(Request("", "HELP", (verb,) if verb else ()))
    call.out.write_bytes(b"".join(line + b"\n" for line in answer.text))
    return 0


class _LastStatus:
    """The exit status that the last reply of a conversation stands for; reads along, whatever it is."""

    def __init__(self) -> None:
        self.number = 0
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take what the daemon said."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:_CHUNK]
        for line in lines:
            if line[:1] == b"+":
                self.number = 0
            elif line[:1] == b"-":
                code = line.partition(b" ")[2].partition(b" ")[0].decode("ascii", "replace")
                self.number = exit_statuses().get(code, 1)


def _put_fields(call: Call, request: Request) -> int:
    answer = call.client().ask(request)
    fields: dict[str, str] = {}
    for each in (*answer.records, answer.fields):
        fields.update(each)
    if call.is_json:
        call.put_json(to_values(fields))
    else:
        call.out.pairs((key, Cell(text)) for key, text in fields.items())
        call.out.write_bytes(b"".join(line + b"\n" for line in answer.text))
    return 0
