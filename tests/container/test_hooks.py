"""Hooks: when they run, with what, and what their failure means (config.md "POSIX-platform Hooks")."""

from __future__ import annotations

import _socket
import os

import pytest

from runjd.container.stdio import Fifos, Terminal
from runjd.errors import NoSuchJail, RunjdError
from tests.container.hooked import PHASES, Hooked
from tests.container.jails import Jails, wait

SLEEP = ["sleep", "60"]


@pytest.fixture
def hooked(jails: Jails) -> Hooked:
    """Return bundles with hooks."""
    return Hooked(jails)


@pytest.fixture
def plain_hooked(plain: Jails) -> Hooked:
    """Return bundles with hooks, without isolation."""
    return Hooked(plain)


def _create(jails: Jails, bundle: str, *, start: bool = False) -> int:
    io = jails.keep(Fifos("init", stdin=False))
    return jails.operations.create("web", bundle, io, runtime=jails.runtime, start=start).pid


def test_the_phases_come_in_order_each_with_the_state_of_its_moment(hooked: Hooked) -> None:
    """Create, start and delete run theirs; each reads status and pid as they are where it runs."""
    jails = hooked.jails
    bundle = hooked.bundle(SLEEP, hooked.every())

    pid = _create(jails, bundle)
    assert hooked.phases() == ["prestart", "createRuntime", "createContainer"]
    jails.operations.start("web")
    assert hooked.phases() == [*PHASES[:5]]
    jails.operations.delete("web", force=True)
    assert hooked.phases() == [*PHASES]

    inside = 1 if jails.runtime == "linux" else pid
    expected = {
        "prestart": ("creating", pid),
        "createRuntime": ("creating", pid),
        "createContainer": ("creating", inside),
        "startContainer": ("created", inside),
        "poststart": ("running", pid),
        "poststop": ("stopped", None),
    }
    for phase, (status, seen) in expected.items():
        state = hooked.state(phase)
        assert (state["status"], state.get("pid")) == (status, seen), phase
        assert (state["id"], state["bundle"]) == ("web", bundle)
    wait(pid)


def test_hooks_start_where_what_they_are_about_is(hooked: Hooked) -> None:
    """In the bundle; createContainer in the root that is being made; startContainer where the program starts."""
    jails = hooked.jails
    bundle = hooked.bundle(SLEEP, hooked.every(), cwd="/tmp")
    pid = _create(jails, bundle, start=True)
    jails.operations.delete("web", force=True)
    wait(pid)

    root = f"{bundle}/rootfs" if jails.runtime == "linux" else bundle
    assert {phase: hooked.directory_of(phase) for phase in PHASES} == {
        "prestart": bundle,
        "createRuntime": bundle,
        "createContainer": root,
        "startContainer": "/tmp",
        "poststart": bundle,
        "poststop": bundle,
    }


@pytest.mark.parametrize("phase", ["prestart", "createRuntime", "createContainer"])
@pytest.mark.parametrize("start", [False, True])
def test_a_hook_of_create_that_fails_fails_create(hooked: Hooked, phase: str, start: bool) -> None:
    """Those behind it do not run, everything is undone, and the poststop hooks run."""
    bundle = hooked.bundle(SLEEP, hooked.every(**{phase: "echo no such luck; exit 3"}))

    with pytest.raises(RunjdError) as caught:
        _create(hooked.jails, bundle, start=start)

    assert str(caught.value).startswith(f"hooks.{phase}[0]: run the hook")
    assert str(caught.value).endswith('/bin/sh exited with status 3; it said "no such luck"')
    assert hooked.phases() == [*PHASES[: PHASES.index(phase) + 1], "poststop"]
    assert os.listdir(hooked.jails.state_dir) == []


def test_the_hooks_of_a_phase_run_in_their_order_until_one_fails(hooked: Hooked) -> None:
    """The third of three is not run when the second fails."""
    hooks = {"createRuntime": [hooked.hook("1"), hooked.hook("2", "exit 1"), hooked.hook("3")]}

    with pytest.raises(RunjdError, match=r"hooks.createRuntime\[1\]: .*status 1 and said nothing"):
        _create(hooked.jails, hooked.bundle(SLEEP, hooks))

    assert hooked.phases() == ["1", "2"]


