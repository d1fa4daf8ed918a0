"""Bundles that all contenders run: a root of a static busybox, and what this project takes for a good default."""

import json
import os
import shutil
from collections.abc import Sequence
from typing import Any

from runjd.spec.example import minimal_config, plain_config

BOX = "/bin/busybox"
#: the directories of a root that something is mounted on
_MOUNTED = ("proc", "dev", "sys")
#: programs of the root that are the busybox by another name
_NAMES = ("busybox", "true", "sleep", "sh", "cat")
ENVIRONMENT = ["PATH=/bin"]
TRUE = ["/bin/true"]
SLEEP = ["/bin/sleep", "100000"]


class Bundles:
    """
    Bundles that differ in their programs only, below a directory.

    :ivar root: of all of them; has a FIFO /go, which is opened when somebody else opens it, too.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self.root = f"{directory}/root"
        busybox = shutil.which("busybox")
        if busybox is None:
            raise SystemExit("The benchmark needs a static busybox, of the package busybox-static.")
        for name in ("bin", *_MOUNTED):
            os.makedirs(f"{self.root}/{name}")
        shutil.copy(busybox, f"{self.root}{BOX}")
        for name in _NAMES[1:]:
            os.link(f"{self.root}{BOX}", f"{self.root}/bin/{name}")
        os.mkfifo(f"{self.root}/go")

    def make(
        self, name: str, args: Sequence[str], *, terminal: bool = False, linux: dict[str, Any] | None = None
    ) -> str:
        """Return a new bundle; ``linux`` is put over what the configuration says there."""
        config: dict[str, Any] = minimal_config(args, root=self.root, readonly=True)
        config["process"] |= {"terminal": terminal, "env": ENVIRONMENT}
        config["linux"] |= linux or {}
        return self._write(name, config)

    def make_plain(self, name: str, args: Sequence[str]) -> str:
        """Return a new bundle of a program of the host, without isolation."""
        return self._write(name, plain_config(args))

    def _write(self, name: str, config: dict[str, Any]) -> str:
        path = f"{self._directory}/{name}"
        os.mkdir(path)
        os.makedirs(f"{path}/rootfs", exist_ok=True)
        config["ociVersion"] = "1.0.2"  # crun 1.8 knows no newer one
        with open(f"{path}/config.json", "w", encoding="utf-8") as file:
            json.dump(config, file)
        return path


def linked(bundle: str, path: str) -> str:
    """Make a bundle that is another one by a link: conmon puts FIFOs into a bundle, each of its own."""
    os.mkdir(path)
    os.symlink(f"{bundle}/config.json", f"{path}/config.json")
    return path
