"""Pods of Kubernetes: containerd's CRI plugin, asked as a kubelet asks it, with a RuntimeClass for our daemon."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.cri import EXITED, IMAGE, PLUGIN, RUNNING, Pod
from tests.peers.machine import Machine, MachineError, until
from tests.peers.podman import make_root
from tests.peers.programs import PATH
from tests.peers.tasks import SHIMS, Tasks
from tests.peers.thorough import WANTED

pytestmark = pytest.mark.root

_SOCKET = "/run/containerd/containerd.sock"


@pytest.fixture(scope="module", params=[each for each in WANTED if each in SHIMS])
def tasks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    """Return containerd with its CRI plugin, and with a daemon; nothing of the pods may be left."""
    for program in ("containerd", "ctr", "containerd-shim-runc-v2"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (as root, make test installs it)")
    directory = tmp_path_factory.mktemp("pods")
    try:
        machine = Machine(str(directory), {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"})
    except MachineError as error:
        pytest.skip(f"no machine of its own for containerd: {error}")
    try:
        with Tasks(machine, directory, request.param, PLUGIN) as running:
            archive = make_archive(directory)
            running.good(f"image import --snapshotter native {archive}", namespace="k8s.io")
            yield running
            left = running.leftovers()
    finally:
        machine.switch_off()
    assert left == []


@pytest.fixture
def pod(tasks: Tasks) -> Iterator[Pod]:
    """Return a pod that runs."""
    grpc = pytest.importorskip("grpc", reason="grpcio is not installed (make venv installs it)")
    with Pod(grpc, str(tasks.machine.path(_SOCKET)), "runj" if tasks.is_ours else "runc", "/run/pods") as running:
        yield running


def make_archive(directory: Path) -> Path:
    """Return an archive of an image that sleeps unless it is told otherwise."""
    make_root(directory / "pause")
    with tarfile.open(directory / "layer.tar", "w") as layer:
        layer.add(directory / "pause", arcname=".")
    digest = hashlib.sha256((directory / "layer.tar").read_bytes()).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["sleep", "100000"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]
    with tarfile.open(directory / "pause.tar", "w") as archive:
        archive.add(directory / "layer.tar", arcname="layer.tar")
        for name, document in (("config.json", config), ("manifest.json", manifest)):
            data = json.dumps(document).encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return directory / "pause.tar"


def test_a_container_of_a_pod_ends_and_leaves_its_log(tasks: Tasks, pod: Pod) -> None:
    """Its status is known, and its log has the form that kubectl reads."""
    id = pod.run("one", "sh", "-c", "echo out; echo err >&2; exit 7")
    until(lambda: pod.status(id)[0] == EXITED)
    log = tasks.machine.path("/run/pods/one.log")
    until(lambda: log.read_text().count("\n") == 2)

    assert pod.status(id) == (EXITED, 7)
    lines = sorted(re.sub(r"^\S+Z ", "", line) for line in log.read_text().splitlines())
    assert lines == ["stderr F err", "stdout F out"]
    pod.remove(id)


def test_a_container_of_a_pod_is_looked_into_and_stopped(pod: Pod) -> None:
    """Exec, as probes do it, statistics, a stop in order; then it is gone."""
    id = pod.run("two", "sh", "-c", "trap 'exit 3' TERM; while true; do sleep 0.05; done")

    assert pod.status(id)[0] == RUNNING
    assert pod.execute(id, "sh", "-c", "echo hello; echo oh >&2; exit 5") == (5, b"hello\n", b"oh\n")
    assert {2, 3} <= set(pod.measure(id))
    pod.stop(id, 10)
    assert pod.status(id) == (EXITED, 3)
    pod.remove(id)
    assert pod.count() == 0


@pytest.mark.thorough
def test_a_pod_that_does_not_listen_is_killed(pod: Pod) -> None:
    """After its time of grace."""
    id = pod.run("three", "sh", "-c", "trap '' TERM; while true; do sleep 1; done")

    pod.stop(id, 1)

    assert pod.status(id) == (EXITED, 137)
