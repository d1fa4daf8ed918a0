"""Bundles whose hooks write down when and where they were run, and with what."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

from tests.container.jails import Jails, until

PHASES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


class Hooked:
    """
    Bundles for containers whose hooks share a log.

    :param jails: makes the bundles.
    """

    def __init__(self, jails: Jails) -> None:
        self.jails = jails
        self.directory = f"{jails.directory}/log"
        os.mkdir(self.directory, 0o777)
        os.chmod(self.directory, 0o777)

    def hook(self, phase: str, script: str = "", **changes: object) -> dict[str, object]:
        """Return a hook that notes its phase, working directory and state, and then runs a script."""
        here = "/log" if phase == "startContainer" and self.jails.runtime == "linux" else self.directory
        note = f'echo "{phase} $(pwd) $(cat)" >>{here}/lines'
        return {
            "path": "/bin/sh",
            "args": ["sh", "-c", f"{note}; {script.replace('LOG', here)}"],
            "env": ["PATH=/bin:/usr/bin"],
        } | changes

    def bundle(
        self,
        args: Sequence[str],
        hooks: Mapping[str, Sequence[object]],
        *,
        process: Mapping[str, object] | None = None,
        linux: Mapping[str, object] | None = None,
        **options: object,
    ) -> str:
        """
        Return a new bundle with those hooks, in which the log is at the same place or at /log.

        :param process: properties of that name to change; ``linux`` likewise.
        """
        config = self.jails.config(args, **options) | {"hooks": hooks}
        for name, changes in (("process", process), ("linux", linux)):
            if changes:
                changed = config[name]
                assert isinstance(changed, dict)
                changed.update(changes)
        if self.jails.runtime == "linux":
            mounts = config["mounts"]
            assert isinstance(mounts, list)
            mounts.append({"destination": "/log", "type": "bind", "source": self.directory, "options": ["bind", "rw"]})
        return self.jails.write(config)

    def every(self, **scripts: str) -> dict[str, list[object]]:
        """Return a hook for each phase; ``scripts`` are run by those of that phase."""
        return {phase: [self.hook(phase, scripts.get(phase, ""))] for phase in PHASES}

    def lines(self) -> list[str]:
        """Return what was noted."""
        try:
            with open(f"{self.directory}/lines") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def phases(self) -> list[str]:
        """Return the phases that were noted."""
        return [line.split(" ")[0] for line in self.lines()]

    def state(self, phase: str) -> dict[str, object]:
        """Return the state that the hook of a phase read."""
        return next(json.loads(line.split(" ", 2)[2]) for line in self.lines() if line.startswith(f"{phase} "))

    def directory_of(self, phase: str) -> str:
        """Return the working directory of the hook of a phase."""
        return next(line.split(" ", 2)[1] for line in self.lines() if line.startswith(f"{phase} "))

    def wait_for(self, name: str) -> str:
        """Wait until a hook made a file in the log; return what it wrote there."""
        path = f"{self.directory}/{name}"
        until(lambda: os.path.exists(path) and os.path.getsize(path), f"a hook wrote {name}")
        with open(path) as file:
            return file.read()
