"""What control groups count, in files as the kernel writes them."""

from __future__ import annotations

import pytest

from runjd.kernel.files import Files
from runjd.runtime.meters.groups import Counts, count, killed_for_memory


@pytest.fixture
def group(private_dir):
    """Return what writes files of a group, and the directory."""

    def write(name: str, **files: str) -> str:
        directory = f"{private_dir}/{name}"
        import os

        os.makedirs(directory, exist_ok=True)
        for file, text in files.items():
            with open(f"{directory}/{file.replace('__', '.')}", "w", encoding="utf-8") as opened:
                opened.write(text)
        return directory

    return write


def test_version_2(group) -> None:
    """Time in microseconds, memory in bytes, disks by device."""
    directory = group(
        "two",
        cpu__stat="usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n",
        memory__current="4096\n",
        pids__current="3\n",
        io__stat="8:0 rbytes=100 wbytes=20 rios=1 wios=1\n9:0 rbytes=1 wbytes=2 rios=1 wios=1\n",
    )

    assert count(Files(), (directory,)) == Counts(1.5, 4096, 3, 101, 22)


def test_version_1(group) -> None:
    """Each controller has a directory of its own, and time is in nanoseconds."""
    directories = (
        group("cpu", cpuacct__usage="2500000000\n", cpu__stat="nr_periods 0\nnr_throttled 0\n"),
        group("memory", memory__usage_in_bytes="8192\n"),
        group("pids", pids__current="1\n"),
        group("blkio", blkio__throttle__io_service_bytes="8:0 Read 10\n8:0 Write 7\n8:0 Total 17\nTotal 17\n"),
    )

    assert count(Files(), directories) == Counts(2.5, 8192, 1, 10, 7)


def test_what_is_not_counted_is_not_known(group) -> None:
    """A group without controllers, one that is gone, and a file that says something else count nothing."""
    empty, odd = group("empty", cgroup__procs=""), group("odd", memory__current="max\n", cpu__stat="\n")

    assert count(Files(), (empty, f"{empty}/gone", odd)) == Counts()


@pytest.mark.parametrize(
    ("files", "known"),
    [
        ({"memory__events": "low 0\noom 2\noom_kill 1\n"}, True),
        ({"memory__events": "low 0\noom 0\noom_kill 0\n"}, False),
        ({"memory__oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"}, True),
        ({"memory__oom_control": "oom_kill_disable 0\nunder_oom 0\n"}, None),
        ({}, None),
    ],
)
def test_whether_memory_ran_out(group, files: dict[str, str], known: bool | None) -> None:
    """Version 2 and version 1 count those that were killed; old kernels do not, and then it is not known."""
    assert killed_for_memory(Files(), (group("other"), group("one", **files))) is known
