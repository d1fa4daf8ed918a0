"""A real keeper on private directories, and bundles for it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from runjd.keeper import messages
from runjd.spec.example import minimal_config
from tests.keeper.daemon import PATIENCE, Daemon

_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from {} import main; sys.exit(main(sys.argv[1:]))"
_CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def keeper_command(*arguments: str, module: str = "runjd.keeper.main") -> list[str]:
    """Return a command that runs the keeper of this checkout, or another module's ``main``."""
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", _START.format(module), _CHECKOUT, *arguments]


class RunningKeeper:
    """
    A keeper in the foreground; with no spare worker, if the arguments do not ask for one.

    :ivar directory: private; has the keeper's directory, the state directory and bundles.
    :param shell_before: a command line of sh(1) to run first, in the same process.
    :param module: whose ``main`` to run.
    :param program: to run instead of this checkout's.
    """

    def __init__(
        self,
        directory: str,
        *arguments: str,
        shell_before: str = ":",
        module: str = "runjd.keeper.main",
        program: str = "",
    ) -> None:
        self.directory = directory
        self.path = f"{directory}/keeper/socket"
        self.root = f"{directory}/state"
        self.process: subprocess.Popen[bytes] | None = None
        self._arguments = arguments
        self._shell_before = shell_before
        self._module = module
        self._program = program
        self._daemons: list[Daemon] = []
        self.start()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it, also again after :meth:`kill`."""
        places = ("--root", self.root, "--dir", f"{self.directory}/keeper", "--foreground", "--spare-time=0")
        command = ["/bin/sh", "-c", f'{self._shell_before}; exec "$@"', "sh"]
        arguments = [*places, *self._arguments]
        command += [self._program, *arguments] if self._program else keeper_command(*arguments, module=self._module)
        self.process = subprocess.Popen(command)
        self.wait(lambda: listens(self.path), "socket")

    def daemon(self) -> Daemon:
        """Return a new connection, closed at the end."""
        daemon = Daemon(self.path)
        self._daemons.append(daemon)
        return daemon

    def greeted(self) -> Daemon:
        """Return a new connection that has greeted."""
        daemon = self.daemon()
        daemon.greet()
        return daemon

    def bundle(self, name: str, *args: str, **process: object) -> str:
        """Make a bundle of a command for the plain runtime, and return its path."""
        path = f"{self.directory}/{name}.bundle"
        os.mkdir(path)
        write_bundle(path, *args, **process)
        return path

    def isolated_bundle(
        self, name: str, *args: str, terminal: bool = False, linux: dict[str, object] | None = None
    ) -> str:
        """Make a bundle of a command for the linux runtime, in a root that shows the host's /usr."""
        path = f"{self.directory}/{name}.bundle"
        os.makedirs(f"{path}/rootfs/usr")
        for link in ("bin", "sbin", "lib", "lib64"):
            if os.path.islink(f"/{link}"):
                os.symlink(f"usr/{link}", f"{path}/rootfs/{link}")
        usr = {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]}
        with open(f"{path}/config.json", "w", encoding="utf-8") as file:
            config = minimal_config(args, terminal=terminal, mounts=(usr,))
            assert isinstance(config["linux"], dict)
            config["linux"] |= linux or {}
            json.dump(config, file)
        return path

    def descriptors(self) -> int:
        """Return how many the keeper has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def wait(self, is_so: Callable[[], object], what: str) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            assert self.process is not None
            assert self.process.poll() is None, f"the keeper ended: {self.process.returncode}"
            time.sleep(0.002)

    def log(self) -> str:
        with open(f"{self.directory}/keeper/log", encoding="ascii") as file:
            return file.read()

    def kill(self) -> None:
        """Kill it, as nobody should."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Remove all jails, and the keeper."""
        for daemon in self._daemons:
            daemon.close()
        assert self.process is not None
        if self.process.poll() is not None:
            return
        try:
            self._shut_down()
            assert self.process.wait(PATIENCE) == 0
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def _shut_down(self) -> None:
        # a child that a killed one had forked holds its socket for a moment, and start() has seen that
        self.wait(lambda: listens(self.path), "socket")
        last = Daemon(self.path)
        try:
            last.greet("end of test")
            for jail in os.listdir(self.root) if os.path.isdir(self.root) else ():
                if not jail.startswith("."):  # what jails share
                    last.delete(jail)
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                try:
                    last.do(messages.ask_shutdown)
                    return
                except AssertionError:
                    time.sleep(0.01)
        finally:
            last.close()


def write_bundle(path: str, *args: str, **process: object) -> None:
    """Write the config.json of a bundle that needs no isolation."""
    config = {
        "ociVersion": "1.2.0",
        "process": process_of(*args, **process),
        "root": {"path": "/"},
    }
    with open(f"{path}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)


def process_of(*args: str, **more: object) -> dict[str, object]:
    """Return ``process`` of a command."""
    user = {"uid": os.getuid(), "gid": os.getgid()}
    return {"args": list(args), "cwd": "/", "env": [f"PATH={os.environ['PATH']}"], "user": user, **more}


def listens(path: str) -> bool:
    """Whether a keeper takes connections there."""
    try:
        Daemon(path).close()
    except OSError:
        return False
    return True
