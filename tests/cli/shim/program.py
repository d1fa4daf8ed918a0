"""containerd-shim-runj-v1 as containerd runs it: its flags, its environment, its working directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

from tests.cli.program import ROOT
from tests.leftovers import Leftovers

#: seconds that containerd gives it
PATIENCE = 5.0
ADDRESS = "/run/containerd/containerd.sock"
#: as containerd 1.6 and 2.2 set it, beside their own
OLD = {"GOMAXPROCS": "2", "TTRPC_ADDRESS": f"{ADDRESS}.ttrpc"}
NEW = {**OLD, "MAX_SHIM_VERSION": "2", "GRPC_ADDRESS": ADDRESS, "NAMESPACE": "default"}


class Shim:
    """
    Runs it, with bundles below one directory.

    :param directory: private; the state of the daemon is in it.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.state = f"{directory}/state"
        self.sockets = f"{self.state}/containerd"
        os.mkdir(self.state)

    def bundle(self, id: str, namespace: str = "default") -> str:
        """Make a bundle, as containerd does."""
        path = f"{self.directory}/task/{namespace}/{id}"
        os.makedirs(f"{path}/rootfs")
        return path

    def start(
        self, bundle: str, environment: Mapping[str, str] = OLD, *, private: bool = False
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``start``; standard error comes with standard output, as containerd reads them."""
        return self.run(bundle, [*self._flags(bundle), "start"], environment, private=private)

    def delete(
        self, bundle: str, cwd: str = "", environment: Mapping[str, str] = OLD
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``delete``."""
        words = [*self._flags(bundle), "-bundle", bundle, "-debug", "delete"]
        return self.run(cwd or bundle, words, environment, separate=True)

    def run(
        self,
        cwd: str,
        words: list[str],
        environment: Mapping[str, str] = OLD,
        *,
        private: bool = False,
        separate: bool = False,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it; that its output ends is waited for, whoever has it."""
        state = "RUNJD_PRIVATE_STATE" if private else "RUNJD_STATE"
        return subprocess.run(
            [*PROGRAM, *words],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], state: self.state, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if separate else subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
            process_group=0,
        )

    def relays(self) -> list[int]:
        """Return the pids of the relays."""
        found = []
        for pid in Leftovers(self.directory).processes():
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if file.read().endswith(b"\0relay\0"):
                    found.append(pid)
        return found

    def close(self) -> None:
        """End what was started."""
        left = Leftovers(self.directory)
        deadline = time.monotonic() + PATIENCE
        while (pids := left.processes()) and time.monotonic() < deadline:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)

    def _flags(self, bundle: str) -> list[str]:
        namespace, id = bundle.split("/")[-2:]
        where = ["-namespace", namespace, "-address", ADDRESS]
        return [*where, "-publish-binary", "/usr/bin/containerd", "-id", id]


#: the bare interpreter, as the script starts it
PROGRAM = [sys.executable, "-I", "-S", "-X", "utf8", f"{ROOT}/bin/containerd-shim-runj-v1", ROOT]
