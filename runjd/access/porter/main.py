"""
The porter as a process.

It is given its papers on standard input, in one line, and is asked there later whether it is alive; connections come on
descriptor 3, and what it says about itself is said on standard output.  It ends when nobody gives it connections any
more, and those that it has are over.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import time

from runjd.access.papers import papers_from_json
from runjd.access.porter.confine import confine
from runjd.access.porter.desk import Desk
from runjd.access.porter.secrecy import Secrecy, TurnedAway
from runjd.access.porter.word import ALIVE, ASK, DESK, READY
from runjd.access.showing import Showing, load
from runjd.keeper.loop import READ, Loop
from runjd.kernel.closing import close_others
from runjd.kernel.heap import give_heap_back, settle_heap

_ASKED, _SAYING = 0, 1
#: bytes: what is longer than any piece that is passed on
_CHUNK = 131_072


def main() -> None:
    """Be the porter."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    close_others((DESK,))
    settle_heap(_CHUNK)
    told = json.loads(_first_line(_ASKED))
    showing = Showing(load(papers_from_json(told["papers"])))
    warm_up(showing)
    loop = Loop(time.monotonic, _failed)
    desk = Desk(loop, socket.socket(fileno=DESK), showing, give_heap_back, lambda: os._exit(0))
    left = confine(told["uid"], told["gid"], told["root"], told["descriptors"])
    del told
    os.write(_SAYING, "".join(f"{each}\n" for each in (*left, READY)).encode("utf-8", "replace"))
    for fd in (_ASKED, _SAYING):
        os.set_blocking(fd, False)
    loop.watch(_ASKED, READ, lambda mask: _answer(loop))
    desk.open()
    gc.collect()
    gc.freeze()
    give_heap_back()
    loop.run()


def warm_up(showing: Showing) -> None:
    """Have all loaded that is loaded when it is needed first: later there are no files."""
    secrecy = Secrecy(showing)
    secrecy.put_in(b"GET / HTTP/1.1\r\n\r\n")
    try:
        secrecy.shake_hands()
    except TurnedAway:
        pass
    "".encode("ascii").decode("ascii", "replace")


def _first_line(fd: int) -> bytes:
    """Return the first line, and nothing of what is behind it. :raise EOFError: there is none."""
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(fd, 1 << 16)
        if not more:
            raise EOFError("standard input ended before all was told")
        line += more
    return line


def _answer(loop: Loop) -> None:
    """Say that we are alive, as often as was asked."""
    try:
        asked = os.read(_ASKED, 64)
        if asked:
            os.write(_SAYING, f"{ALIVE}\n".encode("ascii") * asked.count(ASK))
            return
    except (BlockingIOError, InterruptedError):
        return
    except OSError:  # nobody hears it
        pass
    loop.unwatch(_ASKED)


def _failed(error: Exception) -> None:
    """Tell what was not foreseen."""
    try:
        os.write(2, f"{type(error).__name__}: {error}\n".encode("utf-8", "replace"))
    except OSError:
        pass


if __name__ == "__main__":
    main()
