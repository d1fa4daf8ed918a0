"""The verb top: what jails use, again and again, on the whole screen or one table after another."""

from __future__ import annotations

import os
import select
import time

from runjd.cli.ctl.rates import ORDERS, Load, Sample, in_order, loads, size
from runjd.cli.ctl.signals import Interrupted, Signals
from runjd.cli.output import Cell, Column, Output, duration
from runjd.cli.terminal import Terminal, window_size
from runjd.errors import BadArgument
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Sequence

    from runjd.cli.ctl.call import Call
else:
    import _signal

#: seconds between the first answer, which has no rates, and the second
_FIRST = 0.5
_QUIT = frozenset(b"qQ\x03\x04")
#: the other screen, without a cursor and without wrapping; and back
_ENTER, _LEAVE = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J", b"\x1b[?7h\x1b[?25h\x1b[?1049l"
_PHASES = {"running": "good", "paused": "warn", "backoff": "bad", "failed": "bad", "unknown": "bad", "idle": "dim"}
_BUSY = 50.0
_COLUMNS = (
    Column("JAIL", shrinks=True, always=True),
    Column("PHASE", always=True, spare=5),
    Column("CPU%", right=True, always=True),
    Column("MEM", right=True, always=True),
    Column("PROCS", right=True, always=True, spare=3),
    Column("READ/s", right=True, always=True, spare=2),
    Column("WRITE/s", right=True, always=True, spare=1),
    Column("LOG/s", right=True, always=True),
    Column("UP", right=True, always=True, spare=4),
)


def top(call: Call) -> int:
    """Show what jails use until somebody has seen enough."""
    given = call.given
    delay = _number(given.value("delay", "2"), "--delay", 0.1)
    count = int(_number(given.value("count", "0"), "--count", 0))
    order = given.value("sort", "cpu")
    if given.flag("batch") or call.is_json or not call.out.is_terminal:
        _write_tables(call, delay, count, order)
    else:
        _Screen(call, delay, count, order).run()
    return 0


def ask(call: Call) -> Sample:
    """Return what jails use until now."""
    answer = call.client().ask(Request("", "STATS", call.given.words("ID")))
    return Sample(float(answer.fields.get("clock", "0") or 0), answer.records)


def write_table(out: Output, found: Sequence[Load]) -> None:
    """Write one table."""
    out.table(_COLUMNS, [_row(each) for each in found])


def summary(found: Sequence[Load]) -> str:
    """Return one line about all of them."""
    running = sum(each.memory is not None for each in found)
    cpu, log = sum(each.cpu or 0.0 for each in found), sum(each.log or 0.0 for each in found)
    memory = sum(each.memory or 0 for each in found)
    return f"{len(found)} jails, {running} running: {cpu:.1f}% cpu, {size(memory)} memory, {size(log)}/s log"


def _write_tables(call: Call, delay: float, count: int, order: str) -> None:
    before = ask(call)
    done = 0
    while not count or done < count:
        time.sleep(delay)
        now = ask(call)
        found = in_order(loads(before, now), order)
        if call.is_json:
            call.put_json_array([each._asdict() for each in found])
        else:
            if done:
                call.out.line("")
            write_table(call.out, found)
        before, done = now, done + 1


class _Screen:
    """
    The whole screen of a person.

    :param delay: seconds from one picture to the next.
    :param count: how many pictures; 0: until it is left.
    :param order: what the rows are sorted by.
    """

    def __init__(self, call: Call, delay: float, count: int, order: str) -> None:
        self._call = call
        self._delay = delay
        self._count = count
        self._order = order
        self._first = 0
        self._found: list[Load] = []

    def run(self) -> None:
        """Show pictures until the last one, or until a key says so."""
        stdin, out = self._call.stdin, self._call.out
        terminal = Terminal(stdin) if os.isatty(stdin) else None
        before = ask(self._call)
        self._found = loads(before, before)
        numbers = (_signal.SIGWINCH, _signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)
        with Signals(numbers) as signals:
            try:
                if terminal is not None:
                    terminal.enter()
                out.write_bytes(_ENTER)
                self._draw()
                shown, due = 0, time.monotonic() + min(_FIRST, self._delay)
                while self._wait(signals, terminal, due):
                    if time.monotonic() >= due:
                        now = ask(self._call)
                        self._found, before = loads(before, now), now
                        shown += 1
                        due = time.monotonic() + self._delay
                    self._draw()
                    if shown and shown == self._count:
                        break
            finally:
                out.write_bytes(_LEAVE)
                if terminal is not None:
                    terminal.leave()

    def _wait(self, signals: Signals, terminal: Terminal | None, due: float) -> bool:
        """Wait for a key, a signal or the time; return False once somebody has seen enough."""
        poll = select.poll()
        poll.register(signals.fd, select.POLLIN)
        if terminal is not None:
            poll.register(terminal.fd, select.POLLIN)
        ready = dict(poll.poll(max(0.0, due - time.monotonic()) * 1000))
        for signum in signals.take() - {_signal.SIGWINCH}:
            raise Interrupted(signum)
        if terminal is not None and terminal.fd in ready:
            keys = os.read(terminal.fd, 256)
            self._obey(keys)
            return bool(keys) and _QUIT.isdisjoint(keys)
        return True

    def _obey(self, keys: bytes) -> None:
        # of an arrow key the last letter counts
        name = {b"\x1b[A": "k", b"\x1b[B": "j", b"\x1bOA": "k", b"\x1bOB": "j"}.get(keys, "")
        for key in name or keys.decode("ascii", "replace"):
            if key in ORDERS:
                self._order, self._first = ORDERS[key], 0
            elif key in "jk":
                self._first = max(0, min(self._first + (1 if key == "j" else -1), len(self._found) - 1))

    def _draw(self) -> None:
        rows, columns = window_size(self._call.out.fd) or (24, 80)
        page = _Page(self._call.out, columns)
        write_table(page, in_order(self._found, self._order))
        title, *lines = page.lines()
        room = max(1, rows - 3)
        shown = lines[self._first : self._first + room]
        keys = f"by {self._order}; c m i l n sort, j k move, q quits"
        left = len(lines) - self._first - len(shown)
        head = [summary(self._found)[:columns], title]
        foot = page.styled((f"{left} more; " if left > 0 else "") + keys, "dim")
        picture = "".join(f"{line}\x1b[K\r\n" for line in [*head, *shown])
        self._call.out.write(f"\x1b[H{picture}{foot}\x1b[K\x1b[J")


class _Page(Output):
    """What is written for a screen of that width, kept as text."""

    def __init__(self, out: Output, width: int) -> None:
        super().__init__(out.fd, out.is_coloured, width)
        self._parts: list[str] = []

    def write(self, text: str) -> None:
        self._parts.append(text)

    def lines(self) -> list[str]:
        """Return what was written."""
        return "".join(self._parts).splitlines()


def _row(each: Load) -> list[Cell]:
    return [
        Cell(each.jail),
        Cell(each.phase, _PHASES.get(each.phase, "warn")),
        Cell("-" if each.cpu is None else f"{each.cpu:.1f}", "bold" if (each.cpu or 0.0) >= _BUSY else ""),
        Cell(size(each.memory)),
        Cell("-" if each.processes is None else str(each.processes)),
        *[Cell(size(number)) for number in (each.read, each.written, each.log)],
        Cell("-" if each.up is None else duration(each.up)),
    ]


def _number(text: str | None, what: str, least: float) -> float:
    try:
        found = float(text or "")
    except ValueError:
        found = -1.0
    if not least <= found < 1e6:
        raise BadArgument(f"{what} must be a number of at least {least:g}, not {text}")
    return found
