"""``runj pause``, ``resume``, ``update``, ``events`` and ``ps``, and control groups as engines ask for them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.container.jails import Jails, until
from tests.functional.runj.command import Runj

pytestmark = pytest.mark.root

TOP = f"/runjd-test-{os.getpid()}"


@pytest.fixture
def linux(private_dir: str) -> Any:
    """Return the command with namespaces."""
    jails = Jails(private_dir, "linux")
    yield Runj(jails)
    jails.finish()
    left = [root for root, _, _ in os.walk("/sys/fs/cgroup") if root.endswith(TOP)]
    for each in left:
        os.rmdir(each)


def limited(runj: Runj, args: list[str], **resources: object) -> str:
    """Return a bundle with control groups."""
    config = runj.jails.config(args)
    assert isinstance(config["linux"], dict)
    config["linux"] |= {"cgroupsPath": f"{TOP}/web", "resources": resources}
    return runj.jails.write(config)


def run(runj: Runj, args: list[str], **resources: object) -> int:
    """Create and start a container named web; return its pid."""
    runj.ok("create", "--bundle", limited(runj, args, **resources), "web")
    runj.ok("start", "web")
    pid = runj.state("web")["pid"]
    assert isinstance(pid, int)
    return pid


def value(name: str) -> str:
    """Return what a file of the container's groups says; skips where this host has no such file."""
    for mount in (f"/sys/fs/cgroup/{name.partition('.')[0]}", "/sys/fs/cgroup"):
        if os.path.exists(f"{mount}{TOP}/web/{name}"):
            with open(f"{mount}{TOP}/web/{name}") as file:
                return file.read().strip()
    pytest.skip(f"this host has no {name}")


def members() -> list[str]:
    """Return the processes that are in the group that is frozen."""
    for mount in ("/sys/fs/cgroup/freezer", "/sys/fs/cgroup"):
        if os.path.exists(f"{mount}{TOP}/web"):
            with open(f"{mount}{TOP}/web/cgroup.procs") as file:
                return file.read().split()
    return []


def test_paused_container_is_shown_and_resumed(linux: Runj) -> None:
    """state and list say paused; it can neither be started, nor paused again, nor deleted."""
    run(linux, ["sleep", "60"])

    linux.ok("pause", "web")

    assert linux.state("web")["status"] == "paused"
    assert " paused " in linux.ok("list")
    assert linux.fails("pause", "web") == 'cannot pause "web": it is paused already'
    assert linux.fails("start", "web") == 'cannot start "web": it is paused; resume it first'
    assert linux.fails("delete", "web") == 'cannot delete "web": it is paused; stop it first, or use --force'
    linux.ok("resume", "web")
    assert linux.state("web")["status"] == "running"
    assert linux.fails("resume", "web") == 'cannot resume "web": it is not paused'


def test_nothing_is_executed_in_a_paused_container(linux: Runj) -> None:
    """Unless that is asked for: then it begins when the container is resumed."""
    run(linux, ["sleep", "60"])
    linux.ok("pause", "web")

    done = linux("exec", "web", "true")
    assert (done.returncode, done.stderr) == (255, 'runj: cannot exec in "web": it is paused; resume it first\n')
    waiting = subprocess.Popen(linux.argv("exec", "--ignore-paused", "web", "sh", "-c", "exit 7"))
    until(lambda: len(members()) > 1, "it is in the groups of the container")
    assert waiting.poll() is None
    linux.ok("resume", "web")

    assert waiting.wait(10) == 7


@pytest.mark.parametrize("end", [("kill", "web", "KILL"), ("kill", "--all", "web", "9"), ("delete", "--force", "web")])
def test_paused_container_can_be_ended(linux: Runj, end: tuple[str, ...]) -> None:
    """SIGKILL, and delete with force, work as ever."""
    run(linux, ["sleep", "60"])
    linux.ok("pause", "web")

    linux.ok(*end)

    until(lambda: "web" not in linux.ok("list", "-q").split() or linux.state("web")["status"] == "stopped", "it ends")


