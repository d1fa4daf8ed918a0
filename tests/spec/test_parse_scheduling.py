"""Tests of runjd.spec.parse_scheduling."""

import pytest

from runjd.spec.model import CpuAffinity, IoPriority, Process, Scheduler
from runjd.spec.parse_process import parse_process
from tests.spec.documents import check_fault


def document(**properties: object) -> dict[str, object]:
    """Return a process document with more properties."""
    return {"args": ["true"], "cwd": "/", **properties}


def test_every_property_is_read() -> None:
    """The objects come out as they are written."""
    flags = ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_DL_OVERRUN"]
    deadline = {"policy": "SCHED_DEADLINE", "flags": flags, "runtime": 1, "deadline": 2, "period": 3}

    assert parse_process(
        document(
            scheduler=deadline,
            ioPriority={"class": "IOPRIO_CLASS_RT", "priority": 7},
            execCPUAffinity={"initial": "4, 0-2,1", "final": "7"},
        )
    ) == Process(
        ("true",),
        scheduler=Scheduler("SCHED_DEADLINE", flags=tuple(flags), runtime=1, deadline=2, period=3),
        io_priority=IoPriority("IOPRIO_CLASS_RT", 7),
        exec_cpu_affinity=CpuAffinity((0, 1, 2, 4), (7,)),
    )


@pytest.mark.parametrize(
    ("properties", "path", "words"),
    [
        ({"scheduler": {}}, "scheduler.policy", "is missing"),
        ({"scheduler": {"policy": "SCHED_FAIR"}}, "scheduler.policy", "expected one of SCHED_OTHER"),
        ({"scheduler": {"policy": "SCHED_OTHER", "nice": 20}}, "scheduler.nice", "from -20 to 19"),
        ({"scheduler": {"policy": "SCHED_FIFO", "nice": 1}}, "scheduler.nice", "for SCHED_OTHER and SCHED_BATCH only"),
        ({"scheduler": {"policy": "SCHED_OTHER", "priority": 1}}, "scheduler.priority", "for SCHED_FIFO and SCHED_RR"),
        ({"scheduler": {"policy": "SCHED_RR", "period": 1}}, "scheduler.period", "for SCHED_DEADLINE only"),
        ({"scheduler": {"policy": "SCHED_RR", "flags": ["X"]}}, "scheduler.flags[0]", "expected one of SCHED_FLAG_"),
        ({"ioPriority": {"priority": 1}}, "ioPriority.class", "is missing"),
        ({"ioPriority": {"class": "IDLE"}}, "ioPriority.class", "expected one of IOPRIO_CLASS_RT"),
        ({"ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 8}}, "ioPriority.priority", "from 0 to 7"),
        ({"execCPUAffinity": {"initial": "3-1"}}, "execCPUAffinity.initial", "as 0-3,7"),
        ({"execCPUAffinity": {"final": "0,"}}, "execCPUAffinity.final", "as 0-3,7"),
        ({"execCPUAffinity": {"final": "0-99999"}}, "execCPUAffinity.final", "from 0 to 8191"),
        ({"execCPUAffinity": []}, "execCPUAffinity", "expected an object"),
    ],
)
def test_a_wrong_property_is_named_by_its_path(properties: dict[str, object], path: str, words: str) -> None:
    """One wrong property gives one fault, at its path."""
    check_fault(document(**properties), path, words, parse_process)