@pytest.mark.parametrize("phase", ["startContainer", "poststart"])
def test_a_hook_of_start_that_fails_stops_the_container(hooked: Hooked, phase: str) -> None:
    """The container is taken down, its poststop hooks run once, and it stays on record until it is deleted."""
    jails = hooked.jails
    program = ["sh", "-c", "echo program >>/log/lines; exec sleep 60"]
    if jails.runtime == "plain":
        program = ["sh", "-c", f"echo program >>{hooked.directory}/lines; exec sleep 60"]
    pid = _create(jails, hooked.bundle(program, hooked.every(**{phase: "exit 3"})))

    with pytest.raises(RunjdError, match=rf"hooks.{phase}\[0\]: run the hook: /bin/sh exited with status 3"):
        jails.operations.start("web")

    assert wait(pid) in (1, -9)
    assert ("program" in hooked.phases()) <= (phase == "poststart")
    assert [each for each in hooked.phases() if each != "program"] == [*PHASES[: PHASES.index(phase) + 1], "poststop"]
    assert jails.operations.state("web").status == "stopped"
    jails.operations.delete("web")
    assert hooked.phases().count("poststop") == 1
    assert os.listdir(jails.state_dir) == []


@pytest.mark.parametrize("phase", ["startContainer", "poststart"])
def test_a_hook_of_start_that_fails_leaves_nothing_of_a_create_that_starts(hooked: Hooked, phase: str) -> None:
    """Create and start in one go fail as one."""
    bundle = hooked.bundle(SLEEP, hooked.every(**{phase: "exit 3"}))

    with pytest.raises(RunjdError, match=rf"hooks.{phase}\[0\]: "):
        _create(hooked.jails, bundle, start=True)

    assert hooked.phases() == [*PHASES[: PHASES.index(phase) + 1], "poststop"]
    assert os.listdir(hooked.jails.state_dir) == []


def test_a_poststop_hook_that_fails_is_a_warning(hooked: Hooked) -> None:
    """The others run, the container is deleted, and whoever listens is told."""
    jails = hooked.jails
    hooks = {"poststop": [hooked.hook("1", "exit 3"), hooked.hook("2", "kill -9 $$"), hooked.hook("3")]}
    pid = _create(jails, hooked.bundle(SLEEP, hooks))

    jails.operations.delete("web")

    wait(pid)
    assert hooked.phases() == ["1", "2", "3"]
    assert jails.operations.warnings == [
        "hooks.poststop[0]: run the hook: /bin/sh exited with status 3 and said nothing",
        "hooks.poststop[1]: run the hook: /bin/sh was killed by signal 9 and said nothing",
    ]
    assert os.listdir(jails.state_dir) == []


def test_poststop_hooks_run_when_all_else_is_gone(hooked: Hooked) -> None:
    """Neither the process nor what was mounted is there any more."""
    jails = hooked.jails
    pid = _create(jails, hooked.bundle(SLEEP, {}), start=True)
    jails.operations.delete("web", force=True)
    wait(pid)
    seen = "ps -o args >LOG/processes; cat /proc/mounts >LOG/mounts"
    pid = _create(jails, hooked.bundle(["sleep", "4711"], {"poststop": [hooked.hook("poststop", seen)]}), start=True)
    jails.operations.delete("web", force=True)
    wait(pid)

    assert "sleep 4711" not in [line.strip() for line in hooked.wait_for("processes").splitlines()]
    assert f"{jails.directory}/bundle" not in hooked.wait_for("mounts")


def test_hooks_without_create_hooks_run_as_well(hooked: Hooked) -> None:
    """A bundle may have poststop hooks only."""
    pid = _create(hooked.jails, hooked.bundle(["true"], {"poststop": [hooked.hook("poststop")]}), start=True)
    wait(pid)

    hooked.jails.operations.delete("web")

    assert hooked.phases() == ["poststop"]


