"""containerd on a machine of its own, whose shim for runc calls the runtime in question."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.conversation import Conversation, on_terminal
from tests.peers.machine import Done, Machine, until
from tests.peers.podman import RUNTIMES, make_root

_ADDRESS = "/run/containerd/containerd.sock"
#: containerd 2 asks this what ctr shall unpack images with
UNPACKING = """\
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
  platform = "linux"
  snapshotter = "native"
"""
CONFIGURATION = f"""\
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
{UNPACKING}"""
IMAGE = "localhost/box:1"


class Containerd:
    """
    containerd; as a context it runs, and has an image that holds a static busybox.

    :param machine: what it runs on; all its files are there.
    :param directory: existing, for what both sides see.
    """

    def __init__(self, machine: Machine, directory: Path, runtime: str) -> None:
        self._machine = machine
        self._directory = directory
        self._path = shutil.which(RUNTIMES[runtime]) or RUNTIMES[runtime]
        self._numbers = count(1)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        config = self._directory / "containerd.toml"
        config.write_text(CONFIGURATION)
        log = self._stack.enter_context(open(self._directory / "containerd.log", "wb"))
        null = self._stack.enter_context(open(os.devnull, "rb"))
        descriptors = [null.fileno(), log.fileno(), log.fileno()]
        argv = ["containerd", "--config", str(config)]
        try:
            self._stack.enter_context(self._machine.start(argv, descriptors))
            until(lambda: self("version").status == 0)
            self.good(f"image import --snapshotter native {make_image(self._machine, self._directory)}")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.close()

    def __call__(self, line: str, *words: str, data: bytes = b"") -> Done:
        """
        Run ctr to its end.

        :param line: its command line, as for a shell.
        :param words: what follows, as it is.
        """
        return self._machine.run("ctr", "--address", _ADDRESS, *shlex.split(line), *words, data=data)

    def good(self, line: str, *words: str) -> str:
        """Run ctr, which must succeed, and return what it wrote."""
        done = self(line, *words)
        assert done.status == 0, f"ctr {line}: exit status {done.status}: {done.complaint}"
        return done.text

    def run(self, options: str, name: str, *command: str) -> Done:
        """Run a container to its end, or detached."""
        return self(*self._run(options, name, command))

    def on_terminal(self, options: str, name: str, *command: str) -> AbstractContextManager[Conversation]:
        """Run a container on a terminal."""
        line, *words = self._run(f"--tty {options}", name, command)
        return on_terminal(self._machine, ["ctr", "--address", _ADDRESS, *shlex.split(line), *words], 24, 80)

    def name(self) -> str:
        """Return a name that no container has."""
        return f"box{next(self._numbers)}"

    def status(self, name: str) -> str:
        """Return what containerd says of a task; empty where there is none."""
        rows = [line.split() for line in self.good("task ls").splitlines()[1:]]
        return next((row[-1] for row in rows if row[0] == name), "")

    def remove(self, name: str) -> None:
        """Remove a container, whatever it does."""
        self("task kill --signal KILL", name)
        until(lambda: self.status(name) in ("", "STOPPED"))
        self("task rm --force", name)
        self("container rm", name)

    def _run(self, options: str, name: str, command: Sequence[str]) -> list[str]:
        line = f"run --runtime io.containerd.runc.v2 --runc-binary {self._path} --snapshotter native {options}"
        return [line, IMAGE, name, *command]


def make_image(machine: Machine, directory: Path) -> Path:
    """Return an archive of an image that holds a static busybox."""
    root, archive = directory / "root", directory / "image.tar"
    make_root(root)
    words = ("demo", "oci-image", "-i", str(root), "-n", IMAGE, "--os", "linux", "-o", str(archive))
    done = machine.run(RUNTIMES["runj"], *words)
    assert done.status == 0, done.complaint
    return archive
