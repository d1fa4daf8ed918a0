"""The life of a container, step by step."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

FOREVER = "while :; do sleep 1; done"


def test_a_life(containers) -> None:
    """Created, running, stopped, gone; the program begins at start."""
    bundle = containers.create("c", f"echo begun > /begun; {FOREVER}")
    created = containers.state("c")
    begun = os.path.exists(f"{bundle}/rootfs/begun")
    containers.ok("start", "c")
    running = containers.state("c")
    containers.ok("kill", "c", "KILL")
    containers.becomes("c", "stopped")
    containers.ok("delete", "c")

    assert (created["status"], begun, running["status"]) == ("created", False, "running")
    assert created["pid"] == running["pid"] > 0
    assert created["bundle"] == bundle
    assert containers.ok("list", "--quiet") == ""
    containers.fails("state", "c")


def test_nothing_is_done_twice_or_too_early(containers) -> None:
    """A second create, start and delete of what runs are refused."""
    bundle = containers.create("c", FOREVER)
    containers.fails("create", "--bundle", bundle, "c")
    containers.ok("start", "c")
    containers.fails("start", "c")
    containers.fails("delete", "c")

    assert containers.state("c")["status"] == "running"
    containers.ok("delete", "--force", "c")
    containers.fails("state", "c")


def test_what_was_created_can_be_killed(containers) -> None:
    """Before it was started."""
    containers.create("c", FOREVER)
    containers.ok("kill", "c", "KILL")
    containers.becomes("c", "stopped")
    containers.ok("delete", "c")


def test_a_signal_arrives(containers) -> None:
    """By its name or number, and the program may heed it as it likes."""
    bundle = containers.create("c", f"trap 'echo usr1 >> /got' USR1; trap 'exit 3' TERM; echo > /ready; {FOREVER}")
    containers.ok("start", "c")
    _until(lambda: os.path.exists(f"{bundle}/rootfs/ready"))
    containers.ok("kill", "c", "USR1")
    _until(lambda: os.path.exists(f"{bundle}/rootfs/got"))
    containers.ok("kill", "c", str(int(signal.SIGTERM)))
    containers.becomes("c", "stopped")
    containers.ok("delete", "c")


def test_all_processes_can_be_killed(containers) -> None:
    """Also those that the first one left behind."""
    bundle = containers.create("c", f"({FOREVER}) & ({FOREVER}) & echo > /ready; wait")
    containers.ok("start", "c")
    _until(lambda: os.path.exists(f"{bundle}/rootfs/ready"))
    containers.ok("kill", "--all", "c", "KILL")
    containers.becomes("c", "stopped")
    containers.ok("delete", "c")


def test_a_program_is_executed_inside(containers) -> None:
    """As who and where it is told, with its own exit status."""
    containers.create("c", FOREVER)
    containers.ok("start", "c")
    done = containers("exec", "--cwd", "/tmp", "--env", "A=1", "--user", "1001:1002", "c", "/bin/sh", "-c",
                      "echo $A; pwd; id -u; id -g; exit 7")  # fmt: skip

    assert (done.returncode, done.stdout.split()) == (7, ["1", "/tmp", "1001", "1002"])
    containers.ok("delete", "--force", "c")


def test_nothing_is_executed_in_what_has_ended(containers) -> None:
    """An error, and no process."""
    containers.create("c", "exit 0")
    containers.ok("start", "c")
    containers.becomes("c", "stopped")
    containers.fails("exec", "c", "/bin/sh", "-c", "exit 0")
    containers.ok("delete", "c")


@pytest.mark.parametrize("id", ["77", "a.b", "x_y-z", "0077"])
def test_an_id_may_be_a_number_or_have_dots(containers, id) -> None:
    """Which mean something else to jail(2)."""
    containers.create(id, FOREVER)
    containers.ok("start", id)

    assert containers.state(id)["status"] == "running"
    containers.ok("delete", "--force", id)


def test_containers_live_beside_each_other(containers) -> None:
    """Each has its own root and ends alone."""
    bundles = [containers.create(f"c{index}", f"echo c{index} > /me; {FOREVER}") for index in range(3)]
    for index in range(3):
        containers.ok("start", f"c{index}")
    for bundle in bundles:
        _until(lambda bundle=bundle: os.path.exists(f"{bundle}/rootfs/me"))
    containers.ok("delete", "--force", "c1")

    assert [containers.state(id)["status"] for id in ("c0", "c2")] == ["running", "running"]
    for id in ("c0", "c2"):
        containers.ok("delete", "--force", id)


def test_a_pid_file_has_the_pid(containers) -> None:
    """Of the process that the state names."""
    bundle = containers.bundle(containers.config(FOREVER))
    file = f"{containers.directory}/pid"
    containers.ok("create", "--pid-file", file, "--bundle", bundle, "c")

    with open(file) as written:
        assert int(written.read()) == containers.state("c")["pid"]
    containers.ok("delete", "--force", "c")


def _until(condition) -> None:
    """Wait for what a program inside does, for a generous time."""
    import time

    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_events_are_told_until_the_container_ends(containers) -> None:
    """At least how much it uses, where the kernel counts that; then they end by themselves."""
    containers.create("c", "trap 'exit 0' TERM; while :; do sleep 0.05; done")
    if containers("events", "--stats", "c").returncode != 0:
        pytest.skip("this machine counts nothing")
    containers.ok("start", "c")
    with open(f"{containers.directory}/events", "w+") as told:
        follower = containers.program("events", "--interval", "100ms", "c", out=told)
        try:
            time.sleep(1)
            containers.ok("kill", "c", "TERM")
            status = follower.wait(10)
        finally:
            follower.kill()
            follower.wait()
        told.seek(0)
        lines = [json.loads(line) for line in told]

    assert status == 0
    assert len(lines) >= 2
    assert {(each["type"], each["id"]) for each in lines} == {("stats", "c")}


def test_processes_are_shown_as_the_system_shows_them(containers) -> None:
    """A heading and a line for each of the container's, and of nobody else."""
    containers.create("c", FOREVER)
    pid = containers.state("c")["pid"]
    told = containers.ok("ps", "c").splitlines()
    pids = json.loads(containers.ok("ps", "--format", "json", "c"))

    assert pids == [pid]
    assert [line.split()[1] for line in told] == ["PID", str(pid)]
