"""podman on a machine of its own, with one OCI runtime."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path

from tests.peers.conversation import Conversation, on_terminal, piped
from tests.peers.machine import PATIENCE, Done, Machine, until

#: the runtimes by name: ours as it is installed, and those it is measured by
RUNTIMES = {"runj": str(Path(sys.executable).with_name("runj")), "runc": "runc", "crun": "crun"}

# The limits are low because a test machine may lack CAP_SYS_RESOURCE; the journal of systemd may be absent.
_CONF = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
netns = "none"

[network]
network_backend = "cni"

[engine]
events_logger = "file"
"""
_MANUAL = Path(__file__).parents[2] / "man/runj.8"
_STORAGE = """\
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
"""


class Podman:
    """
    podman with a runtime as its only one, and with an image ``box`` that holds a static busybox.

    :param machine: what it runs on; all its files are there.
    :param directory: existing, for what both sides see.
    :ivar runtime: the runtime's name.
    :ivar path: the runtime's program.
    :ivar plain: the same by a name of which podman does not know that it can log as JSON.
    """

    def __init__(self, machine: Machine, directory: Path, runtime: str) -> None:
        self.machine = machine
        self.directory = directory
        self.runtime = runtime
        self.path = shutil.which(RUNTIMES[runtime]) or RUNTIMES[runtime]
        self.plain = str(directory / f"{runtime}-without-json")
        self._numbers = count(1)
        os.symlink(self.path, self.plain)
        # of mounts also those of the host that are hidden
        self._known = self._traces()
        self._configure()
        self._import()

    def __call__(
        self,
        line: str,
        *words: str,
        data: bytes = b"",
        env: Mapping[str, str] | None = None,
        patience: float = PATIENCE,
    ) -> Done:
        """
        Run podman to its end.

        :param line: its command line, as for a shell.
        :param words: what follows, as it is.
        """
        return self.machine.run("podman", *shlex.split(line), *words, data=data, env=env, patience=patience)

    def good(self, line: str, *words: str, data: bytes = b"") -> str:
        """Run podman, which must succeed, and return what it wrote."""
        done = self(line, *words, data=data)
        assert done.status == 0, f"podman {line}: exit status {done.status}: {done.complaint}"
        return done.text

    def piped(self, line: str, *words: str) -> AbstractContextManager[Conversation]:
        """Run podman with pipes for its input and its output."""
        return piped(self.machine, ["podman", *shlex.split(line), *words])

    def on_terminal(
        self, line: str, *words: str, rows: int = 24, columns: int = 80
    ) -> AbstractContextManager[Conversation]:
        """Run podman on a terminal."""
        return on_terminal(self.machine, ["podman", *shlex.split(line), *words], rows, columns)

    def conversation(self, argv: Sequence[str]) -> AbstractContextManager[Conversation]:
        """Run another program on a terminal."""
        return on_terminal(self.machine, argv)

    def name(self) -> str:
        """Return a name that no container has."""
        return f"{self.runtime}-{next(self._numbers)}"

    def inspect(self, container: str, form: str) -> str:
        """Return what a Go template says of a container."""
        return self.good("inspect --type container --format", form, container)

    def logs(self, container: str) -> str:
        """Return what a container wrote to both its streams."""
        done = self("logs", container)
        assert done.status == 0, done.complaint
        return (done.out + done.err).decode()

    def until_logged(self, container: str, text: str) -> None:
        """Wait until a container has written a line with that text; read where it lies, which costs no process."""
        id = self.inspect(container, "{{.Id}}")
        log = self.machine.path(f"/var/lib/containers/storage/overlay-containers/{id}/userdata/ctr.log")
        # time, stream, F or P, text
        until(lambda: log.exists() and any(text in line.split(" ", 3)[-1] for line in log.read_text().split("\n")))

    def until_exited(self, container: str) -> int:
        """Wait for the end of a container, and return its exit status."""
        return int(self.good("wait", container))

    def remove(self, *containers: str) -> None:
        """Remove containers, whatever they do, those that there are."""
        if containers:
            self.good("rm --force --ignore --time 0", *containers)

    def leftovers(self) -> list[str]:
        """Remove all containers and pods, and return a line for each thing that should be gone with them."""
        self.good("pod rm --all --force --time 0")
        self.good("rm --all --force --time 0")
        try:
            until(lambda: self._traces() <= self._known, 5)
        except TimeoutError:
            return sorted(self._traces() - self._known)
        return []

    def _traces(self) -> set[str]:
        """Return what containers are known by: state, groups, mounts, processes."""
        script = (
            f"find /run/{self.runtime} -mindepth 1 -maxdepth 1 ! -name '.*' 2>/dev/null;"
            "find /sys/fs/cgroup -type d -name 'libpod-*';"
            "grep -E '/overlay/[^/]+/merged|/run/netns/' /proc/self/mounts;"
            "for each in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$each; echo; done | grep -E '^(/usr/bin/conmon|sleep) '"
        )
        return set(self.machine.run("sh", "-c", script).text.splitlines())

    def _configure(self) -> None:
        for name, text in (
            ("containers.conf", _CONF + self._documented()),
            ("storage.conf", _STORAGE),
        ):
            path = self.directory / name
            path.write_text(text)
            self._do("cp", str(path), f"/etc/containers/{name}")

    def _documented(self) -> str:
        """Return what the manual tells people to write."""
        lines = _MANUAL.read_text().partition('runtime = "runj"')[2].partition(".Ed")[0]
        return f'runtime = "runj"{lines}'.replace("/usr/local/bin/runj", self.path).replace("runj", self.runtime)

    def _import(self) -> None:
        root = self.directory / "box"
        make_root(root)
        archive = f"{root}.tar"
        self._do("tar", "cf", archive, "-C", str(root), ".")
        self.good("import --change", 'CMD ["/bin/sh"]', archive, "box")
        self._do("rm", "-r", archive, str(root))

    def _do(self, *argv: str) -> None:
        done = self.machine.run(*argv)
        assert done.status == 0, done.complaint


def make_root(path: Path) -> None:
    """Make a root file system with a static busybox and two users."""
    busybox = shutil.which("busybox")
    assert busybox, "a static busybox is missing (Debian: busybox-static)"
    for name in ("bin", "dev", "etc", "home/guest", "proc", "root", "sys", "tmp", "var"):
        (path / name).mkdir(parents=True, exist_ok=True)
    (path / "tmp").chmod(0o1777)
    shutil.copy(busybox, path / "bin/busybox")
    applets = subprocess.run([busybox, "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for name in set(applets.split()) - {"busybox"}:
        (path / "bin" / name).symlink_to("busybox")
    (path / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000:guest:/home/guest:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
    )
    (path / "etc/group").write_text("root:x:0:\nguest:x:1000:\nwheel:x:10:guest\nnogroup:x:65534:\n")
    (path / "etc/nothing-to-run").write_text("plain text\n")
    os.chown(path / "home/guest", 1000, 1000)
