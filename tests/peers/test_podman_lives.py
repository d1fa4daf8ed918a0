"""The lives of containers in the background: start, stop, kill, restart, pause, remove."""

import json

import pytest

from tests.peers.machine import until
from tests.peers.podman import Podman
from tests.peers.thorough import thorough

pytestmark = pytest.mark.root

#: says that it is ready, and ends with 7 at SIGTERM
_POLITE = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 1000 & wait $!; done"
_STUBBORN = "trap '' TERM INT; echo ready; exec sleep 1000"


def _start(podman: Podman, name: str, script: str, options: str = "") -> None:
    podman.good(f"run -d --name {name} {options} box sh -c", script)
    podman.until_logged(name, "ready")


def _seen_by_top(podman: Podman, name: str, program: str) -> str:
    def top() -> str:
        seen = podman.good(f"top {name} args")
        return seen if program in seen else ""

    return until(top)


def test_a_container_in_the_background_is_known_by_its_process(podman: Podman, container: str):
    """inspect, top and ps name a live container and its process; the runtime's state agrees."""
    _start(podman, container, _POLITE)

    pid, status = podman.inspect(container, "{{.State.Pid}} {{.State.Status}}").split()
    with_id = podman.inspect(container, "{{.Id}}")
    state = json.loads(podman.machine.run(podman.path, "state", with_id).out)
    assert (status, state["status"], str(state["pid"]), state["id"]) == ("running", "running", pid, with_id)
    assert _POLITE in podman.machine.run("cat", f"/proc/{pid}/cmdline").text
    assert "sleep 1000" in _seen_by_top(podman, container, "sleep")
    assert podman.good(f"ps --filter name={container} --format", "{{.Status}}").startswith("Up ")


def test_stop_asks_and_the_exit_status_is_kept(podman: Podman, container: str):
    """stop sends SIGTERM; wait, inspect and ps tell the exit status that the program chose."""
    _start(podman, container, _POLITE)

    podman.good(f"stop {container}")

    assert podman.until_exited(container) == 7
    assert podman.inspect(container, "{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}") == "exited 7 0"
    assert podman.logs(container) == "ready\nbye\n"
    assert podman.good(f"ps -a --filter name={container} --format", "{{.Status}}").startswith("Exited (7)")


def test_stop_kills_who_does_not_heed(podman: Podman, container: str):
    """After --time seconds SIGKILL follows, and the exit status is 137."""
    _start(podman, container, _STUBBORN)

    podman.good(f"stop --time 1 {container}")

    assert podman.inspect(container, "{{.State.ExitCode}}") == "137"


@pytest.mark.thorough
def test_stop_sends_the_signal_that_the_container_wants(podman: Podman, container: str):
    """--stop-signal replaces SIGTERM."""
    _start(
        podman,
        container,
        "trap 'exit 8' USR1; echo ready; while :; do sleep 1000 & wait $!; done",
        "--stop-signal USR1",
    )

    podman.good(f"stop {container}")

    assert podman.inspect(container, "{{.State.ExitCode}}") == "8"


def test_kill_sends_any_signal(podman: Podman, container: str):
    """kill sends a signal by number or name, and SIGKILL where none is named."""
    _start(
        podman,
        container,
        "trap 'echo one' USR1; trap 'echo two' HUP; echo ready; while :; do sleep 1000 & wait $!; done",
    )

    podman.good(f"kill --signal 10 {container}")
    podman.until_logged(container, "one")
    podman.good(f"kill --signal SIGHUP {container}")
    podman.until_logged(container, "two")
    podman.good(f"kill {container}")

    assert podman.until_exited(container) == 137
    assert "container state improper" in podman(f"kill {container}").complaint


def test_a_stopped_container_starts_again(podman: Podman, container: str):
    """start runs the same container anew with the files it had written, and restart does so at once."""
    script = "echo x >>/count; trap 'exit 0' TERM; echo ready $(wc -l </count); while :; do sleep 1000 & wait $!; done"
    _start(podman, container, script)

    podman.good(f"stop {container}")
    podman.good(f"start {container}")
    podman.until_logged(container, "ready 2")
    podman.good(f"restart {container}")
    podman.until_logged(container, "ready 3")

    podman.remove(container)
    assert podman(f"container exists {container}").status == 1


def test_start_attached_ends_as_the_program_does(podman: Podman, container: str):
    """create and start -a show output and exit status; a second start does so again."""
    podman.good(f"create --name {container} box sh -c", "echo out; echo err >&2; exit 3")

    for _ in range(2):
        done = podman(f"start -a {container}")
        assert (done.status, done.out, done.err) == (3, b"out\n", b"err\n")


