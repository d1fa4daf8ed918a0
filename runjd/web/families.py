"""
A sample as metrics of prometheus_client.

Names, units and types follow "Metric and label naming" of Prometheus.  The only labels whose
values nobody can count before are the ids of jails.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

import runjd
import twisted
from runjd.policy.facts import PHASES
from runjd.policy.usage import Measured
from runjd.supervise.pulse import BOUNDS
from runjd.web.sample import DaemonSample, Sample

_JAIL = ("jail",)


def exposition(sample: Sample) -> bytes:
    """Return the sample, and what the system counts of this process, in the text format; takes a while."""
    registry = CollectorRegistry()
    registry.register(_Collected(sample))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, sample: Sample) -> None:
        self._sample = sample

    def describe(self) -> Iterable[Metric]:
        """Name nothing: the registry is made for one sample, and would collect it twice to learn the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield everything."""
        yield from _of_jails(self._sample)
        yield from _of_daemon(self._sample.daemon)


def _of_jails(sample: Sample) -> Iterator[Metric]:
    jails = sample.measurement.jails
    yield _gauge("wanted", "Whether it is wanted up.", ((each, each.facts.want != "down") for each in jails))
    yield _gauge("up", "Whether its init process runs.", ((each, each.facts.pid > 0) for each in jails))
    yield _gauge("ready", "Whether it is ready.", ((each, each.facts.ready == "yes") for each in jails))
    healthy = ((each, each.facts.health == "healthy") for each in jails if each.facts.health != "-")
    yield _gauge("healthy", "Whether its probe says that it is well; nothing where there is no probe.", healthy)
    started = ((each, each.facts.started_at) for each in jails if each.facts.started_at)
    yield _gauge("start_time_seconds", "When its init process was started, since the epoch.", started)
    yield _counter("restarts", "Starts that nobody asked for.", ((each, each.facts.restarts) for each in jails))
    yield _exits(sample)
    used = [(each, each.usage) for each in jails if each.usage is not None]
    yield _counter("cpu_seconds", "Time on the processors since its start.", ((each, use.cpu) for each, use in used))
    yield _gauge("memory_bytes", "Memory that it uses.", ((each, use.memory) for each, use in used))
    yield _gauge("processes", "Processes that it has.", ((each, use.processes) for each, use in used))
    read = ((each, use.read) for each, use in used if use.read is not None)
    yield _counter("disk_read_bytes", "Read from disks since its start.", read)
    written = ((each, use.written) for each, use in used if use.written is not None)
    yield _counter("disk_written_bytes", "Written to disks since its start.", written)
    yield _counter("log_bytes", "Output that was taken for its log.", ((each, each.logged) for each in jails))
    lost = ((each, each.facts.log_lost) for each in jails)
    yield _counter("log_dropped_bytes", "Output that was left out of its log.", lost)
    sessions = ((each, sample.sessions.get(each.facts.id, 0)) for each in jails)
    yield _gauge("attach_sessions", "Sessions that look on at its processes.", sessions)
    phases = Counter(each.facts.phase for each in jails)
    family = GaugeMetricFamily("runjd_jails", "Jails by the phase that they are in.", labels=("phase",))
    for phase in PHASES:
        family.add_metric((phase,), phases[phase])
    yield family


def _of_daemon(daemon: DaemonSample) -> Iterator[Metric]:
    info = GaugeMetricFamily("runjd_build_info", "What runs, always 1.", labels=("version", "python", "twisted"))
    info.add_metric((runjd.__version__, platform.python_version(), twisted.__version__), 1)
    yield info
    counts = list(accumulate(daemon.lag.counts))
    buckets = [(f"{bound:g}", n) for bound, n in zip((*BOUNDS, float("inf")), counts, strict=True)]
    buckets[-1] = ("+Inf", counts[-1])
    lag = HistogramMetricFamily("runjd_event_loop_lag_seconds", "How late the reactor does what is due each second.")
    lag.add_metric((), buckets, daemon.lag.total)
    yield lag
    stalls = CounterMetricFamily("runjd_event_loop_stalls", "How often the reactor was stuck for a second or more.")
    stalls.add_metric((), daemon.lag.stalls)
    yield stalls
    connections = GaugeMetricFamily("runjd_control_connections", "Connections of the control protocol.")
    connections.add_metric((), daemon.connections)
    yield connections
    queues = GaugeMetricFamily("runjd_queue_length", "How much waits, by what it waits for.", labels=("queue",))
    for name, length in daemon.queues.items():
        queues.add_metric((name,), length)
    yield queues


def _exits(sample: Sample) -> Metric:
    family = CounterMetricFamily(
        "runjd_jail_exits", "Ends of its init process, in this life of the daemon.", labels=("jail", "reason")
    )
    for (jail, reason), number in sample.exits.items():
        family.add_metric((jail, reason), number)
    return family


def _gauge(name: str, text: str, values: Iterable[tuple[Measured, float]]) -> Metric:
    return _filled(GaugeMetricFamily(f"runjd_jail_{name}", text, labels=_JAIL), values)


def _counter(name: str, text: str, values: Iterable[tuple[Measured, float]]) -> Metric:
    return _filled(CounterMetricFamily(f"runjd_jail_{name}", text, labels=_JAIL), values)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, values: Iterable[tuple[Measured, float]]
) -> GaugeMetricFamily | CounterMetricFamily:
    for measured, value in values:
        family.add_metric((measured.facts.id,), value)
    return family
