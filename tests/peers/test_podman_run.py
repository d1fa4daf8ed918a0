"""podman run: how it ends, and what the program finds."""

import pytest

from tests.peers.podman import Podman
from tests.peers.syscall import write_program
from tests.peers.thorough import thorough

pytestmark = pytest.mark.root


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("box true", 0),
        ("box sh -c 'exit 42'", 42),
        ("--pid host box sh -c 'kill -KILL $$'", 128 + 9),
        ("box no-such-program", 127),
        ("box /etc/nothing-to-run", 126),
        ("--user no-such-user box true", 126),
        *thorough(
            ("box sh -c 'exit 255'", 255),
            ("--pid host box sh -c 'kill -TERM $$'", 128 + 15),
            ("box /no/such/program", 127),
            ("--entrypoint /no/such/program box", 127),
            ("box /etc", 126),
            ("--workdir /no/such/directory box true", 126),
            ("--no-such-option box true", 125),
            ("no-such-image true", 125),
        ),
    ],
)
def test_run_ends_as_the_program_did_or_says_why_it_could_not_run(podman: Podman, line: str, status: int):
    """The exit status of podman run is the program's, 128 and a signal, or 125 to 127 where none ran."""
    assert podman(f"run --rm {line}").status == status


def test_both_streams_come_out_where_they_should(podman: Podman):
    """Standard output and standard error stay apart, byte for byte."""
    done = podman("run --rm box sh -c", r"printf 'out\0\377\r\n'; printf 'err\033' >&2")

    assert (done.status, done.out, done.err) == (0, b"out\0\377\r\n", b"err\033")


def test_the_program_finds_its_environment_and_no_other(podman: Podman):
    """What was asked for, what podman adds, and nothing of the caller's environment."""
    done = podman("run --rm --env ONE=1 --env TWO='a b' --hostname here box env", env={"SECRET": "host"})

    assert set(done.text.split("\n")) == {
        "ONE=1", "TWO=a b", "HOSTNAME=here", "HOME=/root", "TERM=xterm", "container=podman",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }  # fmt: skip


_CAPABILITIES = "sh -c 'grep -E \"Cap(Inh|Prm|Eff|Bnd|Amb)\" /proc/self/status | cut -f2 | uniq'"
_NETWORKS = "sh -c 'ls /sys/class/net'"


