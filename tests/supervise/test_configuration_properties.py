"""Whatever configurations follow on one another, the jails are as the last one says."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runjd.config.writing import written_jail
from tests.supervise.configured import Bench

TABLES = st.fixed_dictionaries(
    {"bundle": st.sampled_from(["/b/one", "/b/two"])},
    optional={
        "autostart": st.just(False),
        "stop": st.sampled_from([{"timeout": 5}, {"timeout": 6}]),
        "runtime": st.just("plain"),
    },
)
CONFIGURATIONS = st.dictionaries(st.sampled_from(["a", "b", "c"]), TABLES)


def text_of(configuration):
    """Return a configuration as a file."""
    return "".join(written_jail(id, keys) for id, keys in configuration.items())


def expected(keys):
    """Return what of a definition a table decides."""
    stop = keys.get("stop", {}).get("timeout", 10)
    return keys["bundle"], keys.get("runtime", "linux"), stop, keys.get("autostart", True)


@given(CONFIGURATIONS, st.lists(st.tuples(CONFIGURATIONS, st.booleans()), max_size=4))
def test_the_last_one_is_in_force(first, others):
    """By reloads, and by daemons that follow on one another; what did not change is not touched."""
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        try:
            bench.begin(text_of(first))
            before = first
            for now, is_next_daemon in others:
                events = len(bench.world.events)
                if is_next_daemon:
                    bench.world.make_daemon()
                    events = 0
                    bench.begin(text_of(now))
                else:
                    bench.reload(text_of(now))
                    same = {id for id in now if before.get(id) == now[id]}
                    assert not [each for each in bench.world.events[events:] if each.split()[0] in same]
                bench.world.reactor.turn(11)
                bench.threads.work()
                found = {facts.id: facts.definition for facts in bench.controller.jails()}
                assert {
                    id: (each.bundle, each.runtime, each.settings.stop.timeout, each.settings.autostart)
                    for id, each in found.items()
                } == {id: expected(keys) for id, keys in now.items()}
                before = now
        finally:
            bench.world.close()
