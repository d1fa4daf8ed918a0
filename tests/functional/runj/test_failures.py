"""Failures as podman reads them: of the same class as runc's, by the words, in the log and on standard error."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence

import pytest

from tests.functional.runj.command import PATIENCE, Runj

# What podman 4.3 looks for in the message, and with which status it then exits; all else is 126.
_CLASSES = (
    (126, re.compile("(?i)permission denied|operation not permitted")),
    (127, re.compile("(?i)executable file not found in|no such file or directory")),
)
_OTHER = 0


def classify(message: str) -> int:
    """Return what podman makes of the message."""
    return next((status for status, pattern in _CLASSES if pattern.search(message)), _OTHER)


class Runc:
    """
    The real runc, on a state directory of its own.

    :ivar id: of the one container, unique on the host, as it names a control group.
    """

    def __init__(self, runj: Runj) -> None:
        self._root = f"{runj.directory}/runc"
        self.id = os.path.basename(runj.directory)

    def argv(self, *words: str) -> list[str]:
        """Return the words that start it."""
        return ["runc", "--root", self._root, *words]

    def run(self, bundle: str) -> None:
        """Have the container run."""
        subprocess.run(
            self.argv("run", "-d", "-b", bundle, self.id),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=PATIENCE,
        )

    def delete(self) -> None:
        """Take the container away, whatever it is."""
        subprocess.run(self.argv("delete", "--force", self.id), capture_output=True, check=False, timeout=PATIENCE)
        shutil.rmtree(self._root, ignore_errors=True)


@pytest.fixture
def runc(linux: Runj) -> Iterator[Runc]:
    """Return runc beside it."""
    if shutil.which("runc") is None:
        pytest.skip("needs runc")
    made = Runc(linux)
    yield made
    made.delete()


def logged(argv: Sequence[str], directory: str) -> tuple[int, str, str]:
    """Run a command with a JSON log; return its status, the message in the log, and standard error."""
    log = f"{directory}/log.json"
    if os.path.exists(log):
        os.unlink(log)
    split = next(n for n, word in enumerate(argv) if word == "--root")
    with open(f"{directory}/stderr", "w+") as stderr:
        done = subprocess.run(
            [*argv[:split], "--log", log, "--log-format", "json", *argv[split:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            timeout=PATIENCE,
            check=False,
        )
        stderr.seek(0)
        written = stderr.read()
    with open(log) as file:
        lines = file.read().splitlines()
    # podman reads the file as a whole, so it must be one object; runc has warnings before it
    assert len(lines) == 1 or argv[0] == "runc"
    record = json.loads(lines[-1])
    assert record["level"] == "error"
    return done.returncode, record["msg"], written


PROGRAMS: dict[str, dict[str, object]] = {
    "unknown": {"args": ["nonesuch"]},
    "unknown path": {"args": ["/no/such"]},
    "not executable": {"args": ["/etc/passwd"]},
    "directory": {"args": ["/tmp"]},
    "below a file": {"args": ["/etc/passwd/x"]},
    "no PATH": {"args": ["true"], "env": ["PATH=/nowhere"]},
    "unknown user's right": {"args": ["/bin/private"], "user": {"uid": 1000, "gid": 1000}},
    "cwd is a file": {"args": ["true"], "cwd": "/etc/passwd"},
}


@pytest.mark.root
@pytest.mark.parametrize("case", PROGRAMS)
def test_a_program_that_cannot_be_run_fails_as_with_runc(linux: Runj, runc: Runc, case: str) -> None:
    """Of the same class, status 1, with one object in the log, which is also the one line on standard error."""
    bundle = linux.bundle(["true"], process={**PROGRAMS[case], "capabilities": {}})
    _make_private(bundle)

    status, message, stderr = logged(linux.argv("create", "-b", bundle, "web"), linux.directory)
    theirs = logged(runc.argv("create", "-b", bundle, runc.id), linux.directory)

    assert (status, stderr) == (1, f"runj: {message}\n")
    assert theirs[0] == 1
    assert classify(message) == classify(theirs[1]), theirs[1]


@pytest.mark.root
@pytest.mark.parametrize("case", [name for name in PROGRAMS if name != "cwd is a file"])
def test_a_command_that_cannot_be_run_fails_as_with_runc(linux: Runj, runc: Runc, case: str) -> None:
    """So does an exec, with status 255."""
    process = {"cwd": "/", "env": ["PATH=/bin"], **PROGRAMS[case]}
    bundle = linux.bundle(["sleep", "60"], process={"capabilities": {}})
    _make_private(bundle)
    document = f"{linux.directory}/process.json"
    with open(document, "w") as file:
        json.dump({"user": {"uid": 0, "gid": 0}, **process}, file)
    linux.ok("run", "-d", "-b", bundle, "web")
    runc.run(bundle)

    status, message, stderr = logged(linux.argv("exec", "-p", document, "web"), linux.directory)
    theirs = logged(runc.argv("exec", "-p", document, runc.id), linux.directory)

    assert (status, stderr) == (255, f"runj: {message}\n")
    assert theirs[0] == 255
    assert classify(message) == classify(theirs[1]), theirs[1]


LINES: dict[str, list[str]] = {
    "exec: missing cwd": ["exec", "--cwd", "/nowhere", "{id}", "true"],
    "exec: bad user": ["exec", "-u", "nobody:nogroup", "{id}", "true"],
    "exec: no command": ["exec", "{id}"],
    "exec: terminal and detached": ["exec", "-t", "-d", "{id}", "true"],
    "exec: socket without terminal": ["exec", "-d", "--console-socket", "/no/socket", "{id}", "true"],
    "exec: no socket there": ["exec", "-d", "-t", "--console-socket", "/no/socket", "{id}", "true"],
    "exec: no file there": ["exec", "-p", "/no/file", "{id}"],
    "kill: no signal": ["kill", "{id}", "NOSUCH"],
    "create: exists": ["create", "-b", "{bundle}", "{id}"],
    "create: no bundle": ["create", "-b", "/no/bundle", "db"],
    "create: pid file": ["create", "-b", "{bundle}", "--pid-file", "/no/such/pid", "db"],
    "delete: runs": ["delete", "{id}"],
    "start: runs": ["start", "{id}"],
    **{f"{verb}: missing": [verb, "db"] for verb in ("start", "kill", "delete", "state")},
    "exec: missing": ["exec", "db", "true"],
}
#: where we are of another class on purpose: the socket is looked for first there, the terminal here
_DIFFERENT = {"exec: socket without terminal"}


@pytest.mark.root
@pytest.mark.parametrize("case", LINES)
def test_what_cannot_be_done_fails_as_with_runc(linux: Runj, runc: Runc, case: str) -> None:
    """Status and class are runc's, and a missing container "does not exist" in both."""
    bundle = linux.bundle(["sleep", "60"], process={"capabilities": {}})
    linux.ok("run", "-d", "-b", bundle, "web")
    runc.run(bundle)
    words = [word.format(bundle=bundle, id="web") for word in LINES[case]]
    their_words = [word.format(bundle=bundle, id=runc.id) for word in LINES[case]]

    status, message, stderr = logged(linux.argv(*words), linux.directory)
    theirs, their_message, _ = logged(runc.argv(*their_words), linux.directory)

    assert stderr == f"runj: {message}\n"
    assert status == theirs
    if case not in _DIFFERENT:
        assert classify(message) == classify(their_message), their_message
    assert ("does not exist" in message) == ("does not exist" in their_message)


