"""The lives and deaths of a daemon and its keepers."""

from __future__ import annotations

import os
import signal
import time
from threading import Timer

from tests.functional.daemon import Daemon, wait_until
from tests.soak.asking import Lost
from tests.soak.book import Run
from tests.soak.ear import Ear

_START_LIMIT = 60.0
#: seconds from the first line of a program's book until a daemon that lives knows that it runs
_START_TIME = 5.0
#: seconds until the daemon is told of a program that runs
_START_LAG = 1.0


class Life:
    """
    One life of the daemon.

    :ivar end: killed, ended (it was asked to), or empty while it lives.
    :ivar asked: when it was asked to end. What it tells from then on the next one may tell, too: nobody may have
        listened any more.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.began = time.time()
        self.ended = float("inf")
        self.asked = 0.0
        self.end = ""


class Lives:
    """
    One daemon after another on the same directories.

    :ivar all: the lives so far; the last one is the present one.
    :ivar blind: spans of wall time in which neither a keeper nor a daemon saw ends.
    """

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.ear = Ear(daemon.path)
        self.all: list[Life] = []
        self.blind: list[tuple[float, float]] = []
        self.kills = 0
        self.keeper_deaths: list[float] = []
        self.start_time = 1.0
        self._timer: Timer | None = None
        self._is_struck = False
        self._listened: set[int] = set()

    @property
    def present(self) -> Life:
        """The life that there is, or the last one."""
        return self.all[-1]

    def begin(self, doom: float | None = None, victims: str = "daemon") -> None:
        """
        Start a daemon where there is none, and another one if it is killed, until one takes connections.

        :param doom: in so many seconds the daemon, the keeper or both are killed; None: they are not.
        """
        self.mourn()
        while True:
            if not self.all or self.present.end:
                self.all.append(Life(len(self.all)))
                self.daemon.launch()
            if doom is not None:
                self._timer = Timer(doom, self._strike, (victims, self.daemon.pid))
                self._timer.start()
                doom = None
            if self.present.number in self._listened or self._is_up():
                return

    def is_doomed(self) -> bool:
        """Whether somebody is still to be killed."""
        return self._timer is not None and self._timer.is_alive()

    def mourn(self) -> bool:
        """Note it where the present daemon is dead. :return: whether it is."""
        if self._timer is not None:
            self._timer.join()
            self._timer = None
        if self._is_struck:
            wait_until(lambda: self.daemon.poll() is not None, "a daemon survives SIGKILL", 60)
            self._is_struck = False
        if not self.all or self.present.end or self.daemon.poll() is None:
            return not self.all or bool(self.present.end)
        status = self.daemon.poll()
        assert status == -signal.SIGKILL, f"the daemon ended by itself, with {status}: {self.daemon.words()[-4000:]}"
        self._over("killed")
        return True

    def end(self) -> None:
        """End the daemon in order, and leave its keeper alone."""
        self.mourn()
        if self.present.end:
            return
        self.present.asked = time.time()
        self.daemon.send_signal(signal.SIGTERM)
        wait_until(lambda: self.daemon.poll() is not None, "the daemon does not end", 60)
        # twistd ends in order, and then by the signal that it was sent
        assert self.daemon.poll() == -signal.SIGTERM, f"the daemon ended with {self.daemon.poll()}"
        self._over("ended")

    def give_up(self) -> None:
        """Kill nobody any more; a daemon that is dead is forgotten, however it ended."""
        if self._timer is not None:
            self._timer.join()
        if self.all and not self.present.end and self.daemon.poll() is not None:
            self._over("killed")

    def stop(self) -> None:
        """Stop all jails, the daemon and the keeper."""
        self.daemon.stop()
        self._over("ended")

    def was_told_running(self, run: Run) -> bool:
        """Whether somebody was told that it runs."""
        return (run.jail, run.pid) in self.ear.running

    def was_cut_off(self, run: Run) -> bool:
        """Whether the keeper may have been killed while it started it: what it wrote then nobody held."""
        return any(run.began - 1.0 <= killed <= run.began + _START_LAG for killed in self.keeper_deaths)

    def may_be_unknown(self, run: Run) -> bool:
        """Whether nobody can have seen how it ended: without both, or started by a keeper that died before it told."""
        at = run.ended if run.ended is not None else run.began
        if not self.was_told_running(run):
            return any(run.began - _START_TIME <= killed <= at + _START_TIME for killed in self.keeper_deaths)
        # where it did not choose its end, that came at any time since it began: a terminal dies with both
        return any((run.ended is None or begin - 1.0 <= at) and at <= end + 1.0 for begin, end in self.blind)

    def _over(self, how: str) -> None:
        self.present.end = how
        self.present.ended = time.time()
        self.daemon.forget()

    def _strike(self, victims: str, pid: int) -> None:
        if victims in ("keeper", "both"):
            keeper = self.daemon.keeper()
            if keeper:
                os.kill(keeper, signal.SIGKILL)
                self.keeper_deaths.append(time.time())
                if victims == "both":
                    self.blind.append((time.time(), float("inf")))
        if victims in ("daemon", "both"):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1
            self._is_struck = True

    def _is_up(self) -> bool:
        deadline = time.monotonic() + _START_LIMIT
        began = time.monotonic()
        while time.monotonic() < deadline:
            if self.daemon.poll() is not None:
                self.mourn()
                return False
            if self.daemon.is_listening():
                try:
                    self.ear.listen(self.present.number)
                except Lost:
                    continue
                self._listened.add(self.present.number)
                self.start_time = 0.7 * self.start_time + 0.3 * (time.monotonic() - began)
                self.blind = [(begin, min(end, time.time())) for begin, end in self.blind]
                return True
            time.sleep(0.01)
        raise AssertionError(f"the daemon takes no connections: {self.daemon.words()[-4000:]}")