def test_arguments_and_environment_are_the_hooks_own(hooked: Hooked) -> None:
    """args[0] is argv[0] whatever the path is; without env the environment is empty."""
    jails = hooked.jails
    name, none, some = (f"{hooked.directory}/{each}" for each in ("name", "none", "some"))
    os.environ["RUNJD_TEST_LEAK"] = "1"
    try:
        hooks = {
            phase: [
                {"path": "/bin/dd", "args": ["other name", "if=/proc/self/cmdline", f"of={name}.{phase}"]},
                {"path": "/bin/dd", "args": ["dd", "if=/proc/self/environ", f"of={none}.{phase}"]},
                {
                    "path": "/bin/dd",
                    "args": ["dd", "if=/proc/self/environ", f"of={some}.{phase}"],
                    "env": ["A=b c", "D="],
                },
                {"path": "/bin/true"},
            ]
            for phase in ("createRuntime", "createContainer")
        }
        pid = _create(jails, hooked.bundle(SLEEP, hooks, env=["JAIL=1"]))
        jails.operations.delete("web")
    finally:
        del os.environ["RUNJD_TEST_LEAK"]

    wait(pid)
    for phase in ("createRuntime", "createContainer"):
        assert hooked.wait_for(f"name.{phase}").split("\0")[0] == "other name"
        assert os.path.getsize(f"{none}.{phase}") == 0
        assert hooked.wait_for(f"some.{phase}") == "A=b c\0D=\0"


def test_hooks_have_three_descriptors(hooked: Hooked) -> None:
    """Nothing of ours is open in them: no lock, no channel, no root of a jail."""
    jails = hooked.jails
    fds = "ls /proc/self/fd >LOG/fds.$PHASE"
    leak = os.open("/", os.O_RDONLY)
    os.set_inheritable(leak, True)
    try:
        hooks = {phase: [hooked.hook(phase, fds.replace("$PHASE", phase))] for phase in PHASES}
        pid = _create(jails, hooked.bundle(SLEEP, hooks))
        jails.operations.start("web")
        jails.operations.delete("web", force=True)
    finally:
        os.close(leak)

    wait(pid)
    for phase in PHASES:
        # 3: the directory that ls(1) reads
        assert hooked.wait_for(f"fds.{phase}").split() == ["0", "1", "2", "3"], phase


def test_a_hook_that_cannot_be_executed_is_named(hooked: Hooked) -> None:
    """The error says which, where it stands and why."""
    hooks = {"prestart": [{"path": "/no/such/hook"}]}

    with pytest.raises(RunjdError) as caught:
        _create(hooked.jails, hooked.bundle(SLEEP, hooks))

    assert str(caught.value) == (
        "hooks.prestart[0]: run the hook: /no/such/hook cannot be executed: no such file or directory"
    )


def test_the_umask_of_hooks_is_the_callers(hooked: Hooked) -> None:
    """Also of those that are run by the child, which changes its own while it mounts."""
    before = os.umask(0o027)
    try:
        hooks = {phase: [hooked.hook(phase, f"umask >LOG/umask.{phase}")] for phase in PHASES[:3]}
        pid = _create(hooked.jails, hooked.bundle(SLEEP, hooks))
    finally:
        os.umask(before)
    hooked.jails.operations.delete("web")
    wait(pid)

    assert {hooked.wait_for(f"umask.{phase}") for phase in PHASES[:3]} == {"0027\n"}


@pytest.mark.root
def test_create_container_hooks_are_the_hosts_programs_in_the_jails_namespaces(private_dir: str) -> None:
    """The jail's files are not executed, its mounts are seen, and what is mounted below its root is the jail's."""
    jails = Jails(private_dir, "linux")
    hooked = Hooked(jails)
    program = f"{private_dir}/hook"
    for path, text in ((program, "host"), (f"{private_dir}/hostile", "jail")):
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\necho {text} >{hooked.directory}/who\n")
        os.chmod(path, 0o755)
    namespaces = "readlink /proc/self/ns/mnt /proc/self/ns/uts >LOG/namespaces; mkdir m; mount -t tmpfs none m; "
    script = namespaces + "grep -c rootfs/dev/pts /proc/mounts >LOG/mounts"
    hooks = {"createContainer": [{"path": program}, hooked.hook("createContainer", script)]}
    bundle = hooked.bundle(["sh", "-c", "grep -c ' /m ' /proc/mounts >/log/inside; sleep 60"], hooks)
    os.makedirs(f"{bundle}/rootfs{private_dir}")
    os.rename(f"{private_dir}/hostile", f"{bundle}/rootfs{program}")

    pid = _create(jails, bundle)
    theirs = [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("mnt", "uts")]
    jails.operations.start("web")

    assert hooked.wait_for("who") == "host\n"
    assert hooked.wait_for("namespaces").split() == theirs
    assert hooked.wait_for("mounts") == "1\n"
    assert hooked.wait_for("inside") == "1\n"
    jails.finish()


