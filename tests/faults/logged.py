"""A daemon whose jails are Python programs, with logs as a test wants them."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from runjd.logs.formats.table import FORMATS
from runjd.logs.names import rotated
from tests.functional.daemon import Daemon, wait_until
from tests.unpacked import open_rotated

_BEGIN = "import os, sys, time, random\n"


class LoggedDaemon(Daemon):
    """Jails of Python programs; :meth:`jail` describes them, before the daemon is started."""

    def __init__(self, installed: bool = False) -> None:
        super().__init__(installed=installed)
        self._text = ""

    def jail(self, name: str, program: str, log: str = "", stdin: bool = False, terminal: bool = False) -> None:
        """
        Describe a jail, which is started by hand.

        :param log: the keys of its log, as they stand in runjd.toml.
        """
        bundle = self.bundle(name, [sys.executable, "-I", "-S", "-c", _BEGIN + program], terminal=terminal)
        self._text += f'[jail.{name}]\nbundle = "{bundle}"\nrestart = "never"\nautostart = false\nlog = {{ {log} }}\n'
        self._text += f"stdin = {str(stdin).lower()}\n" if stdin else ""
        self.configure(self._text)

    def log(self, name: str) -> str:
        """Return the path of a log."""
        return f"{self.logs}/{name}.log"

    def start_jail(self, name: str) -> None:
        """Start a jail."""
        self.runjctl("start", name)

    def run_jail(self, name: str) -> None:
        """Start a jail, and wait until it has ended."""
        self.runjctl("start", name)
        self.wait_for_end(name)

    def wait_for_end(self, name: str) -> None:
        """Wait until a jail has ended."""
        assert self.runjctl("wait", "--timeout", "50", name).stdout == b"0\n"

    def files(self, name: str) -> list[bytes]:
        """Return the contents of all files of a log, oldest first, once all that shall be compressed is."""
        contents = []
        for each in rotated(self.log(name)):
            with open_rotated(each) as file:
                contents.append(file.read())
        if os.path.exists(self.log(name)):
            with open(self.log(name), "rb") as file:
                contents.append(file.read())
        return contents

    def cpu(self) -> float:
        """Return the CPU seconds that the daemon has used."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Return how many bytes of memory the daemon has."""
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def answers_in(self) -> float:
        """Return the seconds that an answer of the control socket takes."""
        began = time.monotonic()
        self.runjctl("ping")
        return time.monotonic() - began


def written(form: str, contents: bytes, stream: str = "") -> bytes:
    """Return what the program wrote, from a log of that form; of one stream, or of both."""
    if form == "raw":
        return contents
    decode = FORMATS[form].decode
    pieces = []
    for record in contents.split(b"\n")[:-1]:
        line = decode(record)
        assert line.at != "-", record[:200]
        if not stream or line.stream == stream:
            pieces.append(line.text if line.partial else line.text + b"\n")
    return b"".join(pieces)


class SmallDisk:
    """A tmpfs of so many KiB, or an ext4 that can be frozen."""

    def __init__(self, path: str, size: int) -> None:
        self.path = path
        os.mkdir(path, 0o755)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k,mode=0755", "none", path], check=True)

    def resize(self, size: int) -> None:
        """Give it another size."""
        subprocess.run(["mount", "-o", f"remount,size={size}k", self.path], check=True)

    def remove(self) -> None:
        """Unmount it, once nobody uses it."""
        wait_until(lambda: subprocess.run(["umount", self.path], check=False).returncode == 0, "it stays in use")