def test_what_runs_is_not_removed_without_force(podman: Podman, container: str):
    """rm refuses a live container; rm --force takes it down, also where it heeds nothing."""
    _start(podman, container, _STUBBORN)

    assert "cannot remove" in podman(f"rm {container}").complaint
    podman.good(f"rm --force --time 0 {container}")
    assert podman(f"container exists {container}").status == 1


def test_a_container_that_removes_itself_is_gone(podman: Podman, container: str):
    """With --rm and -d nothing is left after the end."""
    podman.good(f"run -d --rm --name {container} box true")

    until(lambda: podman(f"container exists {container}").status == 1)


def test_a_container_that_was_never_started_is_removed(podman: Podman, container: str):
    """init creates the container in the runtime without its program; rm takes it back."""
    podman.good(f"create --name {container} box sh -c", _POLITE)
    podman.good(f"init {container}")

    state = json.loads(podman.machine.run(podman.path, "state", podman.inspect(container, "{{.Id}}")).out)

    assert (state["status"], podman.logs(container)) == ("created", "")
    podman.good(f"rm --force --time 0 {container}")


def test_a_program_that_cannot_run_is_told_by_start_too(podman: Podman, container: str):
    """Where create fails in the runtime, podman start says why and the container can be removed."""
    podman.good(f"create --name {container} box no-such-program")

    done = podman(f"start {container}")

    assert done.status != 0
    assert "no-such-program" in done.complaint
    podman.good(f"rm {container}")


@pytest.mark.parametrize(
    ("policy", "script", "runs"),
    [
        ("on-failure:2", "echo x >>/count; exit 3", "3"),
        ("always", "echo x >>/count; [ $(wc -l </count) = 3 ] && exec sleep 1000", "3"),
        *thorough(("on-failure:2", "echo x >>/count; exit 0", "1"), ("no", "echo x >>/count; exit 3", "1")),
    ],
)
def test_a_restart_policy_is_followed(podman: Podman, container: str, policy: str, script: str, runs: str):
    """What ended is started again by podman's cleanup as its policy says, and no more often."""
    podman.good(f"run -d --restart {policy} --name {container} box sh -c", script)

    def count() -> str:
        return podman(f"cp {container}:/count -").out.decode(errors="replace")

    until(lambda: count().count("x\n") == int(runs))
    if "sleep" not in script:
        until(lambda: podman.inspect(container, "{{.State.Status}}") == "exited")
    assert count().count("x\n") == int(runs)


def test_a_paused_container_stands_still(podman: Podman, container: str):
    """pause freezes all processes, unpause lets them go on, and only what is not paused can be entered."""
    _start(podman, container, "echo ready; while :; do echo x >>/count; sleep 0.01; done")

    podman.good(f"pause {container}")
    with_id = podman.inspect(container, "{{.Id}}")
    assert json.loads(podman.machine.run(podman.path, "state", with_id).out)["status"] == "paused"
    pid = podman.inspect(container, "{{.State.Pid}}")
    before = podman.machine.run("cat", f"/proc/{pid}/root/count").out
    assert podman.inspect(container, "{{.State.Status}}") == "paused"
    assert podman(f"exec {container} true").status != 0
    assert podman.machine.run("cat", f"/proc/{pid}/root/count").out == before
    podman.good(f"unpause {container}")

    until(lambda: len(podman.machine.run("cat", f"/proc/{pid}/root/count").out) > len(before))
    podman.good(f"pause {container}")
    podman.good(f"rm --force --time 0 {container}")


def test_events_tell_of_each_step(podman: Podman, container: str):
    """The life of a container is in podman's events, with its exit status."""
    podman(f"run --name {container} box sh -c", "exit 5")
    podman.good(f"rm {container}")

    line = f"events --stream=false --since 10m --filter container={container} --format"
    assert podman.good(line, "{{.Status}}").split() == [
        "create",
        "init",
        "start",
        "attach",
        "died",
        "cleanup",
        "remove",
    ]


def test_many_containers_at_once(podman: Podman):
    """Containers come and go side by side, each with its own output and exit status."""
    names = [podman.name() for _ in range(4)]
    for number, name in enumerate(names):
        podman.good(f"create --name {name} box sh -c", f"echo {name}; exit {number}")

    podman.good("start", *names)

    assert podman.good("wait", *names).split() == [str(number) for number in range(4)]
    assert [podman.logs(name) for name in names] == [f"{name}\n" for name in names]
    podman.good("rm", *names)
