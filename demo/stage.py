"""How the tour speaks: chapters, commands and what they answer, and what was promised and kept."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable


class Broken(Exception):
    """What the tour was about to show is not so."""


class Stage:
    """
    Shows commands and checks what they do.

    :param programs: directory of the programs.
    :param environment: what is set for them.
    :param directory: shown as ``$D``.
    """

    def __init__(self, programs: str, environment: dict[str, str], directory: str) -> None:
        self._programs = programs
        self._directory = directory
        self._environment = environment
        self._bold, self._dim, self._plain = ("\33[1m", "\33[2m", "\33[0m") if sys.stdout.isatty() else ("", "", "")
        self._chapter = 0

    def chapter(self, title: str) -> None:
        """Begin a new part."""
        self._chapter += 1
        print(f"\n{self._bold}{self._chapter}. {title}{self._plain}", flush=True)

    def say(self, text: str) -> None:
        """Tell something."""
        print(f"   {text}", flush=True)

    def show(self, *words: str, status: int = 0, shorten: int = 0) -> str:
        """
        Run one of our programs, show it with all it writes, and return that.

        :param status: the exit status that it must end with.
        :param shorten: show the last so many lines only.
        """
        self.command(*words)
        out = self.run(*words, status=status)
        lines = out.splitlines()
        if shorten and len(lines) > shorten:
            print(f"     {self._dim}... {len(lines) - shorten} lines ...{self._plain}")
            lines = lines[-shorten:]
        for line in lines:
            print(f"     {line}")
        if status:
            print(f"     {self._dim}(exit status {status}){self._plain}")
        sys.stdout.flush()
        return out

    def command(self, *words: str, after: str = "") -> None:
        """Show a command line."""
        line = " ".join(shlex.quote(word) for word in words).replace(self._directory, "$D")
        print(f"   {self._bold}$ {line}{after}{self._plain}", flush=True)

    def run(self, *words: str, status: int = 0) -> str:
        """Run one of our programs without showing it, and return what it writes."""
        path = os.path.join(self._programs, words[0])
        done = subprocess.run(
            [path, *words[1:]],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=30,
            check=False,
        )
        if done.returncode != status:
            raise Broken(f"{shlex.join(words)}: ended with {done.returncode}, not {status}:\n{done.stdout}")
        return done.stdout

    def check(self, promise: str, kept: object) -> None:
        """State what must be so."""
        if not kept:
            raise Broken(f"not so: {promise}")
        print(f"   {self._bold}✓{self._plain} {promise}", flush=True)

    def wait(self, what: str, ready: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait for a condition, not for a time."""
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise Broken(f"waited {seconds:g} s for this in vain: {what}")
            time.sleep(0.02)
