"""How tests start runjctl: as its script does, in a process of its own."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_START = f"import sys; sys.path.append({ROOT!r}); from runjd.cli.runjctl import main; sys.exit(main(sys.argv[1:]))"

PATIENCE = 10.0


def command(*arguments: str) -> list[str]:
    """Return the command line."""
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", _START, *arguments]


def runjctl(
    *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None, patience: float = PATIENCE
) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end."""
    given = {"PATH": "/usr/bin:/bin", **(environment or {})}
    return subprocess.run(
        command(*arguments), input=stdin, capture_output=True, timeout=patience, env=given, check=False
    )


class Program(subprocess.Popen[bytes]):
    """runjctl at work; it is killed when its block is left, and nothing here waits forever. Keywords as for Popen."""

    def __init__(self, arguments: Sequence[str], **keywords: Any) -> None:
        super().__init__(command(*arguments), **keywords)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.poll() is None:
            self.kill()
        super().__exit__(kind, error, traceback)

    def read(self, count: int = 0) -> bytes:
        """Return so many bytes of its standard output, or all until its end; fails if they do not come in time."""
        assert self.stdout is not None
        found, deadline = b"", time.monotonic() + PATIENCE
        while not count or len(found) < count:
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self.stdout], [], [], left)[0], f"nothing more comes behind {found[-200:]!r}"
            data = os.read(self.stdout.fileno(), min(count - len(found), 65536) if count else 65536)
            if not data:
                break
            found += data
        return found

    def read_line(self) -> bytes:
        """Return the next line of its standard output, with its end."""
        line = b""
        while not line.endswith(b"\n") and (byte := self.read(1)):
            line += byte
        return line

    def send_line(self, line: bytes) -> None:
        """Write a line to its standard input."""
        assert self.stdin is not None
        os.write(self.stdin.fileno(), line + b"\n")

    def complaint(self) -> bytes:
        """Return all that it wrote to standard error; it has ended."""
        assert self.stderr is not None
        return self.stderr.read()
