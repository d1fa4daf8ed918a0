"""What every controller makes of what is wanted: once, try-restart, reset, and what is said of boots."""

import pytest

from runjd.errors import RuntimeFailure
from tests.contracts.controllers import Memory, Real, heard, run
from tests.supervise.world import error_of, value


@pytest.fixture(params=[Real, Memory])
def bench(request, private_dir):
    """Return a controller whose programs are the test's."""
    bench = request.param(private_dir)
    yield bench
    bench.close()


def down(bench) -> None:
    """Bring the jail web to where it is stopped."""
    run(bench)
    bench.controller.stop("web", "uid:0")
    bench.turn()


def test_what_is_wanted_once_is_wanted_down_at_its_end(bench):
    """Meanwhile it says so."""
    down(bench)
    assert value(bench.controller.start("web", "uid:0", is_once=True)).want == "once"

    bench.exit(3)
    bench.turn()

    facts = bench.controller.facts("web")
    assert (facts.want, facts.phase, facts.last_exit.status) == ("down", "idle", 3)


def test_try_restart_begins_anew_what_runs(bench):
    """And changes nothing of what is wanted."""
    before = run(bench).pid

    again = bench.controller.try_restart("web", "uid:0")
    bench.turn()

    facts = value(again)
    assert (facts.want, facts.phase) == ("up", "running")
    assert facts.pid != before


def test_try_restart_leaves_alone_what_is_down(bench):
    """Nobody waits for a start that does not come."""
    down(bench)

    facts = value(bench.controller.try_restart("web", "uid:0"))

    assert (facts.want, facts.phase) == ("down", "idle")


def test_reset_forgets_a_failure(bench):
    """The jail is idle, and nothing is started."""
    down(bench)
    bench.fail_next_start(RuntimeFailure("exec", "no such file"))
    error_of(bench.controller.start("web", "uid:0"))
    assert bench.controller.facts("web").phase == "failed"

    facts = bench.controller.reset("web", "uid:0")

    assert (facts.phase, facts.want, facts.reason) == ("idle", "up", "")


def test_boots_are_spoken_of(bench):
    """Nothing else changes, and it is told as a change, once."""
    pid = run(bench).pid
    assert bench.controller.facts("web").enabled is None

    for _ in range(2):
        value(bench.controller.enable("web", "uid:0", True))

    facts = bench.controller.facts("web")
    assert (facts.enabled, facts.pid, facts.want) == (True, pid, "up")
    assert [each for each in heard(bench) if " changed " in each] == ["web changed by=uid:0"]


@pytest.mark.parametrize("verb", ["try_restart", "reset", "enable"])
def test_a_jail_that_is_not_there_is_named(bench, verb):
    """As by all verbs."""
    words = (True,) if verb == "enable" else ()
    try:
        error = error_of(getattr(bench.controller, verb)("webb", "uid:0", *words))
    except Exception as found:
        error = found

    assert getattr(error, "code", "") == "NOJAIL"


def test_who_signals_is_told(bench):
    """An event says who sent what."""
    run(bench)

    value(bench.controller.kill("web", 9, "uid:7"))

    assert "web kill signal=9 by=uid:7" in heard(bench)
