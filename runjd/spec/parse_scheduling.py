"""
``process.scheduler``, ``process.ioPriority`` and ``process.execCPUAffinity``.

Specification: config.md, "Linux Process"; sched_setattr(2), ioprio_set(2), cpuset(7),
"List format".  Values that a policy takes no notice of are faults, as with runc.
"""

from __future__ import annotations

from runjd.spec.model import CpuAffinity, IoPriority, Scheduler
from runjd.spec.quote import quoted
from runjd.spec.reader import UINT64_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.spec.reader import Reader

POLICIES = ("SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE")
FLAGS = (
    "SCHED_FLAG_RESET_ON_FORK",
    "SCHED_FLAG_RECLAIM",
    "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS",
    "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX",
)
IO_CLASSES = ("IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE")

_NICE = ("SCHED_OTHER", "SCHED_BATCH")
_REAL_TIME = ("SCHED_FIFO", "SCHED_RR")
#: more than any kernel is built for (CONFIG_NR_CPUS)
_CPU_MAX = 8191


def read_scheduler(reader: Reader) -> Scheduler:
    """Return the object; what is wrong is noted in the reader's faults."""
    expected = f"one of {', '.join(POLICIES)}"
    policy = reader.choice("policy", POLICIES) if reader.require("policy", expected) else ""
    flags = reader.texts("flags")
    for index, each in enumerate(flags):
        if each not in FLAGS:
            reader.fault_at("flags", index, f"found {quoted(each)}, expected one of {', '.join(FLAGS)}")
    made = Scheduler(
        policy=policy,
        nice=reader.integer("nice", -20, 19) or 0,
        priority=reader.integer("priority", 0, 99) or 0,
        flags=flags,
        runtime=reader.integer("runtime", 0, UINT64_MAX) or 0,
        deadline=reader.integer("deadline", 0, UINT64_MAX) or 0,
        period=reader.integer("period", 0, UINT64_MAX) or 0,
    )
    for name, policies in (
        ("nice", _NICE),
        ("priority", _REAL_TIME),
        *((each, ("SCHED_DEADLINE",)) for each in ("runtime", "deadline", "period")),
    ):
        if getattr(made, name) and policy in POLICIES and policy not in policies:
            reader.fault(name, f"found {getattr(made, name)}, which is for {' and '.join(policies)} only")
    return made


def read_io_priority(reader: Reader) -> IoPriority:
    """Return the object."""
    expected = f"one of {', '.join(IO_CLASSES)}"
    kind = reader.choice("class", IO_CLASSES) if reader.require("class", expected) else ""
    return IoPriority(kind, reader.integer("priority", 0, 7) or 0)


def read_affinity(reader: Reader) -> CpuAffinity:
    """Return the object."""
    return CpuAffinity(_read_cpus(reader, "initial"), _read_cpus(reader, "final"))


def _read_cpus(reader: Reader, name: str) -> tuple[int, ...]:
    text = reader.text(name)
    found: set[int] = set()
    for part in text.split(",") if text else ():
        first, dash, last = part.strip().partition("-")
        if not _is_cpu(first) or (dash and not _is_cpu(last)) or (dash and int(last) < int(first)):
            reader.fault(name, f"found {quoted(text)}, expected CPUs from 0 to {_CPU_MAX}, as 0-3,7")
            return ()
        found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def _is_cpu(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4 and int(text) <= _CPU_MAX


#: field of :class:`~runjd.spec.model.Process` to what reads it
READ: dict[str, Callable[[Reader], object]] = {
    "scheduler": read_scheduler,
    "io_priority": read_io_priority,
    "exec_cpu_affinity": read_affinity,
}
