"""podman exec: further processes in a container that runs."""

from collections.abc import Iterator

import pytest

from tests.peers.machine import until
from tests.peers.podman import Podman
from tests.peers.thorough import thorough

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def running(podman: Podman) -> Iterator[str]:
    """Return the name of a container that runs all the time, as root, with some environment."""
    name = podman.name()
    podman.good(f"run -d --name {name} --env FROM=run --hostname inside box sleep 1000")
    yield name
    podman.remove(name)


@pytest.mark.parametrize(
    ("options", "command", "status", "out"),
    [
        ("", "sh -c 'exit 42'", 42, ""),
        ("", "sh -c 'kill -KILL $$'", 137, ""),
        ("", "no-such-program", 127, ""),
        ("", "/etc/nothing-to-run", 126, ""),
        ("--user guest", "id", 0, "uid=1000(guest) gid=1000(guest) groups=10(wheel)"),
        ("--env FROM=exec --env B='a b'", "sh -c 'echo $FROM-$B'", 0, "exec-a b"),
        ("", "sh -c 'ls /proc/self/fd | wc -l'", 0, "4"),
        ("", "grep Seccomp: /proc/self/status", 0, "Seccomp:\t2"),
        ("--user guest", "grep CapEff /proc/self/status", 0, "CapEff:\t0000000000000000"),
        *thorough(
            ("", "true", 0, ""),
            ("", "/no/such/program", 127, ""),
            ("--workdir /no/such/directory", "pwd", 127, ""),
            ("--user no-such-user", "true", 255, ""),
            ("--workdir /tmp", "pwd", 0, "/tmp"),
            ("--user 0:77", "sh -c 'id -u; id -g'", 0, "0\n77"),
            ("", "sh -c 'echo $FROM'", 0, "run"),
            ("", "hostname", 0, "inside"),
            ("", "grep -c '' /proc/1/cgroup /proc/self/cgroup", 0, None),
            ("--privileged", "grep CapEff /proc/self/status", 0, None),
            ("", "sh -c 'ulimit -n'", 0, "1024"),
        ),
    ],
)  # fmt: skip
def test_exec_runs_what_was_asked_for(
    podman: Podman, running: str, options: str, command: str, status: int, out: str | None
):
    """An option of podman exec reaches the program, whose exit status and output come back."""
    done = podman(f"exec {options} {running} {command}")

    assert done.status == status, done.complaint
    assert out in (None, done.text)


def test_the_streams_of_exec_stay_apart(podman: Podman, running: str):
    """Standard output and standard error of an exec come out where they should."""
    done = podman(f"exec {running} sh -c", "echo out; echo err >&2")

    assert (done.out, done.err) == (b"out\n", b"err\n")


def test_exec_reads_its_input_to_the_end(podman: Podman, running: str):
    """exec -i takes much data by a pipe, and the program sees its end."""
    data = bytes(range(256)) * 4096

    done = podman(f"exec -i {running} cat", data=data)

    assert (done.status, done.out == data) == (0, True)


def test_exec_without_input_sees_none(podman: Podman, running: str):
    """Without -i the program's input is at its end."""
    done = podman(f"exec {running} cat", data=b"unheard")

    assert (done.status, done.out) == (0, b"")


def test_a_detached_exec_goes_on_alone(podman: Podman, running: str):
    """exec -d returns while its program runs, with all that its options say."""
    podman.good(f"exec -d -u guest -w /tmp -e A=1 {running} sh -c", "echo $(id -u) $PWD $A >/tmp/detached")

    until(lambda: podman(f"exec {running} cat /tmp/detached").text == "1000 /tmp 1")


def test_an_exec_is_in_the_container_s_groups_and_namespaces(podman: Podman, running: str):
    """What exec starts is confined as the init process is: the same namespaces, and the same control groups."""
    script = "cat /proc/$1/cgroup; for each in cgroup ipc mnt net pid uts; do readlink /proc/$1/ns/$each; done"

    init, other = (podman.good(f"exec {running} sh -c", script, "sh", pid) for pid in ("1", "self"))

    assert init == other


def test_exec_needs_a_live_container(podman: Podman, container: str):
    """exec into a stopped container, or one that does not exist, fails with a reason."""
    podman.good(f"create --name {container} box true")

    assert "container state improper" in podman(f"exec {container} true").complaint
    assert "no such container" in podman("exec no-such-container true").complaint


def test_many_execs_at_once(podman: Podman, running: str):
    """Execs side by side in one container keep their output and exit status apart."""
    script = (
        'for n in 1 2 3 4 5 6 7 8; do (podman exec $0 sh -c "echo $n; exit $n" >$1/$n; echo $? >>$1/$n) & done; wait'
    )
    directory = podman.directory / "execs"
    directory.mkdir()

    podman.machine.run("sh", "-c", script, running, str(directory))

    assert [path.read_text() for path in sorted(directory.iterdir())] == [f"{n}\n{n}\n" for n in range(1, 9)]


def test_an_exec_ends_with_its_container(podman: Podman, container: str):
    """When the container is killed, an exec that still runs ends, too."""
    podman.good(f"run -d --name {container} box sleep 1000")
    with podman.piped(f"exec {container} sh -c", "echo ready; sleep 1000") as exec_:
        exec_.expect(b"ready")
        podman.good(f"kill {container}")
        assert exec_.status() == 137
