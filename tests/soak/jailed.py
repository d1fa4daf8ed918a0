"""
The program in every jail of a soak, and the plan that it follows, which the model knows.

It writes down each of its runs before it does anything else, and each end that it
chooses itself, and holds a lock as long as it lives: whoever cannot get it is a second
instance.  What it writes to its log is numbered.  It needs nothing of ours, so that it
runs anywhere::

    python -IS jailed.py DIRECTORY NAME SEED
"""

import fcntl
import os
import signal
import sys
import time
import zlib

#: exit statuses: by its own plan (without 0), and when it is asked to end
_OWN = 100
_ASKED = 20
#: the status of an instance beside another one
TWICE = 250
_TICK = 0.02


def drawn(seed: int, name: str, run: int, what: str, below: int) -> int:
    """Return a number that looks random, the same each time."""
    return zlib.crc32(f"{seed}/{name}/{run}/{what}".encode()) * 2654435761 % (1 << 32) * below >> 32


def lifetime(seed: int, name: str, run: int) -> float:
    """Return the seconds that a run lasts; 0: until it is asked to end."""
    longest = {"crash": 700, "job": 3000}.get(name.rstrip("0123456789"), 0)
    return (1 + drawn(seed, name, run, "life", longest)) / 1000 if longest else 0.0


def own_end(seed: int, name: str, run: int) -> int:
    """Return the exit status that a run chooses: never that of the runs beside it."""
    return 1 + (run * 37 + drawn(seed, name, 0, "status", _OWN)) % _OWN


def asked_end(run: int) -> int:
    """Return the exit status of a run that was asked to end by SIGTERM."""
    return _OWN + 1 + run % _ASKED


def line(seed: int, name: str, run: int, stream: str, number: int) -> bytes:
    """Return a line of the output, with its end; one that is damaged is recognized."""
    text = f"{run} {stream} {number} ".encode().ljust(20 + drawn(seed, name, run, f"{stream}{number}", 180), b".")
    return b"%s %08x\n" % (text, zlib.crc32(text))


class _Run:
    def __init__(self, directory: str, name: str, seed: int) -> None:
        self._name, self._seed = name, seed
        self._counts = {"out": 0, "err": 0}
        self._is_asked = False
        self._book = os.open(f"{directory}/runs", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        lock = os.open(f"{directory}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._note("twice", os.getpid())
            os._exit(TWICE)
        with open(self._book, "rb", closefd=False) as book:
            self._run = 1 + sum(each.startswith(b"begin ") for each in book)
        signal.signal(signal.SIGTERM, self._ask)
        with open("/proc/self/stat", "rb") as file:
            start = int(file.read().rpartition(b")")[2].split()[19])
        self._note("begin", self._run, os.getpid(), start, f"{time.time():.6f}")

    def live(self) -> int:
        """Write until it is time, and return the exit status."""
        seed, name, run = self._seed, self._name, self._run
        life = lifetime(seed, name, run)
        end = time.monotonic() + life if life else float("inf")
        tick = 0
        while not self._is_asked and time.monotonic() < end:
            tick += 1
            count = (
                drawn(seed, name, run, f"burst{tick}", 400)
                if tick % 100 == 50
                else drawn(seed, name, run, str(tick), 3)
            )
            for _ in range(count):
                self._write("out", 1)
            if tick % 17 == 0:
                self._write("err", 2)
            time.sleep(max(0.0, min(_TICK, end - time.monotonic())))
        for stream, fd in (("out", 1), ("err", 2)):
            self._write(stream, fd)
        status = asked_end(run) if self._is_asked else own_end(seed, name, run)
        self._note("end", run, status, self._counts["out"], self._counts["err"], f"{time.time():.6f}")
        return status

    def _ask(self, *_: object) -> None:
        self._is_asked = True

    def _write(self, stream: str, fd: int) -> None:
        self._counts[stream] += 1
        rest = line(self._seed, self._name, self._run, stream, self._counts[stream])
        while rest:
            rest = rest[os.write(fd, rest) :]

    def _note(self, *words: object) -> None:
        os.write(self._book, (" ".join(str(each) for each in words) + "\n").encode())


if __name__ == "__main__":
    os._exit(_Run(sys.argv[1], sys.argv[2], int(sys.argv[3])).live())
