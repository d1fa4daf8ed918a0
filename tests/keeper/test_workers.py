"""Which worker a job is given to: of those that can become what is started, or any other."""

import gc
import os
import time
from collections.abc import Callable, Mapping
from errno import ENOSPC

import pytest

from runjd.keeper.channel import Parcel
from runjd.keeper.jobs import UNFIT
from runjd.keeper.loop import Loop
from runjd.keeper.workers import Order, Workers
from runjd.keeper.working import Line

_START: Mapping[str, object] = {"m": "run", "runtime": "linux", "jail": "web"}


class _Bench:
    """Workers without spares, whose job is to tell that they were asked, or that they are unfit."""

    def __init__(self, fork_first: Callable[[], int] | None) -> None:
        self.loop = Loop(time.monotonic, _fail)
        self.workers = Workers(
            self.loop, lambda keep: None, _perform, lambda pid: False, spare_time=0.0, fork_first=fork_first
        )

    def do(self, job: Mapping[str, object]) -> object:
        """Have a job done, and return its report."""
        reports: list[Parcel] = []
        self.workers.submit(Order(job, lambda report, is_its_own: reports.append(report)))
        while not reports:
            self.loop.turn()
        while self._reap():
            pass
        return reports[0].message

    def _reap(self) -> bool:
        try:
            pid, _ = os.waitpid(-1, 0)
        except ChildProcessError:
            return False
        return self.workers.ended(pid)


def _perform(job: Mapping[str, object], line: Line) -> Parcel:
    if job.get("is_odd") and UNFIT not in job:
        return Parcel({UNFIT: True})
    return Parcel({"did": job["jail"]})


def _fail(error: Exception) -> None:
    raise error


class _Forks:
    """Forks, and counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> int:
        self.count += 1
        return os.fork()


def test_a_start_for_which_nobody_waits_is_given_to_one_that_can_become_it() -> None:
    """Each start has a worker of its own in a pid namespace, though none was there before; no other job has."""
    forks = _Forks()
    bench = _Bench(forks)

    assert bench.do(_START) == bench.do(_START) == {"did": "web"}
    assert forks.count == 2
    bench.do({**_START, "runtime": "plain"})
    bench.do({"m": "delete", "jail": "web"})
    assert forks.count == 2


def test_after_an_unfit_start_the_next_one_is_given_to_any_worker() -> None:
    """A start that no worker can become is done by another one, and none is forked in vain for the next."""
    forks = _Forks()
    bench = _Bench(forks)

    assert bench.do({**_START, "is_odd": True}) == {"did": "web"}
    assert forks.count == 1
    assert bench.do(_START) == {"did": "web"}
    assert forks.count == 1


@pytest.mark.parametrize("fork_first", [None, pytest.param("full", id="full")])
def test_where_there_is_no_such_worker_any_other_does_it(fork_first: str | None) -> None:
    """Where pid namespaces are not to be had, starts are done as all else is."""

    def refuse() -> int:
        raise OSError(ENOSPC, "too many pid namespaces")

    bench = _Bench(refuse if fork_first else None)

    assert bench.do(_START) == {"did": "web"}


def test_what_was_done_leaves_nothing_that_has_to_be_collected() -> None:
    """An order and its worker are gone once it is reported; a keeper that starts many jails holds none of it."""
    bench = _Bench(None)
    gc.collect()
    gc.disable()
    try:
        bench.do({"m": "delete", "jail": "web"})
        bench.loop.call_later(0.0, lambda: None)
        bench.loop.turn()

        assert [each for each in gc.get_objects() if isinstance(each, Order)] == []
    finally:
        gc.enable()
