"""``delete``: containerd runs it behind every container, and gives it five seconds."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable

import pytest

from runjd.kernel.process import look
from runjd.protocols.ttrpc.call import Origin
from runjd.protocols.ttrpc.envelope import Request, Response, format_response
from runjd.protocols.ttrpc.fields import read_fields
from runjd.protocols.ttrpc.frames import RESPONSE, format_frame
from runjd.spec.example import plain_config
from tests.cli.shim.program import ADDRESS, OLD, Shim
from tests.containerd.relay.caller import Listening
from tests.functional.daemon import wait_until
from tests.functional.runj.command import PROGRAM as RUNJ

ORIGIN = Origin(ADDRESS, "", "default")


def fields(message: bytes) -> dict[int, int | bytes]:
    """Return the fields of a message, by their numbers."""
    return dict(read_fields(message))


def container(shim: Shim, bundle: str) -> int:
    """Start a container in the daemon's place, without a daemon, and return its pid."""
    config = plain_config(["sleep", "1000"])
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)
    jail = ORIGIN.jail(os.path.basename(bundle))
    words = ["--root", f"{shim.state}/state", "--runtime", "plain", "run", "--detach", "--bundle", bundle, jail]
    null = subprocess.DEVNULL
    subprocess.run([*RUNJ, *words], check=True, stdin=null, stdout=null, stderr=null)
    with open(f"{shim.state}/state/{jail}/state.json", encoding="utf-8") as file:
        return int(json.load(file)["pid"])


class Daemon:
    """A daemon that does one thing with what the shim asks of it, in a thread."""

    def __init__(self, shim: Shim, answer: Callable[[], bytes]) -> None:
        os.mkdir(shim.sockets, 0o700)
        self._listening = Listening(f"{shim.sockets}/socket")
        self._answer = answer
        self.asked: list[Request] = []
        self.origin: Origin | None = None
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        served = self._listening.accept()
        self.origin = served.hello().origin
        self.asked.append(served.request()[1])
        served.socket.sendall(self._answer())
        try:
            served.socket.recv(1)
        finally:
            served.close()

    def close(self) -> None:
        """Wait for the end of the conversation."""
        self._thread.join(10)
        self._listening.close()


def test_nothing_is_there_and_that_is_fine(shim: Shim) -> None:
    """An exit status is told all the same, and the time; a second call says the same."""
    bundle = shim.bundle("box")
    for _ in range(2):
        done = shim.delete(bundle)
        found = fields(done.stdout)

        assert (done.returncode, done.stderr) == (0, b"")
        assert found[2] == 137
        assert isinstance(found[3], bytes)
        seconds = fields(found[3])[1]
        assert isinstance(seconds, int)
        assert abs(time.time() - seconds) < 60


def test_a_bundle_that_is_gone_is_no_failure(shim: Shim) -> None:
    """containerd may have removed it before; the working directory is of no matter, as on FreeBSD it is another."""
    done = shim.delete(f"{shim.directory}/task/default/gone", cwd="/")

    assert (done.returncode, fields(done.stdout)[2]) == (0, 137)


def test_a_container_is_killed_and_removed_without_a_daemon(shim: Shim) -> None:
    """Its process is gone, its state, and what the next daemon would read of it; its pid is told."""
    bundle = shim.bundle("box")
    shim.start(bundle)
    pid = container(shim, bundle)
    other = shim.bundle("other")
    spared = container(shim, other)
    record = f"{shim.state}/tasks/{ORIGIN.jail('box')}.json"
    os.mkdir(os.path.dirname(record))
    with open(record, "wb"):
        pass
    done = shim.delete(bundle, cwd="/")

    assert (done.returncode, done.stderr) == (0, b"")
    assert fields(done.stdout)[1] == pid
    wait_until(lambda: (seen := look(pid)) is None or not seen.alive, "it lives")
    assert os.listdir(f"{shim.state}/state") == ["default+other"]
    assert look(spared) is not None
    assert not os.path.exists(record)
    assert shim.delete(other).returncode == 0


@pytest.mark.root
@pytest.mark.linux
def test_what_is_mounted_on_the_rootfs_is_unmounted(shim: Shim) -> None:
    """However often, and also where somebody is in it; what only looks like it is left alone."""
    bundle = shim.bundle("box")
    for _ in range(3):
        subprocess.run(["mount", "-t", "tmpfs", "none", f"{bundle}/rootfs"], check=True)
    with subprocess.Popen(["sleep", "1000"], cwd=f"{bundle}/rootfs") as busy:
        done = shim.delete(bundle)
        busy.kill()

    assert (done.returncode, done.stderr) == (0, b"")
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        assert bundle not in mounts.read()


def test_the_daemon_of_the_bundle_does_it(shim: Shim) -> None:
    """Its answer is passed on; it is the one behind the address of the bundle, whatever the environment says."""
    bundle = shim.bundle("box")
    daemon = Daemon(shim, lambda: format_frame(1, RESPONSE, format_response(Response(b"\x08\x07\x10\x03"))))
    shim.start(bundle)
    state, shim.state = shim.state, "/no/such/place"
    try:
        done = shim.delete(bundle)
    finally:
        shim.state = state
        daemon.close()

    assert (done.returncode, done.stdout) == (0, b"\x08\x07\x10\x03")
    (asked,) = daemon.asked
    assert (asked.service, asked.method) == ("org.runjd.Shim", "Cleanup")
    assert fields(asked.payload) == {1: b"box", 2: bundle.encode()}
    assert daemon.origin is not None
    assert daemon.origin.namespace == "default"


@pytest.mark.parametrize(
    "answer",
    [
        format_frame(1, RESPONSE, format_response(Response(b"", 2, "no"))),
        b"",
        b"\0\0\0\1\0\0\0\1\2\0\xff",
        b"garbage!!!",
    ],
    ids=["failure", "silence", "unreadable", "garbage"],
)
def test_it_is_done_here_where_the_daemon_does_not(shim: Shim, answer: bytes) -> None:
    """Within the five seconds, whatever is wrong with the daemon."""
    bundle = shim.bundle("box")
    daemon = Daemon(shim, lambda: answer)
    pid = container(shim, bundle)
    done = shim.delete(bundle)
    daemon.close()

    assert (done.returncode, fields(done.stdout)[1]) == (0, pid)
    assert os.listdir(f"{shim.state}/state") == []


def test_what_cannot_be_done_is_told(shim: Shim) -> None:
    """containerd logs it; the exit status is not 0."""
    bundle = shim.bundle("box")
    container(shim, bundle)
    os.chmod(f"{shim.state}/state", 0o777)
    done = shim.delete(bundle)
    os.chmod(f"{shim.state}/state", 0o700)

    assert done.returncode != 0
    assert done.stderr.startswith(b"containerd-shim-runj-v1: ")
    assert shim.delete(bundle, environment=OLD).returncode == 0
