"""
Containers by the runj program, of what every FreeBSD has: the static programs in /rescue.

The same bundles run on Linux with a busybox, so that these tests are tried where there
is no FreeBSD.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from runjd.spec.example import minimal_config, plain_config
from tests.functional.runj.command import PROGRAM

#: in both; what else a test needs the shell has
PROGRAMS = ("sh", "cat", "ls", "sleep", "hostname", "id", "kill", "mkdir", "stty")
#: of FreeBSD alone
OF_FREEBSD = ("ifconfig", "mount", "nc", "ping", "sysctl")
#: seconds
PATIENCE = 30


class Containers:
    """
    Runs runj on a state directory of its own.

    :param directory: private, absolute.
    :param runtime: "freebsd" or "linux".
    """

    def __init__(self, directory: str, runtime: str) -> None:
        self.directory = directory
        self.runtime = runtime
        self.is_freebsd = runtime == "freebsd"
        self._count = 0
        self._programs = f"{directory}/programs"
        os.mkdir(self._programs)
        _copy_programs(self._programs, self.is_freebsd)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end; output comes back through files, which what it leaves behind cannot hold open."""
        with open(f"{self.directory}/out", "w+") as out, open(f"{self.directory}/err", "w+") as err:
            done = subprocess.run(
                self.command(*words), stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=PATIENCE, check=False
            )
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())

    def command(self, *words: str) -> list[str]:
        """Return its command line."""
        return [*PROGRAM, "--root", f"{self.directory}/state", "--runtime", self.runtime, *words]

    def ok(self, *words: str) -> str:
        """Run it, see that it succeeds, return what it printed."""
        done = self(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fails(self, *words: str) -> str:
        """Run it, see that it fails, return what it said."""
        done = self(*words)
        assert done.returncode != 0
        return done.stderr

    def config(self, script: str, **process: Any) -> dict[str, Any]:
        """Return a configuration that runs a script of the shell."""
        args = ["/bin/sh", "-c", script]
        config = plain_config(args) if self.is_freebsd else minimal_config(args)
        config["process"].update(process)  # type: ignore[attr-defined]
        return config

    def bundle(self, config: dict[str, Any]) -> str:
        """Return a new bundle."""
        self._count += 1
        path = f"{self.directory}/bundle{self._count}"
        for name in ("bin", "dev", "etc", "tmp"):
            os.makedirs(f"{path}/rootfs/{name}")
        for name in os.listdir(self._programs):
            os.link(f"{self._programs}/{name}", f"{path}/rootfs/bin/{name}", follow_symlinks=False)
        if self.is_freebsd:
            # what the shell puts behind "&" reads from there, and a jail has no devfs unless it asks for one
            with open(f"{path}/rootfs/dev/null", "x"):
                pass
        with open(f"{path}/config.json", "w") as file:
            json.dump(config, file)
        return path

    def run(self, script: str, change: Callable[[dict[str, Any]], object] = len, **process: Any) -> str:
        """Return what a script prints in a container of its own."""
        config = self.config(script, **process)
        change(config)
        return self.ok("run", "--bundle", self.bundle(config), f"c{self._count}")

    def create(self, id: str, script: str, change: Callable[[dict[str, Any]], object] = len) -> str:
        """Create a container and return its bundle."""
        config = self.config(script)
        change(config)
        bundle = self.bundle(config)
        self.ok("create", "--bundle", bundle, id)
        return bundle

    def state(self, id: str) -> dict[str, Any]:
        """Return the state document."""
        found = json.loads(self.ok("state", id))
        assert isinstance(found, dict)
        return found

    def program(self, *words: str, out: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start it, beside others; the caller waits for it.  What it says nobody hears, unless it goes to a file."""
        return subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def becomes(self, id: str, status: str) -> None:
        """Wait until a container has a status."""
        deadline = time.monotonic() + PATIENCE
        while self.state(id)["status"] != status:
            assert time.monotonic() < deadline, f"{id} does not become {status}: {self.state(id)}"
            time.sleep(0.05)

    def finish(self) -> None:
        """Delete what is left."""
        state = f"{self.directory}/state"
        for id in os.listdir(state) if os.path.isdir(state) else ():
            self("delete", "--force", id)
        shutil.rmtree(self._programs)


def _copy_programs(target: str, is_freebsd: bool) -> None:
    if is_freebsd:
        # one file with the names of many programs
        shutil.copy("/rescue/sh", f"{target}/sh")
        for name in (*PROGRAMS[1:], *OF_FREEBSD):
            os.link(f"{target}/sh", f"{target}/{name}")
        return
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("needs a static busybox")
    shutil.copy(busybox, f"{target}/busybox")
    for name in PROGRAMS:
        os.symlink("busybox", f"{target}/{name}")
