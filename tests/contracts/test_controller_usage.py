"""What every controller tells of what jails use."""

import pytest

from runjd.errors import NoSuchJail
from runjd.policy.usage import Usage
from tests.contracts.controllers import Memory, Real, definition, run
from tests.supervise.world import error_of, value

USED = Usage(1.5, 4096, 2, 10, 20)


@pytest.fixture(params=[Real, Memory])
def bench(request, private_dir):
    """Return a controller whose programs are the test's."""
    bench = request.param(private_dir)
    yield bench
    bench.close()


def test_a_jail_that_runs_uses_something(bench):
    """What was measured, and what it wrote to its log."""
    run(bench)
    bench.uses("web", USED)
    bench.output(b"hello\n")

    [found] = value(bench.controller.measure(["web"])).jails

    assert (found.facts.id, found.usage, found.logged) == ("web", USED, 6)


def test_without_a_name_all_are_measured(bench):
    """In the order of their names; with names, in the order in which they were given."""
    for each in ("web", "db"):
        value(bench.controller.run(definition(each), "uid:0"))

    assert [each.facts.id for each in value(bench.controller.measure([])).jails] == ["db", "web"]
    assert [each.facts.id for each in value(bench.controller.measure(["web", "db"])).jails] == ["web", "db"]
    assert isinstance(error_of(bench.controller.measure(["webb"])), NoSuchJail)


def test_a_jail_that_is_down_uses_nothing(bench):
    """What it wrote is still told."""
    run(bench)
    bench.uses("web", USED)
    bench.output(b"hello\n")
    bench.exit(0)

    [found] = value(bench.controller.measure([])).jails

    assert (found.usage, found.logged) == (None, 6)