@pytest.mark.root
def test_a_missing_interpreter_is_told_by_start(linux: Runj) -> None:
    """runc lets the init process say it, which ends with status 1; a caller learns more from us."""
    bundle = linux.bundle(["/script"])
    with open(f"{bundle}/rootfs/script", "w") as file:
        file.write("#!/no/such/interpreter\n")
    os.chmod(f"{bundle}/rootfs/script", 0o755)
    linux.ok("create", "-b", bundle, "web")

    status, message, _ = logged(linux.argv("start", "web"), linux.directory)

    assert (status, classify(message)) == (1, 127)
    assert "what it names as its interpreter or loader is missing" in message
    assert linux.state("web")["status"] == "stopped"


def _make_private(bundle: str) -> None:
    """Put a program there that only root may execute."""
    path = f"{bundle}/rootfs/bin/private"
    shutil.copy(f"{bundle}/rootfs/bin/busybox", path)
    os.chmod(path, 0o700)


def test_a_working_directory_that_is_gone_is_named(plain: Runj) -> None:
    """Where no bundle is given it would be the one."""
    os.mkdir(f"{plain.directory}/gone")
    done = subprocess.run(
        [
            "sh",
            "-c",
            'cd "$1" && rmdir "$1" && shift && exec "$@"',
            "sh",
            f"{plain.directory}/gone",
            *plain.argv("create", "web"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr.endswith("runj: find the bundle in the working directory: no such file or directory\n")