@pytest.mark.root
def test_start_container_hooks_have_the_rights_of_the_process(private_dir: str) -> None:
    """They are the jail's own files, so they get no more than its program."""
    jails = Jails(private_dir, "linux")
    hooked = Hooked(jails)
    script = "id -u >LOG/uid; grep CapEff /proc/self/status >LOG/rights"
    hooks = {"startContainer": [hooked.hook("startContainer", script)]}
    _create(jails, hooked.bundle(SLEEP, hooks, uid=1000, gid=1000), start=True)

    assert hooked.wait_for("uid") == "1000\n"
    assert hooked.wait_for("rights").split()[1] == "0" * 16
    jails.finish()


@pytest.mark.root
@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_start_container_hooks_are_filtered_as_the_program_is(private_dir: str, no_new_privileges: bool) -> None:
    """A file of the jail that is called a hook does not get past its filter of system calls."""
    jails = Jails(private_dir, "linux")
    hooked = Hooked(jails)
    script = "mkdir /tmp/x 2>/dev/null && echo made >LOG/filter || echo refused >LOG/filter"
    hooks = {"startContainer": [hooked.hook("startContainer", script)]}
    refused = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}
    seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]}
    process = {"noNewPrivileges": no_new_privileges}
    path = hooked.bundle(SLEEP, hooks, process=process, linux={"seccomp": seccomp})
    os.symlink("busybox", f"{path}/rootfs/bin/mkdir")

    _create(jails, path, start=True)

    assert hooked.wait_for("filter") == "refused\n"
    jails.finish()


@pytest.mark.root
def test_limits_of_the_process_do_not_hinder_what_its_hooks_read(private_dir: str) -> None:
    """The state was written before the process lost the right to write so much."""
    jails = Jails(private_dir, "linux")
    hooked = Hooked(jails)
    hooks = {"startContainer": [{"path": "/bin/grep", "args": ["grep", "-q", '"status":']}]}
    process = {"rlimits": [{"type": "RLIMIT_FSIZE", "soft": 0, "hard": 0}]}

    pid = _create(jails, hooked.bundle(SLEEP, hooks, process=process), start=True)

    jails.operations.delete("web", force=True)
    wait(pid)
    jails.finish()


def test_hooks_have_no_terminal(jails: Jails) -> None:
    """Where the process gets one, its hooks still read the state, and what they write is for their error."""
    hooked = Hooked(jails)
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    hooks = {"startContainer": [hooked.hook("startContainer", "tty; exit 3")]}
    bundle = hooked.bundle(SLEEP, hooks, terminal=True)

    with pytest.raises(RunjdError, match='it said "not a tty"'):
        jails.operations.create("web", bundle, Terminal(theirs), runtime=jails.runtime, start=True)

    assert hooked.state("startContainer")["status"] == "created"
    ours.close()
    theirs.close()


def test_a_copy_of_the_document_that_is_gone_is_a_warning(plain_hooked: Hooked) -> None:
    """The poststop hooks cannot be known any more; the container is deleted all the same."""
    jails = plain_hooked.jails
    pid = _create(jails, plain_hooked.bundle(SLEEP, plain_hooked.every()))
    os.unlink(f"{jails.state_dir}/web/config.json")

    jails.operations.delete("web")

    wait(pid)
    assert len(jails.operations.warnings) == 1
    assert jails.operations.warnings[0].startswith("the poststop hooks of web are not run: ")
    with pytest.raises(NoSuchJail):
        jails.operations.state("web")
