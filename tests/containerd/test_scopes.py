"""Tasks whose control groups systemd makes, here by a small busctl of ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import pytest_twisted

from runjd.containerd.proto import task_pb2 as pb
from runjd.errors import RunjdError
from tests.containerd.bench import Bench
from tests.runtime.linux.small_busctl import SmallBusctl

pytestmark = pytest.mark.root

NAME = f"runjd-task-{os.getpid()}"


@pytest.fixture
def busctl(private_dir, monkeypatch):
    """Let keeper and daemon find our busctl."""
    made = SmallBusctl(private_dir, NAME, monkeypatch)
    yield made
    made.end()


@pytest_twisted.async_yield_fixture
async def bench(busctl, private_dir):
    """Return tasks, on a keeper."""
    made = Bench(private_dir)
    await made.is_ready()
    yield made
    await made.close()


def request_of(bench, busctl, *, scopes: bool = True, **resources) -> pb.CreateTaskRequest:
    """Return a request for a task whose bundle names a scope; it is asked for as a client of runc's does."""
    bundle = bench.bundle("web", "sleep", "1000", cgroupsPath=busctl.path, resources=resources)
    request = pb.CreateTaskRequest(id="web", bundle=bundle)
    if scopes:
        request.options.type_url = "containerd.runc.v1.Options"
        request.options.value = pb.RuncOptions(systemd_cgroup=True).SerializeToString()
    return request


async def make(bench, busctl, **resources) -> int:
    """Make such a task, and start it; return its pid."""
    pid = (await bench.call("Create", request_of(bench, busctl, **resources), pb.CreateTaskResponse)).pid
    await bench.start("web")
    return pid


def groups(pid: int) -> str:
    """Return the groups of a process."""
    return Path(f"/proc/{pid}/cgroup").read_text()


async def refusal(bench, request) -> str:
    """Return why a task cannot be made; nothing is left of it."""
    with pytest.raises(RunjdError) as caught:
        await bench.call("Create", request)
    assert list(bench.side.tasks) == []
    assert os.listdir(f"{bench.directory}/tasks") in ([], ["loggers"])
    return str(caught.value)


@pytest_twisted.ensureDeferred
async def test_a_task_is_in_its_scope(bench, busctl):
    """It is paused and goes on, its processes are counted there, and when it is deleted its scope is stopped."""
    pid = await make(bench, busctl)

    assert f"{busctl.below}\n" in groups(pid)
    await bench.call("Pause", pb.PauseRequest(id="web"))
    assert await bench.status("web") == "PAUSED"
    await bench.call("Resume", pb.ResumeRequest(id="web"))
    pids = await bench.call("Pids", pb.PidsRequest(id="web"), pb.PidsResponse)
    assert [each.pid for each in pids.processes] == [pid]
    await bench.kill("web")
    assert await bench.wait("web") == 137
    await bench.delete("web")
    assert busctl.methods() == ["StartTransientUnit", "Description", "StopUnit", "Description"]


@pytest_twisted.ensureDeferred
async def test_the_next_daemon_and_keeper_know_of_the_scope(bench, busctl):
    """What they need to take it away is on record."""
    await make(bench, busctl)
    bench.keeper.kill()
    bench.end()
    bench.keeper.start()
    bench.begin()
    await bench.is_ready()

    await bench.cleanup("web")

    assert busctl.methods()[-2:] == ["StopUnit", "Description"]
    assert not busctl.group.exists()


@pytest_twisted.ensureDeferred
async def test_without_the_option_systemd_is_not_asked(bench, busctl):
    """The same path is one below our own group then, as it is for runc."""
    request = request_of(bench, busctl, scopes=False)
    pid = (await bench.call("Create", request, pb.CreateTaskResponse)).pid

    assert f"/{busctl.path}\n" in groups(pid)
    assert busctl.asked() == []


@pytest_twisted.ensureDeferred
async def test_a_file_can_ask_for_it(bench, busctl):
    """For clients that cannot say more than its name."""
    file = Path(bench.directory, "options")
    file.write_text("SystemdCgroup = true")
    request = request_of(bench, busctl, scopes=False)
    request.options.type_url = "runtimeoptions.v1.Options"
    request.options.value = pb.RuntimeOptions(config_path=str(file)).SerializeToString()

    pid = (await bench.call("Create", request, pb.CreateTaskResponse)).pid

    assert f"{busctl.below}\n" in groups(pid)


@pytest_twisted.ensureDeferred
async def test_what_systemd_refuses_fails_the_task(bench, busctl):
    """With its reason, and what to do; nothing is left."""
    busctl.refuse()

    words = await refusal(bench, request_of(bench, busctl))

    assert words.startswith("OCI runtime create failed: ")
    assert f"have systemd start {busctl.unit}: Unit is masked; " in words
    assert "without SystemdCgroup in containerd's configuration" in words
    assert busctl.left() == []


@pytest_twisted.ensureDeferred
async def test_a_path_that_is_none_of_systemd_is_refused(bench, busctl):
    """The property is named, and both ways out."""
    request = request_of(bench, busctl)
    config = Path(request.bundle, "config.json")
    config.write_text(config.read_text().replace(busctl.path, "/jails/web"))

    words = await refusal(bench, request)

    assert 'linux.cgroupsPath: "/jails/web" is none of systemd; expected slice:prefix:name, as ' in words
    assert busctl.asked() == []


@pytest_twisted.ensureDeferred
async def test_a_runtime_without_groups_refuses(bench, busctl):
    """It says which."""
    bench.end()
    bench.runtime = "plain"
    bench.begin()
    await bench.is_ready()

    words = await refusal(bench, request_of(bench, busctl))

    assert words == "SystemdCgroup is not supported on the plain runtime; leave it out"