def test_other_signals_wait_for_resume(linux: Runj) -> None:
    """As with runc they are taken, and have their effect later."""
    run(linux, ["sh", "-c", "trap exit TERM; while :; do sleep 0.01; done"])
    linux.ok("pause", "web")
    linux.ok("kill", "web", "TERM")
    assert linux.state("web")["status"] == "paused"

    linux.ok("resume", "web")

    until(lambda: linux.state("web")["status"] == "stopped", "it ends")


def test_created_container_can_be_paused(linux: Runj) -> None:
    """It is created again when it is resumed, and can be started."""
    linux.ok("create", "--bundle", limited(linux, ["sleep", "60"]), "web")
    linux.ok("pause", "web")
    assert linux.state("web")["status"] == "paused"
    linux.ok("resume", "web")
    assert linux.state("web")["status"] == "created"

    linux.ok("start", "web")


def test_container_without_groups_can_be_paused(linux: Runj) -> None:
    """It gets groups then, a process that joins gets into them, and they go with it."""
    linux.create("db", ["sleep", "60"])
    linux.ok("start", "db")

    linux.ok("pause", "db")
    assert linux.state("db")["status"] == "paused"
    linux.ok("resume", "db")
    assert f"db.{linux.state('db')['pid']}" in linux.ok("exec", "db", "cat", "/proc/self/cgroup")
    linux.ok("delete", "--force", "db")

    assert not [each for each, _, _ in os.walk("/sys/fs/cgroup") if "/db." in each and each.endswith("/db")]


def test_plain_cannot_pause(plain: Runj) -> None:
    """Each of these verbs says that it is not supported, and does nothing."""
    plain.create("web", ["sleep", "60"])

    for words in (("pause", "web"), ("update", "--pids-limit", "5", "web"), ("events", "--stats", "web")):
        assert "is not supported on the plain runtime" in plain.fails(*words)
    assert plain.fails("resume", "web") == 'cannot resume "web": it is not paused'


def test_limits_are_changed_and_remembered(linux: Runj) -> None:
    """Each update starts from the one before; 0 is as before."""
    run(linux, ["sleep", "60"], pids={"limit": 20}, memory={"limit": 50 << 20}, cpu={"shares": 512, "quota": 50000})

    linux.ok("update", "--memory", "60m", "--cpu-share", "256", "web")
    assert value("pids.max") == "20"
    linux.ok("update", "--pids-limit", "30", "--cpuset-cpus", "0", "--memory-reservation", "0", "web")

    assert (value("pids.max"), value("cpuset.cpus")) == ("30", "0")
    with open(f"{linux.jails.state_dir}/web/config.json") as file:
        resources = json.load(file)["linux"]["resources"]
    assert resources == {
        "pids": {"limit": 30},
        "memory": {"limit": 60 << 20},
        "cpu": {"shares": 256, "quota": 50000, "cpus": "0"},
    }
    assert value("memory.limit_in_bytes") == str(60 << 20)
    assert value("cpu.shares") == "256"


def test_limits_are_read_from_a_file(linux: Runj) -> None:
    """Or from the standard input, as engines do; what is wrong is named with its place."""
    run(linux, ["sleep", "60"], pids={"limit": 20})
    file = f"{linux.directory}/limits.json"
    with open(file, "w") as limits:
        limits.write('{"pids": {"limit": 21}, "cpu": {"shares": 0}, "memory": null}')

    assert linux("update", "--resources", "-", "web", input='{"pids": {"limit": "x"}}').stderr == (
        'runj: standard input: linux.resources.pids.limit: found "x", expected a whole number from '
        "-9223372036854775807 to 9223372036854775807\n"
    )
    assert linux("update", "-r", "-", "web", input='{"pids": {"limit": 22}}').returncode == 0
    assert value("pids.max") == "22"
    assert "memory: found null" in linux.fails("update", "-r", file, "web")
    assert "stands beside --resources" in linux.fails("update", "-r", file, "--pids-limit", "1", "web")
    assert "nothing is to be changed" in linux.fails("update", "web")
    assert linux.fails("update", "--memory", "much", "web") == "--memory much is no number, as 512m"


