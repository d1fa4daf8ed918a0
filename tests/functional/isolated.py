"""A daemon whose jails are in namespaces."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence

from runjd.spec.example import minimal_config
from tests.container.jails import make_root
from tests.functional.daemon import Daemon


class Isolated(Daemon):
    """A daemon whose jails are in namespaces, all on one root."""

    def __init__(self) -> None:
        super().__init__(runtime="linux")
        self.root = os.path.join(self.directory, "root")
        make_root(self.root)

    def bundle(self, name: str, args: Sequence[str], **keywords: object) -> str:
        """Make a bundle; keywords as for :func:`minimal_config`."""
        path = os.path.join(self.directory, "bundles", name)
        os.makedirs(path)
        keywords.setdefault("env", ["PATH=/bin"])
        with open(os.path.join(path, "config.json"), "w", encoding="utf-8") as file:
            json.dump(minimal_config(args, root=self.root, **keywords), file)  # type: ignore[arg-type]
        return path

    def ask_all(self, lines: Sequence[str]) -> list[str]:
        """Send requests all at once, each with a tag of its own; return the final line of each."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(self.path)
            connection.sendall("".join(f"{tag} {line}\n" for tag, line in enumerate(lines, 1)).encode())
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("r", encoding="utf-8") as reader:
                return [line.rstrip("\n") for line in reader if line[0] in "+-"]

    def statuses(self) -> dict[str, dict[str, object]]:
        """Return the status of all jails, by id."""
        return {str(each["jail"]): each for each in json.loads(self.runjctl("status", "--json").stdout)}
