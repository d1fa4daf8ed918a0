"""Pods, kube files and health checks: several containers that share namespaces."""

import json
import shutil

import pytest

from tests.peers.machine import until
from tests.peers.podman import Podman

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(
        not shutil.which("catatonit"), reason="catatonit is not installed: it is what holds a pod together"
    ),
]


def test_the_containers_of_a_pod_share_its_namespaces(podman: Podman):
    """Network, IPC and host name are the pod's, files and processes each container's own; the pod ends as one."""
    pod, server = podman.name(), podman.name()
    podman.good(f"pod create --name {pod} --hostname together")
    podman.good(f"run -d --pod {pod} --name {server} box sh -c", "echo hello >/srv; nc -l -p 8080 -e cat /srv")

    ask = "until nc 127.0.0.1 8080 </dev/null 2>/dev/null; do sleep 0.05; done; hostname; ls /srv 2>&1"
    done = podman(f"run --rm --pod {pod} box sh -c", ask)

    assert done.text.split("\n") == ["hello", "together", "ls: /srv: No such file or directory"]
    assert podman.good(f"pod ps --filter name={pod} --format", "{{.NumberOfContainers}}") == "2"
    podman.good(f"pod stop --time 1 {pod}")
    assert podman.inspect(server, "{{.State.Running}}") == "false"
    podman.good(f"pod start {pod}")
    podman.good(f"pod rm --force --time 0 {pod}")


def test_a_pod_pauses_and_is_killed_as_one(podman: Podman):
    """pod pause, unpause and kill reach each container."""
    pod = podman.name()
    names = [podman.name(), podman.name()]
    podman.good(f"pod create --name {pod}")
    for name in names:
        podman.good(f"run -d --pod {pod} --name {name} box sleep 1000")

    def states() -> list[str]:
        return podman.good("inspect --type container --format", "{{.State.Status}}", *names).split()

    podman.good(f"pod pause {pod}")
    assert states() == ["paused", "paused"]
    podman.good(f"pod unpause {pod}")
    assert states() == ["running", "running"]
    podman.good(f"pod kill {pod}")
    until(lambda: states() == ["exited", "exited"])
    podman.good(f"pod rm --force --time 0 {pod}")


def test_a_kube_file_is_played(podman: Podman):
    """play kube makes a pod with volumes, environment, limits and a read-only root, and takes it down again."""
    data = podman.directory / podman.name()
    data.mkdir()
    name = podman.name()
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "volumes": [{"name": "data", "hostPath": {"path": str(data), "type": "Directory"}}],
            "containers": [
                {
                    "name": "one",
                    "image": "localhost/box:latest",
                    "command": [
                        "/bin/sh",
                        "-c",
                        "echo $WORD >/data/word; /bin/touch /x; /bin/id -u >>/data/word; exec /bin/sleep 1000",
                    ],
                    "env": [{"name": "WORD", "value": "played"}],
                    "resources": {"limits": {"memory": "64Mi"}},
                    "securityContext": {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False},
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                }
            ],
        },
    }
    path = podman.directory / f"{name}.yaml"
    path.write_text(json.dumps(document))

    podman.good(f"play kube --network none {path}")
    until(lambda: (data / "word").exists() and (data / "word").read_text() == "played\n0\n")
    assert "Read-only file system" in podman.logs(f"{name}-one")
    assert f"name: {name}" in podman.good(f"generate kube {name}")
    podman.good(f"play kube --down {path}")
    assert podman(f"pod exists {name}").status == 1


def test_health_is_asked_for_by_hand(podman: Podman, container: str):
    """healthcheck run executes its command in the container, and tells healthy from unhealthy."""
    podman(f"run -d --name {container} --health-cmd", "test -e /healthy", "box", "sleep", "1000")

    assert podman(f"healthcheck run {container}").status == 1
    podman.good(f"exec {container} touch /healthy")
    assert podman(f"healthcheck run {container}").status == 0
