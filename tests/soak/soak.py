"""
Everything at once on a real daemon, with deaths at any moment, beside a model that knows what must be true.

    python -m tests.soak.soak --seconds 600 [--kills 1000] [--victims daemon|keeper|both] [--within 3600] [--seed N]

First daemons are killed while a generator of deeds keeps them busy, and now and then
all deeds rest and the model is asked.  Then, with --seconds, nobody is killed, and
memory and descriptors are measured, which must not grow: in the second half, once all
that has a bound is full.  The seed is printed first, every fault with the deeds before it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence

from runjd.protocols.control.reply import Failure
from runjd.supervise import acks, events, execends
from tests.faults.logged import LoggedDaemon
from tests.soak.archive import Archive
from tests.soak.asking import Connection, Lost, ask
from tests.soak.deeds import Deeds
from tests.soak.hosted import Hosted
from tests.soak.lives import Lives
from tests.soak.loglines import CHUNK, faults_of, lines_of
from tests.soak.model import Model
from tests.soak.slopes import DESCRIPTORS, MEMORY, Judgement, descriptors, judge, memory, slope_of

#: seconds until what must be true at rest is
_PATIENCE = 40.0
#: seconds from one sample of memory to the next, and until logs are collected again
_SAMPLE, _COLLECT = 1.0, 7.0
#: what a daemon remembers, in a ring: of events, and of ends of exec processes
_EVENTS = events.CAPACITY
_EXECS = max(acks.REMEMBERED, execends.REMEMBERED)
#: what is measured: with which unit, by what, and against which bound
_MEASURED = {"memory": ("bytes", memory, MEMORY), "descriptors": ("descriptors", descriptors, DESCRIPTORS)}
_STANDING = ("steady", "crash", "hand", "tty", "extra")
#: bytes that may be lost when nobody but dead processes held a FIFO and a spool
_BOTH = 2 << 20
#: rotated files of a job that are kept, by default, and more bytes than those that are not can have held
_KEPT, _DROPPED = 5, 1 << 30
#: bytes of a FIFO that nobody had told the daemon of yet when its keeper was killed
_PIPE = 65_536


class Soak:
    """
    One soak.

    :param say: told how it goes, line by line.
    """

    def __init__(self, seed: int, say: Callable[[str], None]) -> None:
        self._seed = seed
        self._say = say
        self._chance = random.Random(seed)
        self.daemon = LoggedDaemon()
        self.lives = Lives(self.daemon)
        self._model = Model(self.lives)
        self._hosted = Hosted(self.daemon, self._model, seed)
        self._archive = Archive(self.daemon)
        self._deeds = Deeds(self.daemon.path, self._model, self._hosted, self._chance)
        self.judgements: dict[str, Judgement] = {}
        self.gaps = 0

    def deaths(self, count: int, victims: str, rest_every: int, within: float, mean: float = 0.3) -> None:
        """
        Kill so many at random moments of their lives, also while they start; ask the model now and then.

        :param within: seconds; no more are killed then.
        """
        self._say(f"{count} kills of {victims}")
        end = time.monotonic() + within
        number = 0
        while number < count and time.monotonic() < end:
            number += 1
            if self._chance.random() < 0.25:
                delay = self._chance.uniform(0.0, 1.1 * self.lives.start_time)
            else:
                delay = self.lives.start_time + self._chance.expovariate(1 / mean)
            self.lives.begin(delay, victims)
            while self.lives.is_doomed():
                if not self._deeds.one():
                    break
            is_dead = self.lives.mourn()
            self._deeds.last.append(f"--- {victims} killed after {delay:.3f} s")
            if not is_dead and victims == "daemon" and self._chance.random() < 0.1:
                self.lives.end()
            if number % rest_every == 0:
                self.rest()
                self._say(f"{number} kills, {self.summary()}")

    def calm(self, seconds: float) -> None:
        """
        Kill nobody; measure memory and descriptors in the second half.

        By then a daemon has all it ever remembers, which is done at once, and each of its threads, and its heap
        has found its size; those who look on slowly have filled what is kept for them.
        """
        self.lives.begin()
        self._say("filling all that is remembered")
        self._fill()
        self._say(f"{seconds / 2:.0f} s to warm up, and as long to measure")
        pids = {"daemon": self.daemon.pid, "keeper": self.daemon.keeper()}
        samples: dict[tuple[str, str], list[tuple[float, float]]] = {}
        began = time.monotonic()
        begin, end = began + seconds / 2, began + seconds
        collect = sample = began
        first = 0
        while (now := time.monotonic()) < end:
            assert self._deeds.one(), f"the daemon is lost: {self.daemon.words()[-2000:]}"
            if now >= collect:
                collect = now + _COLLECT
                self._archive.collect(self._model.jails, {each["jail"] for each in self._status()})
            if now < max(begin, sample):
                continue
            sample = now + _SAMPLE
            first = first or self._deeds.count
            for process, pid in pids.items():
                for what, (_, measure, _) in _MEASURED.items():
                    samples.setdefault((process, what), []).append((time.monotonic() - began, measure(pid)))
        self._say(self.summary())
        self._judge(samples, 3600 * (self._deeds.count - first) / (seconds / 2))

    def rest(self) -> None:
        """Let everything come to rest, and ask the model."""
        self.lives.begin()
        self._deeds.close()
        self._persistently(self._deeds.reload)
        deadline = time.monotonic() + _PATIENCE
        waiting: set[str] | None = None
        while waiting or waiting is None:
            status = self._status()
            faults = self._model.faults(status)
            # each has to be right at some moment: those that end again and again are not all so at the same one
            waiting = set(faults) if waiting is None else waiting & set(faults)
            told = [f"{name}: {each}" for name in sorted(waiting) for each in faults[name]]
            assert time.monotonic() < deadline or not told, "\n".join(told)
            time.sleep(0.2 if waiting else 0.0)
        self._model.settle(status)
        self._check_words()

    def finish(self) -> None:
        """Stop everything; check the logs, and that nothing is left."""
        self.rest()
        self._persistently(self._deeds.remove_jobs)
        self.lives.stop()
        self.lives.ear.wait()
        self._model.read()
        alive = [run for jail in self._model.jails.values() for run in jail.book.alive()]
        assert not alive, f"they live: {alive}"
        self._check_logs()
        self._check_words()
        for name in ("state/state", "state/keeper/exits", "state/jails"):
            left = [each for each in os.listdir(f"{self.daemon.directory}/{name}") if not each.startswith(_STANDING)]
            assert not left, f"left in {name}: {left}"

    def close(self) -> None:
        """Let go of everything."""
        self._deeds.close()
        try:
            self.lives.give_up()
            self.daemon.remove()
        finally:
            self.lives.ear.close()

    def summary(self) -> str:
        """Return how far it is."""
        runs = sum(len(jail.runs) for jail in self._model.jails.values())
        deaf = sum(life.number not in self.lives.ear.heard for life in self.lives.all)
        return (
            f"{len(self.lives.all)} lives ({deaf} died before anybody listened), {self.lives.kills} kills of daemons, "
            f"{len(self.lives.keeper_deaths)} of keepers, {self._deeds.count} deeds, {runs} runs, "
            f"{len(self.lives.ear.told)} ends told, {self._model.unheard} to nobody"
        )

    def report(self, fault: str) -> str:
        """Return the deeds before a fault, and what was told of the jails in it."""
        names = {name for name in self._model.jails if f"{name}:" in fault}
        events = [each for each in self.lives.ear.last.copy() if any(f"jail={name} " in each for name in names)]
        lives = [f"{each.number}: {each.began:.3f} to {each.ended:.3f} {each.end}" for each in self.lives.all[-40:]]
        runs = [str(run) for name in sorted(names) for run in self._model.jails[name].runs[-30:]]
        words = ("the daemon said:", self.daemon.words()[-3000:])
        parts = ("deeds:", *self._deeds.last, "events:", *events[-200:], "runs:", *runs, "lives:", *lives, *words)
        return "\n".join(parts)

    # --- inside --------------------------------------------------------------------------

    def _fill(self) -> None:
        """Have the daemon remember as many events and ends as it ever does."""
        with Connection(self.daemon.path) as connection:
            for _ in range(_EVENTS):
                connection.ask("kill steady0 WINCH")
            for _ in range(_EXECS):
                connection.ask("exec steady0 detach=yes -- /bin/true")

    def _judge(self, samples: Mapping[tuple[str, str], Sequence[tuple[float, float]]], deeds: float) -> None:
        """
        Judge what was measured, and say it.

        :param deeds: by the hour.
        """
        for (process, what), each in samples.items():
            unit, _, bound = _MEASURED[what]
            slope = slope_of(each)
            judged = self.judgements[f"{unit} of the {process}"] = judge(slope, deeds, bound)
            self._say(
                f"{process}: {slope.mean:,.0f} {unit}, {slope.slope:+,.0f} an hour, standard error {slope.error:,.0f}; "
                f"{judged.by_deed:+.3g} a deed ± {judged.error:.3g}: {judged.verdict}"
            )

    def _persistently(self, call: Callable[[], object]) -> None:
        while True:
            try:
                call()
                return
            except Lost:
                self.lives.mourn()
                self.lives.begin()

    def _status(self) -> Sequence[Mapping[str, str]]:
        end, records = ask(self.daemon.path, "status")
        assert not isinstance(end, Failure), f"status: {end}"
        return records

    def _check_words(self) -> None:
        for name, words in (("daemon", self.daemon.words()), ("keeper", self._keeper_words())):
            at = max(words.find("Traceback"), words.find("Unhandled"))
            assert at < 0, f"the {name} says: {words[max(0, at - 500) : at + 3000]}"

    def _keeper_words(self) -> str:
        with contextlib.suppress(OSError), open(f"{self.daemon.state}/keeper/log", errors="replace") as file:
            return file.read()
        return ""

    def _check_logs(self) -> None:
        excuses = [(life.ended, life.ended, CHUNK) for life in self.lives.all if life.end == "killed"]
        excuses += [(begin, end, _BOTH) for begin, end in self.lives.blind]
        faults, gaps, biggest, lines = [], 0, 0, 0
        for jail in self._model.jails.values():
            if jail.name.startswith("tty"):
                continue
            contents = self._archive.files(jail.name)
            others = [(0.0, float("inf"), _DROPPED)] if self._archive.has_dropped(jail.name, _KEPT) else []
            others += [(run.began, run.ended or run.began, _PIPE) for run in jail.runs if self.lives.was_cut_off(run)]
            for stream in ("out", "err"):
                found = lines_of(contents, stream)
                lines += len(found)
                wrong, missing = faults_of(found, jail.runs, stream, self._seed, excuses + others)
                faults += [f"{jail.name}: {each}" for each in wrong]
                gaps += len(missing)
                biggest = max([biggest, *(each.bytes for each in missing)])
        self._say(f"{lines} lines in the logs, {gaps} gaps, the longest of {biggest} bytes")
        assert not faults, "\n".join(faults[:20])
        self.gaps = gaps


def run(
    seed: int,
    kills: int,
    victims: str,
    seconds: float,
    say: Callable[[str], None],
    rest_every: int = 25,
    within: float = float("inf"),
) -> list[str]:
    """
    Soak; return what went wrong, and nothing for nothing.

    :param kills: so many.
    :param seconds: so long nobody is killed, behind that.
    :param within: seconds in which there are kills; fewer, where the time is too short.
    """
    soak = Soak(seed, say)
    faults = []
    try:
        soak.deaths(kills, victims, rest_every, within)
        if seconds:
            soak.calm(seconds)
        soak.finish()
        say(soak.summary())
        faults += [_verdict(name, each) for name, each in soak.judgements.items() if each.verdict != "zero"]
    except Exception as error:
        faults.append(f"seed {seed}: {_told(error)}\n{soak.report(str(error))}")
    finally:
        try:
            soak.close()
        except AssertionError as error:
            if not faults:  # else what is left is left by that
                faults.append(f"seed {seed}: {error}")
    return faults


def _verdict(name: str, judged: Judgement) -> str:
    if judged.verdict == "grows":
        return f"{name} grow, by {judged.by_deed:.3g} each deed"
    return f"{name}: they may grow by {judged.by_deed:.3g} each deed, ± {judged.error:.3g}; only a longer run can tell"


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, AssertionError) else traceback.format_exc()


def main() -> int:
    """Soak as the command line says."""
    parser = argparse.ArgumentParser(description="Kills daemons and keepers under load, and checks what must be true.")
    parser.add_argument("--seconds", type=float, default=0.0, help="so long nobody is killed, and memory is measured")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--victims", choices=("daemon", "keeper", "both"), default="daemon")
    parser.add_argument("--within", type=float, default=float("inf"), help="seconds; no more are killed then")
    parser.add_argument("--seed", type=int, default=0, help="repeats a run; 0: any")
    given = parser.parse_args()
    seed = given.seed or random.SystemRandom().getrandbits(31)
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:6.0f} s  {text}\n")
        sys.stdout.flush()

    def end(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the rest is the end already
        raise SystemExit("told to end")

    signal.signal(signal.SIGTERM, end)
    say(f"seed {seed}")
    faults = run(seed, given.kills, given.victims, given.seconds, say, within=given.within)
    for each in faults:
        sys.stderr.write(f"{each}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
