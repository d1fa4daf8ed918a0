"""The text of the metrics."""

import gc
import os
import re
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred

from runjd.errors import Cancelled
from runjd.policy.facts import PHASES
from runjd.policy.usage import Usage
from runjd.supervise.pulse import BOUNDS, Lag

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def test_a_jail_is_told(bench):
    """Whether it is up, ready and well, what it used, wrote and lost, how it ended, who looks on."""
    bench.jails.usages = {"web": Usage(1.25, 4096, 3, 10, 20)}
    bench.jails.output("web", b"hello\n")

    assert bench.lines("runjd_jail_up{") == ['runjd_jail_up{jail="web"} 1.0']
    assert bench.lines("runjd_jail_wanted{") == ['runjd_jail_wanted{jail="web"} 1.0']
    assert bench.lines("runjd_jail_cpu_seconds_total{") == ['runjd_jail_cpu_seconds_total{jail="web"} 1.25']
    assert bench.lines("runjd_jail_memory_bytes{") == ['runjd_jail_memory_bytes{jail="web"} 4096.0']
    assert bench.lines("runjd_jail_disk_read_bytes_total{") == ['runjd_jail_disk_read_bytes_total{jail="web"} 10.0']
    assert bench.lines("runjd_jail_log_bytes_total{") == ['runjd_jail_log_bytes_total{jail="web"} 6.0']
    assert bench.lines("runjd_jail_log_dropped_bytes_total{") == ['runjd_jail_log_dropped_bytes_total{jail="web"} 0.0']
    assert bench.lines("runjd_jail_attach_sessions{") == ['runjd_jail_attach_sessions{jail="web"} 0.0']
    assert bench.lines("runjd_jail_restarts_total{") == ['runjd_jail_restarts_total{jail="web"} 0.0']
    assert len(bench.lines("runjd_jail_ready{")) == 1


def test_a_jail_that_does_not_run_uses_nothing(bench):
    """What is not known has no line; that it is down, and how it ended, has."""
    bench.jails.exit("web", 3)

    assert bench.lines("runjd_jail_up{") == ['runjd_jail_up{jail="web"} 0.0']
    assert bench.lines("runjd_jail_exits_total{") == ['runjd_jail_exits_total{jail="web",reason="failure"} 1.0']
    for name in ("cpu_seconds_total", "memory_bytes", "start_time_seconds", "healthy"):
        assert bench.lines(f"runjd_jail_{name}{{") == []


def test_the_daemon_is_told(bench):
    """How late its reactor is, its connections, queues and descriptors, and what it is."""
    bench.lag = Lag((5, 0, 0, 0, 0, 1) + (0,) * (len(BOUNDS) - 5), 0.3, 2)

    lag = bench.lines("runjd_event_loop_lag_seconds")
    assert 'runjd_event_loop_lag_seconds_bucket{le="0.001"} 5.0' in lag
    assert 'runjd_event_loop_lag_seconds_bucket{le="0.5"} 6.0' in lag
    assert lag[-3:] == [
        'runjd_event_loop_lag_seconds_bucket{le="+Inf"} 6.0',
        "runjd_event_loop_lag_seconds_count 6.0",
        "runjd_event_loop_lag_seconds_sum 0.3",
    ]
    assert bench.lines("runjd_event_loop_stalls_total") == ["runjd_event_loop_stalls_total 2.0"]
    assert bench.lines("runjd_control_connections") == ["runjd_control_connections 2.0"]
    assert bench.lines("runjd_queue_length{") == ['runjd_queue_length{queue="logs"} 3.0']
    assert len(bench.lines("runjd_build_info{")) == 1
    assert len(bench.lines("runjd_jails{")) == len(PHASES)
    if sys.platform == "linux":
        assert len(bench.lines("process_open_fds ")) == len(bench.lines("process_max_fds ")) == 1


def test_the_number_of_series_grows_with_jails_only(bench):
    """A hundred ends, sessions or events of a jail make not one line more; a jail makes at most twenty-two."""
    bench.jails.usages = {"web": Usage(1.25, 4096, 3, 10, 20)}
    for jail in ("web", "db"):
        if jail != "web":
            bench.run(jail)
        bench.jails.exit(jail, 0)
        bench.jails.start(jail, "uid:0")
    before = len(bench.lines())
    for _ in range(100):
        bench.jails.exit("web", 0)
        bench.jails.start("web", "uid:0")
    assert len(bench.lines()) == before
    bench.run("more")
    assert before < len(bench.lines()) <= before + 22


def test_the_text_can_be_parsed(bench):
    """Each family has a type and a help that ends with a period, and all names are ours or those of processes."""
    families = list(text_string_to_metric_families("\n".join(bench.lines()) + "\n"))

    assert len(families) > 20
    for family in families:
        assert re.fullmatch(r"(runjd|process)_[a-z_]+", family.name)
        assert family.documentation.endswith(".")
        assert family.type in ("gauge", "counter", "histogram")


def test_those_who_ask_at_once_share_one_text(bench):
    """The second waits for the first one's; who leaves does not end it."""
    calls, found = [], []

    def in_thread(*words):
        calls.append(Deferred())
        return calls[-1]

    bench.in_thread = in_thread
    first = bench.metrics().addBoth(found.append)
    bench.metrics().addBoth(found.append)
    first.cancel()
    assert isinstance(found[0].value, Cancelled)
    assert len(calls) == 1
    calls[0].callback(b"text")

    assert found[1:] == [b"text"]
    bench.metrics().addBoth(found.append)
    calls[1].errback(OSError("no"))
    assert found[2].check(OSError)


MISSING = """
import sys
sys.modules["prometheus_client"] = None  # as if it was not installed
sys.path.insert(0, {checkout!r})
from tests.web.conftest import Bench
Bench().metrics().addErrback(lambda failure: print(failure.type.__name__, failure.value))
"""


def test_without_the_package_it_is_said_what_to_install():
    """An interpreter that has no prometheus_client answers so; nothing else suffers."""
    script = MISSING.format(checkout=CHECKOUT)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("Unsupported METRICS needs prometheus_client: install ")


def test_nothing_of_it_is_imported_before_somebody_asks():
    """A daemon without metrics does not pay for them."""
    script = "import sys, runjd.web.exposition, runjd.web.diagnosis; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


@pytest.mark.parametrize("text", ['we"b', "we\\b"])
def test_labels_are_escaped(bench, text):
    """Whatever an id is, it stays within its quotes."""
    bench.jails.events.emit(text, "exit", {"exit": 0})

    (family,) = text_string_to_metric_families("\n".join(bench.lines("runjd_jail_exits")) + "\n")
    assert family.samples[0].labels["jail"] == text


def test_garbage_is_not_looked_for_among_all_that_there_is(bench):
    """While the text is made, what was there before is left alone; afterwards it is as it was."""
    frozen = []

    def collected(phase, info):
        frozen.append(gc.get_freeze_count())

    for number in range(300):
        bench.run(f"jail{number}")
    gc.callbacks.append(collected)
    try:
        bench.lines()
    finally:
        gc.callbacks.remove(collected)

    assert max(frozen) > 1000
    assert gc.get_freeze_count() == 0
