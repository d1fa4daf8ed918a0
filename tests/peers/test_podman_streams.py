"""Input, output, logs and attach, without a terminal."""

import hashlib
import os
import signal

import pytest

from tests.peers.machine import until
from tests.peers.podman import Podman
from tests.peers.thorough import thorough

pytestmark = pytest.mark.root


def test_much_data_goes_through_unharmed(podman: Podman):
    """8 MB of random bytes come back as they were, and the program sees the end of its input."""
    data = os.urandom(8 << 20)

    done = podman("run --rm -i --log-driver none box sh -c", "tee /tmp/copy; sha256sum </tmp/copy >&2", data=data)

    assert (done.status, done.out == data) == (0, True)
    assert done.complaint.split()[0] == hashlib.sha256(data).hexdigest()


def test_input_comes_as_it_is_written(podman: Podman):
    """With -i a program hears each line when it is said, and the end when the pipe is closed."""
    with podman.piped("run --rm -i box sh -c", "while read line; do echo heard $line; done; echo over; exit 9") as talk:
        talk.say(b"one\n")
        talk.expect(b"heard one\n")
        talk.say(b"two\n")
        talk.expect(b"heard two\n")
        talk.end()
        assert (talk.status(), talk.heard.endswith(b"over\n")) == (9, True)


def test_without_input_the_program_sees_its_end(podman: Podman):
    """Without -i nothing of the caller's input reaches the program."""
    assert podman("run --rm box cat", data=b"unheard").out == b""


def test_attach_speaks_with_a_container_in_the_background(podman: Podman, container: str):
    """attach gives input, shows output, and ends with the container."""
    podman.good(f"run -d -i --name {container} box sh -c", "while read line; do echo heard $line; done; exit 6")

    with podman.piped(f"attach {container}") as talk:
        talk.say(b"hello\n")
        talk.expect(b"heard hello\n")
        talk.end()
        talk.status()
    assert podman.until_exited(container) == 6
    assert podman.logs(container) == "heard hello\n"


def test_two_who_attach_hear_the_same(podman: Podman, container: str):
    """Each attached client gets all output from when it came; one that dies disturbs nobody."""
    podman.good(f"run -d --name {container} box sh -c", "while :; do echo tick; sleep 0.02; done")
    with podman.piped(f"attach {container}") as one, podman.piped(f"attach {container}") as other:
        one.expect(b"tick\ntick\n")
        other.expect(b"tick\ntick\n")
        other.program.signal(9)
        other.status()
        one.expect(b"tick\n" * 10)


def test_signals_reach_the_program_through_podman(podman: Podman):
    """podman run passes on the signals that it gets, once it listens to them."""
    script = "trap 'echo got it' WINCH; echo ready; while :; do sleep 1000 & wait $!; done"
    with podman.piped("run --rm box sh -c", script) as talk:
        talk.expect(b"ready\n")
        while b"got it" not in talk.heard:
            # until podman listens, this one does it no harm
            talk.program.signal(signal.SIGWINCH)
            talk.listen(0.1)
        talk.program.signal(signal.SIGKILL)


def test_logs_keep_streams_and_order(podman: Podman, container: str):
    """logs tells the streams apart; --tail, --timestamps and --since choose."""
    podman(f"run --name {container} box sh -c", "for n in 1 2 3 4 5; do echo out $n; done; echo err >&2")

    done = podman(f"logs {container}")

    assert (done.out, done.err) == (b"out 1\nout 2\nout 3\nout 4\nout 5\n", b"err\n")
    assert podman(f"logs --tail 1 {container}").err == b"err\n"
    assert podman.good(f"logs --timestamps {container}").startswith("20")
    assert podman.good(f"logs --since 2100-01-01T00:00:00Z {container}") == ""


def test_logs_follow_until_the_end(podman: Podman, container: str):
    """logs -f shows what was written before and what comes, and ends when the container does."""
    podman.good(f"run -d -i --name {container} box cat")
    with podman.piped(f"attach {container}") as talk, podman.piped(f"logs -f {container}") as follow:
        talk.say(b"one\n")
        follow.expect(b"one\n")
        talk.say(b"two\n")
        follow.expect(b"two\n")
        talk.end()
        assert follow.status() == 0


@pytest.mark.parametrize(
    ("driver", "logged"), [("k8s-file", "out\n"), *thorough(("json-file", "out\n"), ("none", None))]
)
def test_each_log_driver_does_its_part(podman: Podman, container: str, driver: str, logged: str | None):
    """k8s-file and json-file are read by podman logs, and none leaves nothing to read."""
    assert podman(f"run --log-driver {driver} --name {container} box echo out").text == "out"

    done = podman(f"logs {container}")
    assert (done.out.decode() if done.status == 0 else None) == logged


def test_a_program_may_close_its_streams(podman: Podman, container: str):
    """What closes standard output and error goes on, and its end is still noticed."""
    podman.good(
        f"run -d --name {container} box sh -c",
        "exec >&- 2>&-; touch /closed; while [ ! -e /go ]; do sleep 0.05; done; exit 5",
    )

    until(lambda: podman(f"exec {container} test -e /closed").status == 0)
    podman.good(f"exec {container} touch /go")
    assert podman.until_exited(container) == 5


def test_what_outlives_the_first_process_is_killed(podman: Podman, container: str):
    """When the first process ends, those it left behind end, too, also where they hold its output."""
    podman.good(f"run -d --name {container} box sh -c", "sleep 987654 & exit 3")

    assert podman.until_exited(container) == 3
    found = "for each in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$each; done 2>/dev/null | grep -c 'sleep 98765[4]'"
    until(lambda: podman.machine.run("sh", "-c", found).text == "0")


def test_standard_streams_can_be_reopened(podman: Podman):
    """A program opens /dev/stdout and /dev/stderr anew, also as an ordinary user."""
    done = podman("run --rm --user guest box sh -c", "echo out >/dev/stdout; echo err >/dev/stderr")

    assert (done.out, done.err) == (b"out\n", b"err\n")
