"""What podman does with a runtime that fails, dies, or is called at the wrong moment."""

import json
import time

import pytest

from tests.peers.machine import until
from tests.peers.podman import Podman
from tests.peers.thorough import thorough

pytestmark = pytest.mark.root


@pytest.mark.parametrize("is_json", [True, *thorough((False,))])
@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("box no-such-program", 127, "executable file not found in"),
        *thorough(("box /no/such/program", 127, "no such file or directory")),
        *thorough(("box ''", 127, "executable file not found in")),
        ("box /etc/nothing-to-run", 126, "permission denied"),
    ],
)
def test_podman_reads_why_the_runtime_failed(podman: Podman, is_json: bool, line: str, status: int, words: str):
    """podman tells the reason and its status, from a log in JSON, or without one from standard error."""
    done = podman(f"--runtime {podman.plain} run --rm {line}" if not is_json else f"run --rm {line}")

    assert words in done.complaint
    assert done.status == status


def test_a_failed_container_leaves_nothing_in_the_runtime(podman: Podman, container: str):
    """After a create that failed the runtime knows no such container, and podman runs the next one of that name."""
    assert podman(f"run --name {container} box no-such-program").status == 127
    with_id = podman.inspect(container, "{{.Id}}")

    assert podman.machine.run(podman.path, "state", with_id).status != 0
    podman.good(f"rm {container}")
    assert podman(f"run --name {container} box true").status == 0


def test_a_container_whose_init_was_killed_from_outside(podman: Podman, container: str):
    """A stranger's SIGKILL is an end as any other."""
    podman.good(f"run -d --name {container} box sleep 1000")
    pid = podman.inspect(container, "{{.State.Pid}}")

    podman.machine.run("kill", "-KILL", pid)

    assert podman.until_exited(container) == 137
    until(lambda: podman.inspect(container, "{{.State.Status}}") == "exited")
    podman.good(f"start {container}")
    assert podman.inspect(container, "{{.State.Running}}") == "true"


def test_a_container_whose_monitor_was_killed(podman: Podman, container: str):
    """Without its conmon a container still can be stopped and removed."""
    podman.good(f"run -d --name {container} box sleep 1000")
    with_id = podman.inspect(container, "{{.Id}}")
    conmon = podman.inspect(container, "{{.State.ConmonPid}}")

    podman.machine.run("kill", "-KILL", conmon)
    podman.good(f"rm --force --time 0 {container}")

    # podman may leave it to others to tell the runtime
    assert podman.machine.run(podman.path, "delete", "--force", with_id).status == 0
    assert podman.machine.run(podman.path, "state", with_id).status != 0


def test_a_runtime_killed_while_it_works_leaves_what_can_be_removed(podman: Podman):
    """Whenever the runtime dies within create or start, podman rm --force takes the container away."""
    killer = podman.directory / "killed"
    killer.write_text(f'#!/bin/sh\nexec timeout -s KILL ${{AFTER:-9}} {podman.path} "$@"\n')
    killer.chmod(0o755)
    for after in ("0.01", "0.03", "0.06"):
        name = podman.name()
        podman(f"--runtime {killer} run -d --name {name} box sleep 1000", env={"AFTER": after})
        podman.remove(name)
        assert podman(f"container exists {name}").status == 1


def test_all_at_the_same_time_on_one_container(podman: Podman, container: str):
    """exec, pause, stop, kill and rm at once on one container come to an end, and nothing is left."""
    podman.good(f"run -d --name {container} box sleep 1000")
    script = (
        "(podman exec $0 true; podman exec $0 true) & podman pause $0 & podman kill $0 & podman stop -t0 $0 &"
        "podman ps -a & podman rm -f -t0 $0 & podman inspect $0 >/dev/null & wait"
    )

    podman.machine.run("sh", "-c", script, container)
    podman.remove(container)

    assert podman(f"container exists {container}").status == 1


def test_the_runtime_s_own_words_agree_with_podman_s(podman: Podman, container: str):
    """list and state of the runtime show what podman started, with its bundle."""
    podman.good(f"run -d --name {container} box sleep 1000")
    with_id = podman.inspect(container, "{{.Id}}")

    listed = json.loads(podman.machine.run(podman.path, "list", "--format", "json").out)
    mine = next(each for each in listed if each["id"] == with_id)
    assert (mine["status"], mine["bundle"]) == ("running", podman.inspect(container, "{{.StaticDir}}"))
    assert str(mine["pid"]) == podman.inspect(container, "{{.State.Pid}}")


@pytest.mark.thorough
def test_a_time_limit_of_podman_ends_a_container(podman: Podman):
    """run --timeout kills what takes too long."""
    began = time.monotonic()

    assert podman("run --rm --timeout 1 box sleep 1000").status != 0
    assert time.monotonic() - began < 30
