"""What a kubelet asks of the CRI plugin, by hand: the few messages of runtime.v1 that it takes to run a pod."""

from __future__ import annotations

from typing import Any, Self

from runjd.protocols.ttrpc.fields import format_bytes as message
from runjd.protocols.ttrpc.fields import format_number as number
from runjd.protocols.ttrpc.fields import format_text as text
from runjd.protocols.ttrpc.fields import read_fields
from tests.peers.containerd import UNPACKING

IMAGE = "localhost/pause:1"
#: in the configuration of containerd
PLUGIN = f"""\
version = 2
disabled_plugins = ["io.containerd.internal.v1.opt"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runj]
  runtime_type = "io.containerd.runj.v1"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
{UNPACKING}"""
_PATIENCE = 40.0
_NODE = 2
#: NamespaceOption: network of the node, as there are no plugins for another one
_NAMESPACES = number(1, _NODE)
RUNNING, EXITED = 1, 2


class Pod:
    """
    A pod, made by a RuntimeClass; as a context it is removed with all its containers.

    :param grpc: the module.
    :param socket: of containerd.
    :param runtime: the handler that a RuntimeClass names.
    :param logs: a directory, as containerd sees it.
    :param parent: the control group that a kubelet has made for the pod; empty for none.
    """

    def __init__(self, grpc: Any, socket: str, runtime: str, logs: str, parent: str = "") -> None:
        self._channel = grpc.insecure_channel(f"unix://{socket}")
        linux = text(1, parent) + message(2, message(1, _NAMESPACES))
        name = text(1, f"web-{runtime}") + text(2, f"uid-{runtime}") + text(3, "default")
        self._config = message(1, name) + text(3, logs) + message(8, linux)
        self._runtime = runtime
        self._id = ""

    def __enter__(self) -> Self:
        self._id = self._call("RunPodSandbox", message(1, self._config) + text(2, self._runtime))[1].decode()
        return self

    def __exit__(self, *_: object) -> None:
        self._call("StopPodSandbox", text(1, self._id))
        self._call("RemovePodSandbox", text(1, self._id))
        self._channel.close()

    def run(self, name: str, *command: str) -> str:
        """Start a container whose log is NAME.log; return its id."""
        words = b"".join(text(3, word) for word in command)
        security = message(15, message(2, message(3, _NAMESPACES)))
        config = message(1, text(1, name)) + message(2, text(1, IMAGE)) + words + text(11, f"{name}.log") + security
        made = self._call("CreateContainer", text(1, self._id) + message(2, config) + message(3, self._config))
        id = made[1].decode()
        self._call("StartContainer", text(1, id))
        return id

    def status(self, id: str) -> tuple[int, int]:
        """Return state and exit status of a container."""
        found = dict(read_fields(self._call("ContainerStatus", text(1, id))[1]))
        return found.get(3, 0), found.get(7, 0)

    def execute(self, id: str, *command: str) -> tuple[int, bytes, bytes]:
        """Run a program in a container; return its status and what it wrote."""
        words = b"".join(text(2, word) for word in command)
        done = self._call("ExecSync", text(1, id) + words + number(3, 20))
        return done.get(3, 0), done.get(1, b""), done.get(2, b"")

    def measure(self, id: str) -> dict[int, Any]:
        """Return the fields of ContainerStats: 2 processor, 3 memory."""
        return dict(read_fields(self._call("ContainerStats", text(1, id))[1]))

    def stop(self, id: str, seconds: int) -> None:
        """Stop a container: SIGTERM, and SIGKILL after so many seconds."""
        self._call("StopContainer", text(1, id) + number(2, seconds))

    def remove(self, id: str) -> None:
        """Remove a container."""
        self._call("RemoveContainer", text(1, id))

    def count(self) -> int:
        """Return how many containers there are."""
        return len(list(read_fields(self._raw("ListContainers", b""))))

    def _call(self, method: str, request: bytes) -> dict[int, Any]:
        return dict(read_fields(self._raw(method, request)))

    def _raw(self, method: str, request: bytes) -> bytes:
        call = self._channel.unary_unary(f"/runtime.v1.RuntimeService/{method}")
        answer: bytes = call(request, timeout=_PATIENCE)
        return answer
