"""containerd's shim: what it starts and what it takes away, on this system."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from runjd.kernel.process import look
from runjd.protocols.ttrpc.call import Origin
from runjd.protocols.ttrpc.envelope import Response, format_response
from runjd.protocols.ttrpc.frames import RESPONSE, format_frame
from tests.cli.shim.program import ADDRESS, PROGRAM
from tests.containerd.relay.caller import Caller, Listening
from tests.freebsd.containers import PATIENCE
from tests.functional.daemon import wait_until

FOREVER = "while :; do sleep 1; done"


def shim(state: str, cwd: str, *words: str) -> bytes:
    """Run it as containerd does, and return what it writes; nothing may hold its output open."""
    flags = ["-namespace", "default", "-address", ADDRESS, "-publish-binary", "/usr/local/bin/containerd"]
    environment = {"PATH": os.environ["PATH"], "RUNJD_STATE": state, "TTRPC_ADDRESS": f"{ADDRESS}.ttrpc"}
    done = subprocess.run(
        [*PROGRAM, *flags, *words], cwd=cwd, env=environment, capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def relay_of(state: str) -> int:
    """Return the pid of a relay, by its own word."""
    path = f"{state}/containerd/log"
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, "the relay says nothing")
    with open(path, encoding="utf-8") as log:
        return int(log.readline().partition(" process ")[2].split()[0])


def test_a_relay_outlives_daemons(private_dir) -> None:
    """It listens when start has ended, keeps a call over the death of a daemon, and the next start finds it."""
    bundle = f"{private_dir}/default/box"
    os.makedirs(bundle)
    address = shim(private_dir, bundle, "-id", "box", "start").decode()
    pid = relay_of(private_dir)
    try:
        with Caller(address.removeprefix("unix://")) as caller:
            caller.send(1, "Wait")
            for repeated in (0, 1):
                daemon = Listening(f"{private_dir}/containerd/socket")
                served = daemon.accept()
                hello = served.hello()
                assert (hello.origin.namespace, hello.repeated) == ("default", repeated)
                assert served.request()[1].method == "Wait"
                if repeated:
                    served.socket.sendall(format_frame(1, RESPONSE, format_response(Response(b"at last"))))
                    assert caller.answer() == (1, Response(b"at last"))
                served.close()
                daemon.close()
                os.unlink(f"{private_dir}/containerd/socket")
        assert shim(private_dir, bundle, "-id", "box", "start").decode() == address
    finally:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: (seen := look(pid)) is None or not seen.alive, "the relay lives")


@pytest.mark.parametrize("verb", ["create", "run"])
def test_delete_takes_a_container_away_by_its_bundle(containers, verb) -> None:
    """Run in any working directory; whether the container runs or waits, and also where there is none."""
    jail = Origin(ADDRESS, "", "default").jail("box")
    bundle = containers.bundle(containers.config(FOREVER))
    containers.ok(verb, *(["--detach"] if verb == "run" else []), "--bundle", bundle, jail)
    pid = int(str(containers.state(jail)["pid"]))
    for _ in range(2):
        answer = shim(containers.directory, "/", "-id", "box", "-bundle", bundle, "delete")
        assert b"\x10\x89\x01" in answer  # 2 exit_status: 137

    wait_until(lambda: (seen := look(pid)) is None or not seen.alive, "it lives")
    assert containers.ok("list", "--quiet") == ""
