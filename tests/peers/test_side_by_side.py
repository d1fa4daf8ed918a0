"""
An evening with ctr, by our shim and by that for runc, on one containerd: what differs is a fault of ours.

Each row is typed with both.  Exit statuses and outputs have to be the same, and so has the class of an error, which
stands at its end.  Of its other words those that scripts look for: what we know besides stands around them.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator, Sequence

import pytest

from runjd.values import Value
from tests.peers.containerd import IMAGE
from tests.peers.machine import Done, Machine, MachineError, until
from tests.peers.programs import PATH
from tests.peers.tasks import SHIMS, Tasks
from tests.peers.thorough import thorough

pytestmark = pytest.mark.root

_LIVES = "!run --detach -- sleep 1000"
_PAUSED = (_LIVES, "!task pause {box}")
_ENDED = ("!run --detach -- true", "!until STOPPED")
_STARTING = "unable to start container process: "
_MISSING = 'exec: "nonesuch": executable file not found in $PATH: unknown'
_NO_FILE = "no such file or directory: unknown"
_STREAMS = "failed to create init process I/O: "
_EXEC = "task exec --exec-id e {box}"


class Answer(Value):
    """What both shims have in common of what ctr answered."""

    status: int
    out: str
    kind: str


def row(*lines: str, says: Sequence[str] = ()) -> tuple[Sequence[str], Sequence[str]]:
    """
    Return a row.

    :param lines: what is typed after ctr, in order; ``!`` before what only leads there, and may differ.
    :param says: what both say, somewhere in what they complain of.
    """
    return lines, says


ROWS = (
    row("run --rm -- nonesuch", says=[f"{_STARTING}{_MISSING}"]),
    row("run --rm --cwd /etc/passwd -- true", says=["OCI runtime create failed: ", "not a directory"]),
    row("run --rm --mount type=bind,src=/no,dst=/x,options=bind -- true", says=["error mounting ", "no such file"]),
    row("run --rm --log-uri binary:///no -- true", says=[_STREAMS, "failed to start binary process: "]),
    row(_LIVES, f"{_EXEC} nonesuch", says=[f"OCI runtime exec failed: exec failed: {_STARTING}{_MISSING}"]),
    row(*_PAUSED, "task pause {box}", says=["cannot pause a paused container: unknown"]),
    row(_LIVES, "task resume {box}", says=["cannot resume a running process: unknown"]),
    row(*_ENDED, "task metrics {box}", "task kill --all {box}"),
    *thorough(
        row("run --rm -- /no/such", says=[f'exec: "/no/such": stat /no/such: {_NO_FILE}']),
        row("run --rm -- /etc/passwd", "run --rm -- /etc", says=[f"{_STARTING}exec: ", "permission denied"]),
        row("run --rm -- ''", says=['exec: "": executable file not found in $PATH: unknown']),
        row("run --rm --cwd no -- true", says=["an absolute path: unknown"]),
        row("run --rm --mount type=no,src=x,dst=/x -- true", says=["error mounting ", "no such device"]),
        row(
            "run --rm --mount type=tmpfs,src=x,dst=/x,options=no -- true", says=["error mounting ", "invalid argument"]
        ),
        row("run --rm --cgroup a:b:c -- true", "run --rm --cgroup /a/b -- cat /proc/self/cgroup"),
        row("run --rm --memory-limit 4096 -- true", says=["OCI runtime create failed: ", "memory limit"]),
        row(
            "run --rm --cpu-quota 1 --cpu-period 100000 -- true",
            says=["error setting cgroup config", "invalid argument"],
        ),
        row("run --rm --with-ns network:/no -- true", says=["no such file or directory"]),
        row("run --rm --rootfs-propagation no -- true", says=["rootfsPropagation"]),
        row("run --rm --log-uri foo:///x -- true", says=[f"{_STREAMS}unknown STDIO scheme foo: unknown"]),
        row("run --rm --log-uri file:///etc/passwd/x -- true", says=[_STREAMS, "not a directory: unknown"]),
        row("run --rm --log-uri file:///etc -- true", says=[_STREAMS, "is a directory: unknown"]),
        row("run --rm --log-uri no -- true", says=[_NO_FILE]),
        row(_LIVES, "task exec --exec-id e --cwd /no {box} true", says=['chdir to cwd ("/no")', _NO_FILE]),
        row(_LIVES, _EXEC, says=["OCI runtime exec failed: exec failed: ", "args must not be empty"]),
        row(_LIVES, "task exec --exec-id e --log-uri foo://x {box} true", says=["unknown STDIO scheme foo: unknown"]),
        row(
            _LIVES, "task kill --signal 65 {box}", says=["unknown error after kill: ", "unable to signal init: invalid"]
        ),
        row(_LIVES, "!task exec --detach --exec-id e {box} sleep 9", f"{_EXEC} true", says=["id e: already exists"]),
        row(_LIVES, "task kill --exec-id e {box}", "task rm --exec-id e {box}", says=["does not exist e: not found"]),
        row(_LIVES, "task start {box}", "run -- true", "task rm {box}", "container rm {box}"),
        row(*_PAUSED, f"{_EXEC} true", says=["cannot exec in a paused state: unknown"]),
        row(*_PAUSED, "task ls", "task ps {box}", "task kill {box}", "task resume {box}"),
        row(*_ENDED, f"{_EXEC} true", says=["cannot exec in a stopped state: unknown"]),
        row(*_ENDED, "task pause {box}", says=["cannot pause a stopped container: unknown"]),
        row(*_ENDED, "task resume {box}", says=["cannot resume a stopped container: unknown"]),
        row(*_ENDED, "task kill {box}", says=["process already finished: not found"]),
        row(*_ENDED, "task ps {box}", "task attach {box}", "task rm {box}", "task rm {box}"),
        row("task kill {box}", "task pause {box}", "task ps {box}", "container info {box}", says=["not found"]),
        row("!create -- sleep 9", "task kill {box}", f"{_EXEC} true", "task start --detach {box}", says=["not found"]),
        row("run --rm --env A=b --env C -- env", "run --rm --env-file /no -- env", "run --rm -- hostname"),
        row("run --rm --read-only -- touch /x", "run --rm --privileged -- grep Cap /proc/self/status"),
        row("run --rm --cap-drop CAP_CHOWN -- grep -E 'Cap|NoNew|Seccomp:' /proc/self/status"),
        row("run --rm --seccomp -- grep -E 'NoNew|Seccomp:' /proc/self/status", "run --rm --allow-new-privs -- true"),
        row("run --rm --device /dev/kmsg -- ls /dev", "run --rm --device /dev/no -- true"),
        row("run --rm --net-host -- ls /etc", "run --rm --cpus 0.5 -- true", "run --rm --cpu-shares 512 -- true"),
        row("run --rm --null-io -- sh -c 'echo out; exit 3'", "run --rm --no-pivot -- true"),
        row("run --rm --fifo-dir /run/fifos -- echo hi", "run --rm --pid-file /run/pid -- true"),
        row("run --rm -- sh -c 'kill -9 $$'", "run --rm -- sh -c 'exit 255'", "run --rm -- cat /proc/1/limits"),
        row(_LIVES, "task exec --exec-id e --user 4000:5000 {box} id", "task exec --exec-id e --cwd /etc {box} pwd"),
        row(_LIVES, "task rm --force {box}", "task ls", "task start --detach {box}", "task ls"),
        row("!run --detach --label c=d --annotation a=b -- sleep 9", "container info --spec {box}", "container ls"),
        row(
            "!run --detach --with-ns pid:/proc/self/ns/pid -- sh -c 'sleep 999 & sleep 999'",
            "!task kill --signal KILL {box}",
            "!until STOPPED",
            "task ps {box}",
            "task kill --all {box}",
            "task rm {box}",
        ),
    ),
)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    """Return containerd with a daemon, which has the shim for runc as well."""
    for program in ("containerd", "ctr", "containerd-shim-runc-v2", "runc"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (as root, make test installs it)")
    directory = tmp_path_factory.mktemp("sides")
    try:
        machine = Machine(str(directory), {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"})
    except MachineError as error:
        pytest.skip(f"no machine of its own for containerd: {error}")
    try:
        with Tasks(machine, directory, "runj") as running:
            yield running
            left = running.leftovers()
    finally:
        machine.switch_off()
    assert left == [], "left behind:\n" + "\n".join(left)


@pytest.mark.parametrize(("lines", "says"), ROWS)
def test_what_is_typed_has_the_same_answer(tasks: Tasks, lines: Sequence[str], says: Sequence[str]) -> None:
    """Exit status, output, class of the error, and the words that scripts look for."""
    (ours, our_words), (theirs, their_words) = (_typed(tasks, SHIMS[shim], lines) for shim in ("runj", "runc"))

    assert ours == theirs, f"ours: {our_words}\ntheirs: {their_words}"
    for each in says:
        assert each in their_words
        assert each in our_words


def _typed(tasks: Tasks, runtime: str, lines: Sequence[str]) -> tuple[list[Answer], str]:
    """Return what ctr answers to the lines that count, with a shim, and all that it complained of."""
    name, answers, complaints = tasks.name(), [], ""
    try:
        for line in lines:
            verb, _, rest = line.removeprefix("!").partition(" ")
            if verb == "until":
                until(lambda: tasks.status(name) == rest)  # noqa: B023 - it is waited for here
                continue
            done = _type(tasks, runtime, name, verb, rest)
            if not line.startswith("!"):
                said = done.complaint
                kind = _common(said.rpartition(": ")[2], name)
                answers.append(Answer(done.status, _common(done.text, name), kind))
                complaints += f"{said}\n"
    finally:
        tasks("task resume", name)
        tasks.remove(name)
    return answers, complaints


def _type(tasks: Tasks, runtime: str, name: str, verb: str, rest: str) -> Done:
    if verb == "run":
        options, _, command = f" {rest}".partition(" -- ")
        return tasks.run(options, name, *shlex.split(command), runtime=runtime)
    if verb == "create":
        command = f" {rest}".partition(" -- ")[2]
        return tasks(f"container create --runtime {runtime} --snapshotter native {IMAGE} {name} {command}")
    return tasks(f"{verb} {rest.format(box=name)}")


def _common(text: str, name: str) -> str:
    """Return an output without what is never the same twice: names, numbers of processes, times, columns' widths."""
    for this, that in ((name, "box"), (r"io\.containerd\.run[cj]\.v[12]", "runtime"), (r"\[[\d ]+\]|\d{2,}", "N")):
        text = re.sub(this, that, text)
    return re.sub(r"(N[-:.TZ ]*)+|[ \t]+", " ", text)
