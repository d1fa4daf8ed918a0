"""The daemon's own watch for the ends of processes."""

import pytest
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


def test_who_can_be_asked_later_is_listened_to_only_while_nobody_else_tells():
    """From then on at once, also of an end before; and no more once somebody else will, or it is told."""
    eyes, hearing, reactor = Eyes(), Hearing(), MemoryReactor()
    eyes.is_patient = True
    vigil = Vigil(reactor, lambda: eyes, lambda: 0.0)
    vigil.start()
    for pid in (1, 2, 3):
        vigil.keep(pid, 10, 0, hearing)
    eyes.see(1, 7)
    assert not reactor.getReaders()

    vigil.attend(1)
    vigil.attend(2)
    assert reactor.getReaders() == [vigil]
    vigil.doRead()
    assert hearing.told == [7]
    assert reactor.getReaders() == [vigil]

    vigil.entrust(2)
    assert not reactor.getReaders()
    vigil.attend(3)
    vigil.forget(3, hearing)
    vigil.attend(9)
    assert not reactor.getReaders()
    vigil.attend(2)
    vigil.stop()
    assert not reactor.getReaders()


@pytest.mark.parametrize("is_patient", [False, True])
def test_who_is_alone_is_told_of_as_before(is_patient):
    """It is no matter to who watches whether it was listened to before."""
    eyes, hearing, reactor = Eyes(), Hearing(), MemoryReactor()
    eyes.is_patient = is_patient
    vigil = Vigil(reactor, lambda: eyes, lambda: 0.0)
    vigil.start()
    vigil.keep(1, 10, 0, hearing)
    vigil.attend(1)
    eyes.see(1, 3)

    (reader,) = reactor.getReaders()
    reader.doRead()

    assert hearing.told == [3]
    vigil.stop()


@pytest.mark.parametrize("is_patient", [False, True])
def test_a_pid_that_comes_again_is_watched_for_who_has_it_now(is_patient):
    """A jail that ended lets go only once it is removed; meanwhile another one may have got its pid."""
    eyes, before, now, reactor = Eyes(), Hearing(), Hearing(), MemoryReactor()
    eyes.is_patient = is_patient
    vigil = Vigil(reactor, lambda: eyes, lambda: 0.0)
    vigil.start()
    vigil.keep(1, 10, 0, before)
    eyes.see(1, 3)
    vigil.doRead()
    vigil.keep(1, 20, 0, now)

    vigil.forget(1, before)

    vigil.attend(1)
    eyes.see(1, 4)
    vigil.doRead()
    assert (before.told, now.told) == ([3], [4])
    vigil.forget(1, now)
    vigil.stop()