def test_refused_update_changes_nothing(linux: Runj) -> None:
    """Neither the groups nor the record."""
    run(linux, ["sleep", "60"], pids={"limit": 20})
    value("cpuset.cpus")

    assert linux.fails("update", "--pids-limit", "30", "--cpuset-cpus", "4000", "web").startswith(
        "linux.resources.cpu.cpus: "
    )

    assert value("pids.max") == "20"
    linux.ok("update", "--memory", "1g", "web")
    assert value("pids.max") == "20"


def test_devices_cannot_be_updated(linux: Runj) -> None:
    """The same rules, as some engines send them along, are no change."""
    rules = [{"allow": False, "access": "rwm"}]
    run(linux, ["sleep", "60"], devices=rules)

    assert linux("update", "-r", "-", "web", input=json.dumps({"devices": rules})).returncode == 0
    other = linux("update", "-r", "-", "web", input=json.dumps({"devices": [{"allow": True, "access": "rwm"}]}))
    assert (other.returncode, "linux.resources.devices: " in other.stderr) == (1, True)


def test_processes_are_listed(linux: Runj) -> None:
    """By their pids, or as ps(1) shows them with its own options."""
    pid = run(linux, ["sleep", "60"])

    assert json.loads(linux.ok("ps", "--format", "json", "web")) == [pid]
    assert linux.ok("ps", "web").splitlines()[1].split()[1] == str(pid)
    assert linux.ok("ps", "web", "-o", "pid,args").splitlines()[1:] == [f"{pid:>5} sleep 60"]
    assert "no column PID" in linux.fails("ps", "web", "-o", "args")


def test_stats_have_the_form_of_runc(linux: Runj) -> None:
    """Once, as a JSON object of a line."""
    run(linux, ["sleep", "60"], pids={"limit": 9})

    event = json.loads(linux.ok("events", "--stats", "web"))

    assert (event["type"], event["id"]) == ("stats", "web")
    assert event["data"]["pids"] == {"current": 1, "limit": 9}
    assert event["data"]["cpu"]["usage"]["total"] > 0
    names = {"cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"}
    assert set(event["data"]) == names
    assert linux.fails("events", "--interval", "0", "web") == "--interval 0 is no time, as 5s, 500ms or 1m30s"


def test_events_tell_that_memory_ran_out(linux: Runj) -> None:
    """Statistics come at each interval, an event when a process is killed, and the end with that of the container."""
    script = "while ! [ -e /tmp/go ]; do sleep 0.02; done; head -c 90000000 /dev/zero | tail -c 80000000; sleep 1"
    run(linux, ["sh", "-c", script], memory={"limit": 30 << 20, "swap": 30 << 20})
    events = subprocess.Popen(linux.argv("events", "--interval", "50ms", "web"), stdout=subprocess.PIPE, text=True)
    assert events.stdout is not None
    read: Callable[[], dict[str, Any]] = lambda: json.loads(events.stdout.readline() or "{}")  # noqa: E731
    assert [read()["type"] for _ in range(3)] == ["stats"] * 3

    linux.ok("exec", "web", "sh", "-c", ": > /tmp/go")
    kinds = [json.loads(line)["type"] for line in events.stdout]

    assert "oom" in kinds
    assert events.wait(10) == 0
    events.stdout.close()


def test_full_container_takes_no_more(linux: Runj) -> None:
    """What is executed in a container that has all the processes it may have fails, and the error says why."""
    run(linux, ["sleep", "60"], pids={"limit": 1})
    value("pids.max")

    assert "as many processes as linux.resources.pids.limit allows" in linux("exec", "web", "true").stderr


def test_memory_that_is_too_small_to_start(linux: Runj) -> None:
    """The kernel kills init before it is ready; the error says what it may be, and nothing is left."""
    bundle = limited(linux, ["true"], memory={"limit": 100 << 10, "swap": 100 << 10})

    assert "(memory limit too low?)" in linux.fails("create", "--bundle", bundle, "web")

    assert linux.ok("list", "-q") == ""
