"""
Hostile programs: Python inside of a jail, so that a test can attack by any system call.

The host's interpreter and its libraries are bound into the root, read-only; what a
hostile program prints is what the test looks at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from runjd.spec.example import CAPABILITIES
from tests.container.jails import Jails, until
from tests.functional.runj.command import Runj

#: what every hostile program begins with: system calls by number, and ways to tell
PRELUDE = """
import ctypes, errno, fcntl, json, os, signal, stat, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *arguments)
    return result if result >= 0 else -ctypes.get_errno()
def tell(value):
    with open("/told/out.new", "w") as file:
        json.dump(value, file)
    os.rename("/told/out.new", "/told/out")
def alone(function, *words):
    try:
        return function(*words)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
"""

#: as engines grant them: what Docker and podman give root
DEFAULT_CAPABILITIES = (
    *CAPABILITIES,
    "CAP_MKNOD",
    "CAP_NET_RAW",
)


class Hostile:
    """
    Containers whose programs are hostile, and the runj command.

    :ivar told: a directory of the host that is /told inside.
    """

    def __init__(self, directory: str) -> None:
        self.jails = Jails(directory, "linux")
        self.runj = Runj(self.jails)
        self.directory = directory
        self.told = f"{directory}/told"
        os.mkdir(self.told)
        os.chmod(self.told, 0o1777)
        os.chmod(directory, 0o755)

    def config(
        self,
        args: Sequence[str],
        *,
        capabilities: Sequence[str] = DEFAULT_CAPABILITIES,
        process: dict[str, object] | None = None,
        **options: object,
    ) -> dict[str, object]:
        """Return a configuration with Python inside; the capabilities are those that engines grant."""
        config = self.jails.config(args, **options)
        assert isinstance(config["process"], dict)
        sets = ("bounding", "effective", "permitted")
        config["process"]["capabilities"] = {name: list(capabilities) for name in sets}
        config["process"]["noNewPrivileges"] = False
        config["process"].update(process or {})
        assert isinstance(config["mounts"], list)
        config["mounts"] += [_bind(each, each, "ro") for each in python_places()]
        config["mounts"].append(_bind(self.told, "/told"))
        return config

    def python(self, program: str) -> list[str]:
        """Return the words that run a hostile program inside."""
        return [os.path.realpath(sys.executable), "-I", "-S", "-B", "-c", PRELUDE + program]

    def start(self, id: str, config: dict[str, object]) -> int:
        """Create and start a container; return the pid of its init process."""
        self.runj.ok("create", "--bundle", self.jails.write(config), id)
        pid = self.runj.state(id)["pid"]
        self.runj.ok("start", id)
        assert isinstance(pid, int)
        return pid

    def heard(self) -> object:
        """Wait for what the hostile program tells, and return it."""
        until(lambda: os.path.exists(f"{self.told}/out"), "the hostile program tells something")
        with open(f"{self.told}/out") as file:
            found: object = json.load(file)
        os.unlink(f"{self.told}/out")
        return found

    def mark(self, name: str) -> None:
        """Make a file that the hostile program can see."""
        with open(f"{self.told}/{name}", "w"):
            pass

    def until_marked(self, name: str) -> None:
        """Wait for a file that the hostile program makes."""
        until(lambda: os.path.exists(f"{self.told}/{name}"), f"the hostile program makes {name}")

    def finish(self) -> None:
        """End and remove everything."""
        self.jails.finish()


def python_places() -> list[str]:
    """Return the directories that the interpreter needs."""
    places = ["/lib", "/lib64", "/usr/lib", sys.base_prefix]
    return [each for each in places if os.path.isdir(each) and not each.startswith("/usr/lib/")]


def own_interpreter(directory: str) -> str:
    """
    Return a copy of the interpreter that nothing else runs, so that the kernel lets it be written to.

    Its standard library stays where it is.
    """
    path = os.path.join(directory, "bin", "python")
    os.mkdir(os.path.dirname(path))
    real = os.path.realpath(sys.executable)
    subprocess.run(["cp", real, path], check=True)
    with open(os.path.join(directory, "pyvenv.cfg"), "w") as file:
        file.write(f"home = {os.path.dirname(real)}\n")
    return path


def _bind(source: str, destination: str, *options: str) -> dict[str, object]:
    return {"destination": destination, "type": "bind", "source": source, "options": ["rbind", *options]}
