"""
One connection in the porter: TLS on one side, and on the other side a socket to the daemon, with plain bytes.

Bytes go on as fast as the other side takes them: neither is read while the other one is full.  An end of the client's
ends all, as TLS has no half-close: the daemon gets what he said before, and what it says is dropped.  An end of the
daemon's has what it said before sent, and then good-bye.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runjd.access.porter.departures import Departures
from runjd.access.porter.secrecy import ENDED, Secrecy, TurnedAway
from runjd.access.porter.side import Side
from runjd.access.porter.word import format_names, format_reason
from runjd.keeper.loop import HANGUP, READ, Loop, Timer

#: seconds after which it is looked whether a side has ended from which nothing is wanted
LOOK = 1.0


class Passage:
    """
    One who came.

    :param secrecy: what is spoken with him.
    :param outside: the connection, ours now.
    :param way: the socket to the daemon, ours now.
    :param departures: where he is once the daemon is done with him.
    :param turned_away: where he is once his handshake has failed.
    :param left: called once both sides are closed.
    """

    def __init__(
        self,
        loop: Loop,
        secrecy: Secrecy,
        outside: socket.socket,
        way: socket.socket,
        departures: Departures,
        turned_away: Departures,
        left: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._secrecy = secrecy
        self._departures, self._turned_away = departures, turned_away
        self._left: Callable[[], None] | None = left
        self._timer: Timer | None = None
        #: nothing is said to who came, nor heard of him any more
        self._is_over = False
        #: the daemon is gone, and what it said may not have been read yet
        self._has_hung_up = False
        self._outside = Side(loop, outside, self._outside_happened)
        self._inside = Side(loop, way, self._inside_happened)
        with self._guarded():
            self._go_on()

    def cut_off(self) -> None:
        """End it now."""
        self._outside.close(resets=True)
        self._inside.close()
        self._go_on()

    def _outside_happened(self, mask: int) -> None:
        with self._guarded():
            if mask & (READ | HANGUP) and self._reads_outside:
                self._read_outside()
            self._go_on()

    def _inside_happened(self, mask: int) -> None:
        with self._guarded():
            if mask & (READ | HANGUP) and self._reads_inside:
                self._read_inside()
            elif mask & HANGUP and self._inside.has_hung_up():  # it may be told of who had the number before
                self._leave()
            self._go_on()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What was not foreseen would happen again and again."""
        try:
            yield
        except BaseException:
            self.cut_off()
            raise

    @property
    def _reads_outside(self) -> bool:
        """Whether anything of who came is wanted: when all is over, only his end is."""
        return self._is_over or not (self._inside.is_full or self._outside.is_full)

    @property
    def _reads_inside(self) -> bool:
        """Whether anything of the daemon is wanted; when all is over, so that it does not wait until that is heard."""
        return self._secrecy.is_in and (self._is_over or not self._outside.is_full)

    def _read_outside(self) -> None:
        data = self._outside.read()
        if data is None:
            return
        if self._is_over:
            if not data:
                self._outside.close()
            return
        self._secrecy.put_in(data)
        if not self._secrecy.is_in:
            try:
                self._secrecy.shake_hands()
            except TurnedAway as refusal:
                self._turn_away(refusal, is_there=bool(data))
                return
            if not self._secrecy.is_in:
                if not data:
                    self._turn_away(TurnedAway(ENDED), is_there=False)
                return
            self._inside.waiting += format_names(self._secrecy.names())
        said, is_end = self._secrecy.read()
        self._inside.waiting += said
        if is_end or not data:
            self._secrecy.say_goodbye()
            self._outside.waiting += self._secrecy.take_out()
            self._outside.send()
            self._outside.close()
            self._is_over = True

    def _turn_away(self, refusal: TurnedAway, *, is_there: bool) -> None:
        """Tell both: who came by what OpenSSL has for him, which he has a while to read."""
        self._is_over = True
        self._inside.waiting += format_reason(str(refusal))
        if is_there:
            self._outside.waiting += self._secrecy.take_out() + refusal.parting
            self._outside.shut()
            self._turned_away.begin(self.cut_off)
        else:
            self._outside.close()

    def _read_inside(self) -> bool:
        """Return whether anything was there."""
        data = self._inside.read()
        if self._is_over:
            if data == b"":
                self._inside.close()
        elif data:
            try:
                self._secrecy.write(data)
            except OSError:
                self._outside.close()
                self._is_over = True
        elif data is not None:
            self._leave()
            self._secrecy.say_goodbye()
            self._outside.waiting += self._secrecy.take_out()
            self._outside.shut()
            self._inside.close()
            self._is_over = True
        return data is not None

    def _leave(self) -> None:
        """The daemon is done with him, who may not have all yet that was said."""
        self._has_hung_up = True
        if self._secrecy.is_in:
            self._departures.begin(self.cut_off)
        else:  # it waited long enough
            self._outside.close(resets=True)
            self._inside.close()

    def _go_on(self) -> None:
        self._send_outside()
        if self._inside.is_open and not self._inside.send():
            self._leave()
        while self._has_hung_up and self._inside.is_open and self._reads_inside and self._read_inside():
            self._send_outside()
        if self._is_over and not self._inside.waiting:
            self._inside.close()
        if self._inside.is_open or self._outside.is_open:
            self._outside.watch(reads=self._reads_outside)
            self._inside.watch(reads=self._reads_inside and not self._has_hung_up)
            self._look_later()
        elif self._left is not None:
            self._end()

    def _send_outside(self) -> None:
        if self._outside.is_open:
            if not self._is_over:
                self._outside.waiting += self._secrecy.take_out()
            if not self._outside.send():
                self._outside.close()
                self._is_over = True

    def _look_later(self) -> None:
        is_unwatched = any(each.is_open and not each.is_watched for each in (self._inside, self._outside))
        if is_unwatched and self._timer is None:
            self._timer = self._loop.call_later(LOOK, self._look)

    def _look(self) -> None:
        self._timer = None
        with self._guarded():
            if self._outside.is_open and not self._outside.is_watched and self._outside.has_hung_up():
                self._outside.close()
                self._is_over = True
            if self._inside.is_open and not self._inside.is_watched and self._inside.has_hung_up():
                self._leave()
            self._go_on()

    def _end(self) -> None:
        left, self._left = self._left, None
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self._departures.end(self.cut_off)
        self._turned_away.end(self.cut_off)
        if left is not None:
            left()
