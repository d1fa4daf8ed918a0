"""The daemon's own watch for the ends of processes."""

from twisted.internet.testing import MemoryReactor

from runjd.supervise.vigil import Vigil
from tests.supervise.eyes import Eyes


class Faulty:
    """A watcher with a bug."""

    def seen(self, record):
        raise ZeroDivisionError

    def removed(self):
        raise ZeroDivisionError


class Hearing:
    """A watcher that notes what he is told."""

    def __init__(self):
        self.told = []

    def seen(self, record):
        self.told.append(record.status)

    def removed(self):
        self.told.append("removed")


def test_a_fault_of_one_watcher_keeps_no_other_from_hearing():
    """Neither of the removal of his jail nor of the end of his process, nor does the reactor drop the watch."""
    eyes, hearing = Eyes(), Hearing()
    vigil = Vigil(MemoryReactor(), lambda: eyes, lambda: 0.0)
    vigil.start()
    for pid, watcher in ((1, Faulty()), (2, hearing), (3, Faulty())):
        assert vigil.keep(pid, 10, 100 + pid, watcher)
    eyes.see_removal(101)
    eyes.see_removal(102)
    eyes.see(3, 0)
    eyes.see(2, 7)

    vigil.doRead()

    assert hearing.told == ["removed", 7]
    vigil.stop()
