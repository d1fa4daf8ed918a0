"""The runj program, started as engines start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from tests.container.jails import Jails

_SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_START = (
    f"import sys, posix; sys.path.append({_SOURCE!r}); from runjd import bytecode; bytecode.install(); "
    "from runjd.cli.runj import main; "
    "status = main(sys.argv[1:]); sys.stdout and sys.stdout.flush(); posix._exit(status)"
)
#: what starts runj: the bare interpreter, as bin/runj does
PROGRAM = (sys.executable, "-I", "-S", "-X", "utf8", "-c", _START)

#: seconds
PATIENCE = 10


class Runj:
    """
    Runs the command on a state directory of its own.

    :param jails: makes bundles, and deletes what is left at the end.
    """

    def __init__(self, jails: Jails) -> None:
        self.jails = jails
        self.directory = jails.directory

    def argv(self, *words: str) -> list[str]:
        """Return the words that start it."""
        return [*PROGRAM, "--root", self.jails.state_dir, "--runtime", self.jails.runtime, *words]

    def __call__(
        self, *words: str, input: str = "", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end; output comes back through files, which a left process cannot hold open."""
        with open(f"{self.directory}/out", "w+") as out, open(f"{self.directory}/err", "w+") as err:
            done = subprocess.run(
                self.argv(*words),
                input=input,
                stdout=out,
                stderr=err,
                text=True,
                timeout=PATIENCE,
                check=False,
                env=env,
            )
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())

    def ok(self, *words: str) -> str:
        """Run it, see that it succeeds, return what it printed."""
        done = self(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fails(self, *words: str) -> str:
        """Run it, see that it fails with one line, and 255 for exec; return the line without `runj: `."""
        done = self(*words)
        assert (done.returncode, done.stdout) == (255 if words[:1] == ("exec",) else 1, "")
        assert done.stderr.startswith("runj: ")
        assert done.stderr.count("\n") == 1
        return done.stderr[6:-1]

    def bundle(self, args: Sequence[str], **options: object) -> str:
        """Return a new bundle."""
        return self.jails.bundle(args, **options)  # type: ignore[arg-type]

    def state(self, id: str) -> dict[str, object]:
        """Return the state document."""
        found = json.loads(self.ok("state", id))
        assert isinstance(found, dict)
        return found

    def create(self, id: str, args: Sequence[str], **options: object) -> int:
        """Create a container of a new bundle; return its pid."""
        self.ok("create", "--bundle", self.bundle(args, **options), id)
        pid = self.state(id)["pid"]
        assert isinstance(pid, int)
        return pid