@pytest.mark.parametrize(
    ("options", "command", "expected"),
    [
        ("--user guest --group-add 77", "id -G", "1000 10 77"),
        ("--user guest", _CAPABILITIES, "0000000000000000\n00000000800405fb\n0000000000000000"),
        ("", _CAPABILITIES, "0000000000000000\n00000000800405fb\n0000000000000000"),
        ("--cap-drop all --cap-add chown", _CAPABILITIES, "0000000000000000\n0000000000000001\n0000000000000000"),
        ("--security-opt no-new-privileges", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"),
        ("--security-opt mask=/etc/passwd", "wc -c /etc/passwd", "0 /etc/passwd"),
        ("", "grep Seccomp: /proc/self/status", "Seccomp:\t2"),
        ("--read-only", "sh -c 'touch /x /etc/x; touch /tmp/x && echo /tmp'", "/tmp"),
        ("--privileged", "sh -c 'mount -t tmpfs none /tmp && grep -c [[:space:]]/tmp[[:space:]] /proc/mounts'", "1"),
        *thorough(
            ("--workdir /tmp", "pwd", "/tmp"),
            ("--hostname web", "hostname", "web"),
            ("--hostname web", "cat /proc/sys/kernel/hostname", "web"),
            ("--user guest", "id", "uid=1000(guest) gid=1000(guest) groups=10(wheel),1000(guest)"),
            ("--user 7:8", "sh -c 'id -u; id -G'", "7\n8"),
            ("--cap-drop all", _CAPABILITIES, "0000000000000000"),
            ("--security-opt unmask=ALL", "sh -c 'grep \" /proc/\" /proc/self/mounts | wc -l'", "0"),
            ("--security-opt seccomp=unconfined", "grep Seccomp: /proc/self/status", "Seccomp:\t0"),
            ("--ulimit nproc=99 --ulimit nofile=100:200", "sh -c 'ulimit -Sn; ulimit -Hn'", "100\n200"),
            ("--ulimit nproc=99 --ulimit nofile=99 --ulimit cpu=77", "sh -c 'ulimit -t'", "77"),
            ("--sysctl net.ipv4.ip_forward=1", "cat /proc/sys/net/ipv4/ip_forward", "1"),
            ("--sysctl kernel.shmmax=123456", "cat /proc/sys/kernel/shmmax", "123456"),
            ("--shm-size 1m", "sh -c 'df -k /dev/shm | tail -1 | tr -s \" \" | cut -d\" \" -f2'", "1024"),
            ("--oom-score-adj 321", "cat /proc/self/oom_score_adj", "321"),
            ("--umask 0027", "sh -c umask", "0027"),
            ("--network none", _NETWORKS, "lo"),
            ("--tmpfs /scratch:size=64k,mode=700", "stat -c %a /scratch", "700"),
            ("--add-host peer:10.1.2.3", "sh -c 'grep -c 10.1.2.3 /etc/hosts'", "1"),
            ("--entrypoint '[\"echo\", \"before\"]'", "after", "before after"),
            ("--log-driver none", "echo hi", "hi"),
            ("--privileged", "grep Seccomp: /proc/self/status", "Seccomp:\t0"),
            ("--systemd always", "sh -c 'grep -c [[:space:]]/run[[:space:]] /proc/mounts'", "1"),
            ("--annotation org.example=1 --label x=y", "echo hi", "hi"),
        ),
    ],
)  # fmt: skip
def test_the_program_finds_what_was_asked_for(podman: Podman, options: str, command: str, expected: str):
    """An option of podman run reaches the program as it does with every other runtime."""
    done = podman(f"run --rm {options} box {command}")

    assert (done.text, done.status) == (expected, 0), done.complaint


def test_many_options_go_together(podman: Podman):
    """Options that have nothing to do with each other are all in force at once."""
    options = (
        "--workdir /tmp --hostname web --user 7:8 --ulimit nproc=99 --ulimit nofile=100:200 --shm-size 1m --umask 0027"
        " --sysctl net.ipv4.ip_forward=1 --sysctl kernel.shmmax=123456 --oom-score-adj 321 --network none"
        " --tmpfs /scratch:size=64k,mode=711 --add-host peer:10.1.2.3 --annotation org.example=1 --label x=y"
    )
    script = (
        "pwd; hostname; id -u; id -G; ulimit -Sn; ulimit -Hn; umask; cat /proc/sys/net/ipv4/ip_forward;"
        "cat /proc/sys/kernel/shmmax /proc/self/oom_score_adj; ls /sys/class/net; stat -c %a /scratch;"
        "df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2; grep -c 10.1.2.3 /etc/hosts"
    )

    done = podman(f"run --rm {options} box sh -c", script)

    assert done.text.split("\n") == [
        "/tmp",
        "web",
        "7",
        "8",
        "100",
        "200",
        "0027",
        "1",
        "123456",
        "321",
        "lo",
        "711",
        "1024",
        "1",
    ]


_KINDS = ["cgroup", "ipc", "mnt", "net", "pid", "uts"]
_NAMESPACES = "for each in " + " ".join(_KINDS) + "; do readlink /proc/self/ns/$each; done"


@pytest.mark.parametrize("kind", ["cgroup", "net", *thorough(("ipc",), ("pid",), ("uts",))])
def test_a_namespace_of_the_host_is_the_host_s(podman: Podman, kind: str):
    """What is shared with the host is the caller's own namespace, and only that one."""
    options = {"cgroup": "--cgroupns", "ipc": "--ipc", "net": "--network", "pid": "--pid", "uts": "--uts"}
    own = {each: "none" if each == "net" else "private" for each in options}
    chosen = [f"{option} {'host' if each == kind else own[each]}" for each, option in options.items()]
    inside = podman.good(f"run --rm {' '.join(chosen)} box sh -c", _NAMESPACES).split("\n")
    outside = podman.machine.run("sh", "-c", _NAMESPACES).text.split("\n")

    assert {name for name, here, there in zip(_KINDS, inside, outside, strict=True) if here == there} == {kind}


def test_a_namespace_of_another_container_is_joined(podman: Podman, container: str):
    """Process, network and IPC namespaces can be another container's."""
    podman.good(f"run -d --name {container} box sleep 1000")
    script = "for each in ipc net pid; do readlink /proc/self/ns/$each; done"
    theirs = podman.good(f"exec {container} sh -c", script)

    shared = f"--ipc container:{container} --network container:{container} --pid container:{container}"
    assert podman.good(f"run --rm {shared} box sh -c", script) == theirs


@pytest.mark.parametrize(("name", "refused", "allowed"), [("vmsplice", 1, 0), ("io_uring_setup", 38, 14)])
def test_a_system_call_outside_of_the_default_profile_fails(podman: Podman, name: str, refused: int, allowed: int):
    """podman's own profile has an error for what it forbids, and another for what it does not know."""
    write_program(podman.directory / name, name)
    line = f"-v {podman.directory}:/host:ro box /host/{name}"

    assert podman(f"run --rm {line}").status == refused
    assert podman(f"run --rm --security-opt seccomp=unconfined {line}").status == allowed


def test_a_profile_decides_what_a_system_call_does(podman: Podman):
    """A profile from a file is applied, with the error it names."""
    profile = podman.directory / "profile.json"
    profile.write_text(
        '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"], "syscalls": ['
        '{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}'
    )

    done = podman(f"run --rm --security-opt seccomp={profile} box mkdir /tmp/x")

    assert "No space left on device" in done.complaint


def test_devices_are_those_that_were_asked_for(podman: Podman):
    """A device is there with the access it was given; any other is out of reach, also for who makes its node."""
    script = (
        "test -c /dev/messages && : </dev/messages && ! (: >/dev/messages) 2>/dev/null &&"
        "mknod /tmp/disk b 253 0 && ! (: </tmp/disk) 2>/dev/null && echo fine"
    )

    assert (
        podman.good("run --rm --cap-add mknod --cap-add syslog --device /dev/kmsg:/dev/messages:r box sh -c", script)
        == "fine"
    )


@pytest.mark.parametrize(("options", "count"), [("", 3), ("--preserve-fds 2", 5)])
def test_descriptors_are_passed_on_where_asked_for(podman: Podman, options: str, count: int):
    """--preserve-fds hands on those after standard error; without it there are none."""
    command = f"exec 3</dev/null 4</dev/null; exec podman run --rm {options} box ls /proc/self/fd"

    done = podman.machine.run("sh", "-c", command)

    # the last one is that of ls itself
    assert done.text.split() == [str(fd) for fd in range(count + 1)], done.complaint


def test_init_reaps_and_forwards(podman: Podman, container: str):
    """With --init another program is the first process, which passes signals on."""
    podman.good(
        f"run -d --init --name {container} box sh -c", "trap 'exit 7' TERM; while :; do sleep 1000 & wait $!; done"
    )

    assert podman.good(f"exec {container} cat /proc/1/comm") == "podman-init"
    podman.good(f"stop {container}")
    assert podman.inspect(container, "{{.State.ExitCode}}") == "7"
