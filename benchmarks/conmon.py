"""conmon and crun, called as podman calls them: one conmon for each container and each exec."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from typing import TextIO

from benchmarks.bundles import ENVIRONMENT, linked
from benchmarks.timing import until


class Conmon:
    """
    Containers of crun, with conmon as their parent.

    :param directory: for their bundles, logs and records.
    :param options: of crun.
    :ivar exits: the directory where it tells of ends.
    """

    def __init__(self, directory: str, options: Sequence[str] = ()) -> None:
        self._directory = directory
        self._options = [f"--root={directory}/crun", *options]
        self.exits = f"{directory}/exits"
        os.makedirs(self.exits)

    def create(self, name: str, bundle: str, *more: str) -> None:
        """Create a container."""
        own = linked(bundle, f"{self._directory}/{name}")
        process, words = self._conmon(name, own, "-p", f"{own}/pid", "-P", f"{own}/conmon", *more)
        with words:
            made = json.loads(words.readline())
        if made.get("data", made.get("pid", -1)) <= 0:
            raise SystemExit(f"conmon: {made}")
        process.wait()

    def start(self, name: str) -> None:
        """Start its process."""
        self._crun("start", name)

    def kill(self, name: str) -> None:
        """Kill it, and wait until conmon has told so."""
        self._crun("kill", name, "KILL")
        self.wait(name)

    def delete(self, name: str) -> None:
        """Delete a container that ended, its bundle and its record."""
        self._crun("delete", name)
        os.unlink(f"{self.exits}/{name}")
        shutil.rmtree(f"{self._directory}/{name}")

    def wait(self, name: str) -> None:
        """Wait until conmon has told that the container ended: by a file."""
        until(lambda: os.path.exists(f"{self.exits}/{name}"))

    def log(self, name: str) -> str:
        """Return the path of its log."""
        return f"{self._directory}/{name}/log"

    def pid(self, name: str) -> int:
        """Return the pid of its process."""
        return _read_pid(f"{self._directory}/{name}/pid")

    def monitor(self, name: str) -> int:
        """Return the pid of its conmon."""
        return _read_pid(f"{self._directory}/{name}/conmon")

    def attach(self, name: str) -> socket.socket:
        """Return a connection to its terminal."""
        return _attached(f"{self._directory}/{name}")

    def exec(self, name: str, args: Sequence[str]) -> None:
        """Run a program in it up to its first byte, by podman's steps: conmon waits, we attach, it runs crun exec."""
        own = f"{self._directory}/exec"
        os.mkdir(own)
        with open(f"{own}/process.json", "w", encoding="utf-8") as file:
            json.dump({"args": list(args), "cwd": "/", "env": ENVIRONMENT, "user": {"uid": 0, "gid": 0}}, file)
        started, start = os.pipe()
        attached, attach = os.pipe()
        os.write(start, b"\0")
        more = ("-p", f"{own}/pid", "-e", "--exec-attach", "--exec-process-spec", f"{own}/process.json")
        process, words = self._conmon(name, own, *more, _OCI_STARTPIPE=started, _OCI_ATTACHPIPE=attach)
        os.close(started)
        os.close(attach)
        os.read(attached, 1024)
        with words, _attached(own) as connection:
            os.write(start, b"\0")
            if len(connection.recv(64)) < 2:
                raise SystemExit(f"conmon's exec says nothing but {words.read()}")
        os.close(start)
        os.close(attached)
        process.wait()
        shutil.rmtree(own)

    def _conmon(self, name: str, own: str, *more: str, **pipes: int) -> tuple[subprocess.Popen[bytes], TextIO]:
        read, write = os.pipe()
        pipes["_OCI_SYNCPIPE"] = write
        words = ["conmon", "--api-version", "1", "-c", name, "-u", name, "-n", name, "-b", own]
        words += ["-r", shutil.which("crun") or "crun"]
        words += [word for option in self._options for word in ("--runtime-arg", option)]
        words += ["-l", f"k8s-file:{own}/log", "--exit-dir", self.exits, "--full-attach", *more]
        for fd in pipes.values():
            os.set_inheritable(fd, True)
        names = {variable: str(fd) for variable, fd in pipes.items()}
        process = subprocess.Popen(words, env=os.environ | names, pass_fds=list(pipes.values()))
        os.close(write)
        return process, open(read, encoding="utf-8")

    def _crun(self, *words: str) -> None:
        subprocess.run(["crun", *self._options, *words], check=True, stdin=subprocess.DEVNULL)


def _read_pid(path: str) -> int:
    with open(path, encoding="ascii") as file:
        return int(file.read())


def _attached(bundle: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(f"{bundle}/attach")
    return connection
