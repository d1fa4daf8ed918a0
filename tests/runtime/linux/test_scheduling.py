"""When and where a process of a jail runs, what time it is there, and on what system it believes to be."""

from __future__ import annotations

import os
import time

import pytest

from runjd.errors import RunjdError, SpecError
from runjd.spec.model import CpuAffinity, IoPriority, Namespace, Scheduler, TimeOffset
from tests.runtime.driver import STANDARD_NAMESPACES, Driver, config, shell

pytestmark = pytest.mark.root

#: ioprio_get(2) by ionice, policy and priority by proc_pid_stat(5): 41, 40 and, of the nice value, 19
SHOW = "ionice -p $$; set -- $(cat /proc/$$/stat); echo ${41} ${40} ${19}"


def test_scheduler_and_io_priority(driver: Driver, bundle: str) -> None:
    """The program is scheduled as the configuration says, an exec process as its own document says."""
    idle = {"scheduler": Scheduler("SCHED_IDLE"), "io_priority": IoPriority("IOPRIO_CLASS_IDLE")}
    held = driver.create(config("sleep 60", process=idle), bundle)
    driver.start(held.pid)
    batch = {"scheduler": Scheduler("SCHED_BATCH", 5), "io_priority": IoPriority("IOPRIO_CLASS_BE", 3)}

    found = os.sched_getscheduler(held.pid)
    executed = driver.exec(held, shell(SHOW, **batch))
    driver.end(held)

    assert (found, executed) == (os.SCHED_IDLE, (0, "best-effort: prio 3\n3 0 5\n"))


def test_a_scheduler_that_cannot_be_had_is_an_error(driver: Driver, bundle: str) -> None:
    """What the kernel refuses is named by its path, and nothing is left."""
    impossible = Scheduler("SCHED_DEADLINE", runtime=3, deadline=2, period=1)

    with pytest.raises(RunjdError, match="schedule by SCHED_DEADLINE") as caught:
        driver.create(config(process={"scheduler": impossible}), bundle)
    assert caught.value.details["path"] == "process.scheduler"


def test_an_exec_process_runs_on_the_cpus_it_was_given(driver: Driver, bundle: str) -> None:
    """The final CPUs count for the program; without, it runs where it would have; we stay where we were."""
    ours = os.sched_getaffinity(0)
    one = min(ours)
    held = driver.create(config("sleep 60", process={"exec_cpu_affinity": CpuAffinity((one,), (one,))}), bundle)
    driver.start(held.pid)
    script = "grep Cpus_allowed_list /proc/self/status"

    assert os.sched_getaffinity(held.pid) == ours
    assert driver.exec(held, shell(script, exec_cpu_affinity=CpuAffinity((), (one,))))[1].split()[1] == str(one)
    before = driver.exec(held, shell(script))
    assert driver.exec(held, shell(script, exec_cpu_affinity=CpuAffinity((one,)))) == before
    assert os.sched_getaffinity(0) == ours
    driver.end(held)


@pytest.mark.parametrize("name", ["initial", "final"])
def test_cpus_that_are_not_there_are_an_error(driver: Driver, bundle: str, name: str) -> None:
    """A CPU that this host lacks is named, with the path."""
    held = driver.create(config("sleep 60"), bundle)
    driver.start(held.pid)

    with pytest.raises(RunjdError, match="run on CPU 8191") as caught:
        driver.exec(held, shell("", exec_cpu_affinity=CpuAffinity(**{name: (8191,)})))
    assert caught.value.details["path"] == f"process.execCPUAffinity.{name}"
    driver.end(held)


def test_personality(driver: Driver, bundle: str) -> None:
    """LINUX32 shows in what the machine is called, for exec processes, too."""
    held = driver.create(config("uname -m; sleep 60", linux={"personality": "LINUX32"}), bundle)
    driver.start(held.pid)
    first = driver.line(held.pid)
    second = driver.exec(held, shell("uname -m"))[1]
    driver.end(held)
    plain = driver.run(config("uname -m", linux={"personality": "LINUX"}), bundle)[1]

    assert plain == os.uname().machine + "\n"
    if os.uname().machine == "x86_64":
        assert (first, second) == ("i686", "i686\n")


@pytest.mark.skipif(not os.path.exists("/proc/self/ns/time"), reason="this kernel has no time namespaces")
def test_clocks_of_a_time_namespace(driver: Driver, bundle: str) -> None:
    """Clocks are ahead by what the configuration says, exactly, for exec processes, too; ours are not."""
    offsets = (TimeOffset("monotonic", 7, 500), TimeOffset("boottime", 3600))
    namespaces = (*STANDARD_NAMESPACES, Namespace("time"))
    held = driver.create(config("sleep 60", linux={"namespaces": namespaces, "time_offsets": offsets}), bundle)
    driver.start(held.pid)
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    inside = float(driver.exec(held, shell("cat /proc/uptime"))[1].split()[0])
    after = time.clock_gettime(time.CLOCK_BOOTTIME)
    with open(f"/proc/{held.pid}/timens_offsets", encoding="ascii") as file:
        table = file.read().split()
    their, ours = os.readlink(f"/proc/{held.pid}/ns/time"), os.readlink("/proc/self/ns/time")
    joined = (Namespace("mount"), Namespace("time", f"/proc/{held.pid}/ns/time"))
    again = driver.run(config("readlink /proc/self/ns/time", hostname="", linux={"namespaces": joined}), bundle)[1]
    driver.end(held)

    assert before + 3599 <= inside <= after + 3601
    assert table == ["monotonic", "7", "500", "boottime", "3600", "0"]
    assert again == their + "\n" != ours + "\n"
    assert os.readlink("/proc/self/ns/time_for_children") == ours


def test_offsets_need_clocks_of_their_own(driver: Driver, bundle: str) -> None:
    """Offsets without a new time namespace are refused by their path."""
    with pytest.raises(SpecError) as caught:
        driver.runtime.plan(config(linux={"time_offsets": (TimeOffset("boottime", 1),)}), bundle, "web")

    assert caught.value.path == "linux.timeOffsets"
