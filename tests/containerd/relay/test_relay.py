"""When a relay ends, and what it starts."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time

import pytest

from tests.containerd.relay.caller import PATIENCE
from tests.containerd.relay.running import ANSWERING, RunningRelay
from tests.functional.daemon import wait_until
from tests.leftovers import Leftovers

IDLE = 0.2


def bundle(relay: RunningRelay, name: str, address: str) -> str:
    """Make a bundle that names an address."""
    path = f"{relay.bundles}/{name}"
    os.mkdir(path)
    with open(f"{path}/address", "w", encoding="utf-8") as file:
        file.write(address)
    return path


@pytest.fixture
def relay(private_dir):
    """Return a relay that looks soon whether it is needed."""
    made = RunningRelay(private_dir, IDLE)
    yield made
    made.process.kill()
    made.process.wait(PATIENCE)


def test_a_relay_that_nobody_needs_ends(relay):
    """Without a connection and without a bundle that names it, it takes its socket away and ends."""
    bundle(relay, "another", "unix:///somewhere/else")

    assert relay.process.wait(PATIENCE) == 0
    assert not os.path.exists(relay.path)
    assert "nobody needs this relay" in relay.log()


def test_a_relay_lives_as_long_as_a_connection(relay):
    """It ends some time after the last one."""
    with relay.connect():
        time.sleep(4 * IDLE)
        assert relay.process.poll() is None

    assert relay.process.wait(PATIENCE) == 0


def test_a_relay_waits_for_a_containerd_that_is_started_anew(relay):
    """As long as a bundle names its address, containerd may come back to it."""
    path = bundle(relay, "box", relay.place.address)
    time.sleep(4 * IDLE)
    assert relay.process.poll() is None
    relay.connect().socket.close()
    os.unlink(f"{path}/address")

    assert relay.process.wait(PATIENCE) == 0


def test_a_relay_does_not_end_while_somebody_starts_to_use_it(relay):
    """Whoever holds the lock finds it alive, and it is still there when the bundle is written."""
    with relay.place as place:
        time.sleep(4 * IDLE)
        assert place.is_served()
        bundle(relay, "box", place.address)
    time.sleep(4 * IDLE)

    assert relay.process.poll() is None
    with relay.connect():
        pass


def test_a_relay_starts_a_daemon_where_there_is_none(private_dir):
    """Once as long as that lives; it belongs to nobody, and has neither descriptors nor limits of the relay."""
    mark = f"{private_dir}/started"
    script = (
        "import os, resource, signal, sys; print(os.getsid(0) == os.getpid(), sorted(os.listdir('/dev/fd'))[:4], "
        "resource.getrlimit(resource.RLIMIT_NOFILE)[0], signal.getsignal(signal.SIGHUP) == signal.SIG_DFL); "
    )
    script += "sys.stdout.flush(); open(sys.argv[1], 'a').write('x'); import time; time.sleep(30)"
    relay = RunningRelay(private_dir, command=(sys.executable, "-c", script, mark))
    try:
        with relay.connect() as caller:
            time.sleep(0.1)
            assert not os.path.exists(mark)
            caller.send(1, "Now")
            wait_until(lambda: os.path.exists(mark), "no daemon is started")
            time.sleep(1.5)
        with open(mark, encoding="ascii") as file:
            assert file.read() == "x"
        with open(f"{relay.directory}/daemon.err", encoding="ascii") as file:
            soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            assert file.read() == f"False ['0', '1', '2', '3'] {soft} True\n"
    finally:
        relay.stop()
        for pid in Leftovers(private_dir).processes():
            os.kill(pid, signal.SIGKILL)


def test_a_daemon_that_never_answers_is_tried_again_and_again(private_dir):
    """With pauses that grow: one that cannot live takes no processor from others."""
    mark = f"{private_dir}/started"
    script = "import sys; open(sys.argv[1], 'a').write('x')"
    relay = RunningRelay(private_dir, command=(sys.executable, "-I", "-S", "-c", script, mark))
    try:
        with relay.connect() as caller:
            caller.send(1, "Now")
            wait_until(lambda: os.path.exists(mark) and os.stat(mark).st_size >= 2, "it is not tried again")
            assert relay.log().count("starts a daemon") < 4
    finally:
        relay.stop()


def test_a_daemon_that_answered_and_died_is_replaced_at_once(private_dir):
    """Only one that never answered is given time: it may be slow to start."""
    command = (sys.executable, "-I", "-S", "-c", ANSWERING, f"{private_dir}/c/socket")
    relay = RunningRelay(private_dir, command=command)
    try:
        with relay.connect() as caller:
            pids = []
            for stream in (1, 3, 5):
                caller.send(stream, "Now")
                pids.append(int(caller.answer()[1].payload))
                os.kill(pids[-1], signal.SIGKILL)
        assert len(set(pids)) == 3
    finally:
        relay.stop()


def test_a_daemon_that_cannot_be_started_is_told(private_dir):
    """The relay goes on: somebody may start one."""
    relay = RunningRelay(private_dir, command=("/no/such/program",))
    try:
        with relay.connect() as caller:
            caller.send(1, "Now")
            wait_until(lambda: "No such file" in relay.log(), "the relay does not tell")
            daemon = relay.start_daemon().pid
            assert int(caller.answer()[1].payload.split()[0]) == daemon
    finally:
        relay.stop()


@pytest.mark.skipif(not os.path.exists("/proc/self/oom_score_adj"), reason="only Linux has these")
def test_a_relay_is_killed_before_containerd_where_memory_is_short(relay):
    """Its score is one more than that of whoever started it, and what it starts inherits that."""
    wait_until(lambda: " serves " in relay.log(), "the relay does not serve")
    with open("/proc/self/oom_score_adj") as ours, open(f"/proc/{relay.process.pid}/oom_score_adj") as theirs:
        assert int(theirs.read()) == min(int(ours.read()) + 1, 1000)
