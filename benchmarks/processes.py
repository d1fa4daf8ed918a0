"""What the kernel tells of processes: memory, time of the processors, who their parents are."""

import os
from collections.abc import Iterable, Iterator

_TICK = os.sysconf("SC_CLK_TCK")


def pss(pid: int) -> int:
    """Return the memory of a process in KiB, its share of what it shares; 0 once it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next((int(each.split()[1]) for each in file if each.startswith("Pss:")), 0)
    except OSError:
        return 0


def pss_of(pids: Iterable[int]) -> int:
    """Return the memory of processes in KiB."""
    return sum(map(pss, pids))


def pages_of(pids: Iterable[int]) -> int:
    """Return the memory of processes in KiB, each page once, whoever else has it; needs root."""
    page = os.sysconf("SC_PAGE_SIZE")
    there: set[int] = set()
    for pid in pids:
        try:
            there |= _frames(pid, page)
        except OSError:
            continue  # it ended meanwhile
    return len(there) * page // 1024


def _frames(pid: int, page: int) -> set[int]:
    """Return which pages of the machine a process has: proc_pid_pagemap(5), bits 0 to 54 and 63."""
    found: set[int] = set()
    with open(f"/proc/{pid}/maps", "rb") as maps, open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pages:
        for line in maps:
            if b"[v" in line:  # what the kernel shows to all
                continue
            start, end = (int(each, 16) // page for each in line.split(None, 1)[0].split(b"-"))
            said = os.pread(pages.fileno(), 8 * (end - start), 8 * start)
            found |= {each & (1 << 55) - 1 for each in memoryview(said).cast("Q") if each >> 63}
    return found


def cpu(pid: int) -> tuple[float, float]:
    """Return the CPU seconds of a process, and of those that it has reaped, in ticks of 10 ms."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = [int(each) for each in file.read().rpartition(")")[2].split()[11:15]]
    return (fields[0] + fields[1]) / _TICK, (fields[2] + fields[3]) / _TICK


def cpu_of_threads(pid: int) -> float:
    """Return the CPU seconds of the living threads of a process, to the nanosecond."""
    spent = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                spent += int(file.read().split()[0])
        except OSError:
            continue  # it ended meanwhile
    return spent / 1e9


def command_of(pid: int) -> list[str]:
    """Return the words of its command line; none once it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\0").split("\0")
    except OSError:
        return []


def parent_of(pid: int) -> int:
    """Return the pid of its parent; 0 once it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def all_pids() -> Iterator[int]:
    """Yield the pids of all processes that we see."""
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def marked(mark: str) -> list[int]:
    """Return the processes, but this one, with a mark in their command lines."""
    own = os.getpid()
    return [pid for pid in all_pids() if pid != own and any(mark in word for word in command_of(pid))]


def below(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for each in all_pids():
        children.setdefault(parent_of(each), []).append(each)
    found, new = [], [pid]
    while new:
        found += new
        new = [child for each in new for child in children.get(each, [])]
    return found
