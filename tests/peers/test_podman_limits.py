"""Limits of podman containers: memory, processes, processors, devices, and what happens at the end of them."""

import os

import pytest

from tests.peers.machine import until
from tests.peers.podman import Podman
from tests.peers.thorough import thorough

pytestmark = pytest.mark.root

_VERSION_1 = os.path.isdir("/sys/fs/cgroup/memory")
_VERSION_2_ONLY = "needs the controllers of cgroup version 1"


@pytest.mark.skipif(not _VERSION_1, reason=_VERSION_2_ONLY)
@pytest.mark.parametrize(
    ("options", "files", "expected"),
    [
        (
            "--memory 64m --memory-swap 96m --memory-reservation 32m --pids-limit 77 --cpus 0.5",
            "memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us",
            "67108864\n100663296\n77\n50000",
        ),
        *thorough(
            ("--memory 64m --memory-reservation 32m", "memory/memory.soft_limit_in_bytes", "33554432"),
            ("--pids-limit -1", "pids/pids.max", "max"),
            ("--cpu-shares 77 --cpuset-cpus 0", "cpu/cpu.shares cpuset/cpuset.cpus", "77\n0"),
        ),
    ],
)
def test_a_limit_is_in_force(podman: Podman, options: str, files: str, expected: str):
    """What was asked for stands in the container's own control group, which it can read."""
    done = podman(f"run --rm {options} -w /sys/fs/cgroup box cat {files}")

    assert (done.text, done.status) == (expected, 0), done.complaint


def test_a_container_that_eats_too_much_memory_is_killed(podman: Podman, container: str):
    """Beyond --memory the kernel kills: exit status 137, and inspect says why."""
    done = podman(f"run --name {container} --memory 32m --memory-swap 32m box sh -c", "tail -c 256m /dev/zero")

    assert done.status == 137
    assert podman.inspect(container, "{{.State.ExitCode}}") == "137"


def test_one_process_of_many_may_be_killed_for_memory(podman: Podman):
    """A child that eats too much is killed, and the first process goes on."""
    done = podman(
        "run --rm --memory 32m --memory-swap 32m box sh -c", "tail -c 256m /dev/zero; echo child ended with $?"
    )

    assert (done.status, done.text) == (0, "child ended with 137")


def test_no_more_processes_than_allowed(podman: Podman):
    """Beyond --pids-limit no process can be forked; what is below the limit runs."""
    script = "for n in 1 2 3 4 5 6 7 8; do sleep 1000 & done; wait"

    done = podman("run --rm --pids-limit 5 box sh -c", script)

    assert done.status == 2
    assert "can't fork" in done.complaint


def test_stats_count_what_a_container_uses(podman: Podman, container: str):
    """stats reads memory, processes and processor time from the container's groups."""
    podman.good(f"run -d --name {container} --memory 64m box sh -c", "sleep 1000 & while :; do :; done")

    line = f"stats --no-stream {container} --format"
    pids, memory = podman.good(line, "{{.PIDs}} {{.MemUsage}}").split(maxsplit=1)
    assert (pids, memory.endswith("/ 67.11MB")) == ("2", True)
    assert not memory.startswith("0B")


@pytest.mark.skipif(not _VERSION_1, reason=_VERSION_2_ONLY)
def test_limits_change_while_it_runs(podman: Podman, container: str):
    """podman update sets new limits for a container that runs."""
    podman.good(f"run -d --name {container} --memory 64m box sleep 1000")

    podman.good(f"update --memory 32m --cpus 0.3 {container}")

    files = "/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us"
    assert podman.good(f"exec {container} cat {files}") == "33554432\n30000"


def test_the_groups_of_a_container_are_gone_with_it(podman: Podman, container: str):
    """While it runs a container has groups of its own, and afterwards there are none of them."""
    podman.good(f"run -d --name {container} box sleep 1000")
    pid, id = podman.inspect(container, "{{.State.Pid}} {{.Id}}").split()
    find = ("find", "/sys/fs/cgroup", "-name", f"*{id}*")

    groups = podman.machine.run("cat", f"/proc/{pid}/cgroup").text.splitlines()
    assert [line for line in groups if not line.endswith(f"/libpod_parent/libpod-{id}")] in ([], ["0::/"])
    assert podman.machine.run(*find).text
    podman.remove(container)
    until(lambda: not podman.machine.run(*find).text)


@pytest.mark.thorough
def test_a_parent_group_is_heeded(podman: Podman):
    """--cgroup-parent puts the container below that group."""
    assert "/offices/libpod-" in podman.good("run --rm --cgroup-parent /offices box cat /proc/self/cgroup")


@pytest.mark.parametrize("kind", ["private", *thorough(("host",))])
def test_a_container_sees_its_groups(podman: Podman, kind: str):
    """With a namespace of its own it is the root of its groups; without one it sees where it is."""
    groups = podman.good(f"run --rm --cgroupns {kind} box cat /proc/self/cgroup").splitlines()

    places = {line.split(":")[2] for line in groups if not line.startswith("0:")} or {groups[0].split(":")[2]}
    assert len(places) == 1
    assert places.pop().startswith("/libpod_parent/libpod-") == (kind == "host")


def test_what_fills_its_limit_is_taken_down(podman: Podman, container: str):
    """What forks until it may no more is killed whole."""
    script = "(for n in $(seq 100); do sleep 1000 & done); exec sleep 1000"
    podman.good(f"run -d --name {container} --pids-limit 30 box sh -c", script)
    podman.until_logged(container, "can't fork")

    assert int(podman.good(f"stats --no-stream {container} --format", "{{.PIDs}}")) in (29, 30)
    podman.good(f"kill {container}")
    assert podman.until_exited(container) == 137
