"""All places that the output of a jail goes to."""

import errno

from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock

from runjd.logs.formats.table import FORMATS
from runjd.logs.memory import MemoryWriter
from runjd.policy.settings import LogRule
from runjd.supervise.logfan import LogFan
from runjd.supervise.logroom import LogRoom
from runjd.supervise.logtrouble import LogTrouble
from tests.supervise.heard import Heard
from tests.supervise.world import NOW


class Bench:
    """A log in memory, and a second place in another memory where the rule has a program."""

    def __init__(self, rule: LogRule) -> None:
        self.clock = Clock()
        self.log, self.other = MemoryWriter(), MemoryWriter()
        self.heard = Heard()
        self.refused = None
        room = LogRoom("/logs", self.log, self.clock, lambda: NOW, maybeDeferred, self._outlets)
        self.trouble = LogTrouble(self.clock, self.heard)
        self.fan = LogFan(room, "web", rule, self, self.trouble)
        self.done = 0

    def grew(self, end: int) -> None:
        """Nobody reads."""

    def write(self, data: bytes) -> None:
        """Write as the program does."""
        self.fan.write("out", data, self.count)

    def count(self) -> None:
        """One more is done."""
        self.done += 1

    def _outlets(self, jail, rule, refused):
        self.refused = refused
        return [(FORMATS["raw"], rule, self.other.open("/other", rule))] if rule.program else []


def test_a_jail_waits_for_the_slowest_place():
    """Each gets all of it, in its own form."""
    bench = Bench(LogRule(format="ts", program=("/bin/x",)))
    bench.other.is_held = True
    bench.write(b"line\n")
    assert bench.done == 0

    bench.other.release()

    assert bench.done == 1
    assert bytes(bench.log.files["/logs/web.log"]).endswith(b" out line\n")
    assert bytes(bench.other.files["/other"]) == b"line\n"
    assert not bench.fan.takes_loans


def test_an_end_is_told_when_the_log_has_all_of_it():
    """Another place may be slow; only an orderly end of the daemon waits for it."""
    bench = Bench(LogRule(format="raw", program=("/bin/x",)))
    bench.other.is_held = True
    bench.write(b"half")

    bench.fan.flush(bench.count)
    assert bench.done == 2
    bench.fan.flush_everywhere(bench.count)
    assert bench.done == 2
    bench.other.release()

    assert bench.done == 3
    assert bytes(bench.other.files["/other"]) == b"half"


def test_a_flush_that_takes_too_long_is_over_all_the_same():
    """A full disk delays the news of an exit only so long."""
    bench = Bench(LogRule())
    bench.log.is_held = True
    bench.write(b"line\n")

    bench.fan.flush_in_time(5.0, bench.count)
    bench.clock.advance(4)
    assert bench.done == 0
    bench.clock.advance(2)
    assert bench.done == 1
    bench.log.release()

    assert bench.done == 2
    assert bench.clock.getDelayedCalls() == []


def test_another_rule_may_name_other_places():
    """What is wrong with the old ones is no trouble any more."""
    bench = Bench(LogRule(format="raw"))
    assert bench.fan.takes_loans
    bench.fan.keep(LogRule(format="raw", program=("/bin/x",)))
    bench.write(b"both\n")
    bench.refused("the program /bin/x", OSError(errno.EPIPE, "it ended"))

    bench.fan.keep(LogRule(format="raw"))
    bench.write(b"one\n")

    assert bytes(bench.log.files["/logs/web.log"]) == b"both\none\n"
    assert bytes(bench.other.files["/other"]) == b"both\n"
    assert bench.trouble.reason == ""


def test_a_log_that_drops_is_not_read_by_its_writer():
    """The writer may hang with the disk, and the program shall not."""
    assert not Bench(LogRule(pressure="drop")).fan.takes_loans


def test_what_was_unfinished_is_kept_by_the_rule_before():
    """Also where it is the first that the log gets: else records of two forms lie in one file."""
    bench = Bench(LogRule(format="raw"))
    opened: list[str] = []
    bench.log.open = lambda path, rule: opened.append(rule.format) or MemoryWriter.open(bench.log, path, rule)
    bench.write(b"half")

    bench.fan.keep(LogRule(format="json"))

    assert opened == ["raw"]
    assert bytes(bench.log.files["/logs/web.log"]) == b"half"
