"""Tests of the freebsd runtime on a kernel in memory: jails are made, entered, signalled, removed."""

from __future__ import annotations

import errno

import pytest

from runjd.errors import RunjdError, RuntimeFailure, WrongState
from runjd.kernel.recorder.journal import KernelPanic, Killed
from runjd.kernel.recorder.kernel import FreeBSDRecorder
from runjd.runtime.freebsd.plan import FILE_MOUNTS
from runjd.spec.model import Config, FreeBSDDevice, FreeBSDJail, JailAllow, Mount, Process
from tests.runtime.freebsd.configs import config
from tests.runtime.freebsd.machine import DIRECTORY, ROOT, Machine

DEV = Mount("/dev", "devfs", "devfs", ("ruleset=4",))


def rich(*, readonly: bool = False) -> Config:
    """Return a configuration that asks for one of everything."""
    jail = FreeBSDJail(
        parent="pod",
        ip4_addr=("10.0.0.1",),
        interface="lo0",
        enforce_statfs=1,
        allow=JailAllow(mount=("tmpfs",)),
    )
    return config(
        jail,
        DEV,
        Mount("/tmp", "tmpfs", "tmpfs", ("size=1m", "tmpcopyup")),
        Mount("/tmp/deep/data", "nullfs", "/srv/data", ("ro",)),
        Mount("/etc/hosts", "bind", "/srv/hosts"),
        Mount("/etc/motd", "bind", "/srv/motd"),
        devices=(FreeBSDDevice("zero", 0o600),),
        resources={"pids": {"limit": 9}, "cpu": {"cpus": "1"}},
        hostname="web",
        readonly=readonly,
    )


def rich_machine(release: str = "13.2-RELEASE") -> Machine:
    """Return a machine that has what the rich configuration wants."""
    machine = Machine(FreeBSDRecorder(release))
    machine.kernel.make_file("/srv/hosts", b"127.0.0.1 localhost\n")
    machine.kernel.make_file("/srv/motd", b"welcome\n")
    machine.kernel.make_file(f"{ROOT}/etc/motd", b"of the image\n")
    machine.kernel.jail_set(
        (
            ("name", "pod"),
            ("path", "/"),
            ("persist", True),
            ("ip4.addr", ("10.0.0.1",)),
            ("enforce_statfs", 1),
            ("allow.mount", True),
            ("allow.mount.tmpfs", True),
            *((each, 1) for each in ("sysvmsg", "sysvsem", "sysvshm")),
        ),
        1,
    )
    machine.kernel.journal.calls.clear()
    return machine


def content(machine: Machine, path: str) -> bytes:
    """Return what is in a file of the machine."""
    descriptor = machine.kernel.open(path, 0)
    try:
        return machine.kernel.read(descriptor, 1 << 16)
    finally:
        machine.kernel.close(descriptor)


def test_the_init_process_is_in_the_jail_with_all_that_was_asked_for() -> None:
    """Parameters, mounts, files, limits, addresses, processors, devices."""
    machine = rich_machine()

    held = machine.start(rich())

    kernel = machine.kernel
    seen = kernel.jail_get((("jid", held.jid),), ("name", "path", "host.hostname", "ip4.addr", "enforce_statfs"))
    assert (seen["name"], seen["path"], seen["host.hostname"]) == ("pod.web", ROOT, "web")
    assert (seen["ip4.addr"], seen["enforce_statfs"]) == (("10.0.0.1",), 1)
    process = kernel.process(held.pid)
    assert process is not None
    assert process.jid == held.jid
    assert [(each.type, each.target) for each in kernel.getfsstat()[-3:]] == [
        ("devfs", f"{ROOT}/dev"),
        ("tmpfs", f"{ROOT}/tmp"),
        ("nullfs", f"{ROOT}/tmp/deep/data"),
    ]
    assert content(machine, f"{ROOT}/etc/hosts") == b"127.0.0.1 localhost\n"
    assert content(machine, f"{ROOT}/etc/motd") == b"welcome\n"
    assert kernel.rctl_get_rules("jail:pod.web") == "jail:pod.web:maxproc:deny=9"
    assert kernel.has_address("10.0.0.1")
    assert kernel.jail_affinity(held.jid) == (1,)
    assert kernel.stat(f"{ROOT}/dev/zero").st_mode & 0o777 == 0o600


@pytest.mark.parametrize("release", ["13.2-RELEASE", "15.0-RELEASE"])
@pytest.mark.parametrize("readonly", [False, True])
def test_removal_leaves_the_host_as_it_was(readonly: bool, release: str) -> None:
    """Mounts in reverse, made directories and files, addresses, rules, the parent's room for children."""
    machine = rich_machine(release)
    before = machine.snapshot()

    held = machine.start(rich(readonly=readonly))
    assert machine.snapshot() != before
    machine.reaps(held.pid)
    machine.runtime.remove(held)

    assert machine.snapshot() == before
    assert machine.kernel.process(held.pid) is None


def test_removal_is_done_again_without_harm() -> None:
    """And after a reboot, when there is nothing but files."""
    machine = rich_machine()
    before = machine.snapshot()
    held = machine.start(rich())
    machine.reaps(held.pid)
    machine.runtime.remove(held)

    machine.runtime.remove(held)

    assert machine.snapshot() == before


def test_after_a_reboot_only_files_are_to_be_taken_away() -> None:
    """The kernel has forgotten jail, mounts, addresses and rules; what was kept aside comes back."""
    machine = rich_machine()
    held = machine.start(rich())

    machine.kernel.reboot()
    machine.runtime.remove(held)

    assert content(machine, f"{ROOT}/etc/motd") == b"of the image\n"
    assert machine.kernel.listdir(f"{ROOT}/etc") == ["motd"]


def test_a_file_kept_aside_outlives_a_reboot_that_takes_the_record() -> None:
    """/var/run is emptied at boot: the next jail of the name finds the image's file, and not the copy."""
    machine = rich_machine()
    file = config(None, Mount("/etc/motd", "bind", "/srv/motd"))
    machine.start(file)
    machine.kernel.reboot()
    machine.undo.clear()

    held = machine.start(file)
    machine.reaps(held.pid)
    machine.runtime.remove(held)

    assert content(machine, f"{ROOT}/etc/motd") == b"of the image\n"


def test_killed_at_any_call_what_is_on_record_suffices() -> None:
    """Nothing that cleans up runs, and whoever deletes it later finds all that there is."""
    for number in range(1, _count_of_calls() + 1):
        machine = rich_machine()
        before = machine.snapshot()
        machine.kernel.journal.kill(number)
        with pytest.raises(Killed):
            machine.prepare(rich())
        killed = machine.kernel.journal.calls[number - 1]
        machine.kernel.restart()
        machine.runtime.remove(machine.held())
        assert machine.snapshot() == before, f"call {number}: {killed}"


def test_hooks_see_the_root_and_leave_no_directory_open() -> None:
    """They run once, before the jail is entered."""
    machine = Machine()

    held = machine.start(config())

    assert len(machine.hooked) == 1
    assert machine.hooked[0] not in machine.kernel.state.processes[held.pid].descriptors


def test_whatever_call_fails_the_host_is_as_it_was() -> None:
    """Each call in turn: the error names the step, and what had been made is taken back."""
    calls = _count_of_calls()
    for number in range(1, calls + 1):
        machine = rich_machine()
        before = machine.snapshot()
        machine.kernel.journal.fail(number, OSError(errno.EIO, "Input/output error"))
        with pytest.raises(RunjdError, match="nput/output error"):
            machine.prepare(rich())
        failed = machine.kernel.journal.calls[number - 1]
        machine.runtime.remove(machine.held())
        assert machine.snapshot() == before, f"call {number}: {failed}"


def _count_of_calls() -> int:
    machine = rich_machine()
    machine.prepare(rich())
    return len(machine.kernel.journal.calls)


def test_a_jail_of_that_name_is_a_strangers_and_stays() -> None:
    """Also when what we made for our own is taken back."""
    machine = Machine()
    machine.kernel.jail_set((("name", "web"), ("path", ROOT), ("persist", True)), 1)
    before = machine.snapshot()

    with pytest.raises(RuntimeFailure, match='a jail named "web" exists already'):
        machine.prepare(config(None, DEV))
    machine.runtime.remove(machine.held())

    assert machine.snapshot() == before


def test_interfaces_move_in_and_come_back() -> None:
    """Into a vnet of its own."""
    machine = Machine()
    machine.kernel.create_interface("epair")
    held = machine.start(config(FreeBSDJail(vnet="new", vnet_interfaces=("epair0b",))))
    assert "epair0b" not in machine.kernel.interface_names()
    machine.reaps(held.pid)

    machine.runtime.remove(held)

    assert "epair0b" in machine.kernel.interface_names()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (config(None, DEV._replace(options=("ruleset=77",))), "devfs ruleset 77 is not loaded"),
        (config(FreeBSDJail(vnet="new", vnet_interfaces=("em7",))), "there is no interface em7"),
        (config(FreeBSDJail(ip4_addr=("10.0.0.9",), interface="em7")), "there is no interface em7"),
        (config(FreeBSDJail(parent="gone")), 'jail "gone" not found'),
        (config(None, Mount("/mnt", "nullfs", "/no/such")), "there is no /no/such on the host"),
        (config(None, Mount("/mnt", "linprocfs", "linprocfs")), "this kernel has no file system linprocfs"),
        (config(FreeBSDJail(allow=JailAllow(others=(("vmm", True),)))), "unknown parameter: allow.vmm"),
        (config(None, Mount("/etc", "nullfs", f"{ROOT}/etc")), "a directory cannot be mounted on itself"),
    ],
)
def test_what_the_host_lacks_is_told_with_the_property(given: Config, words: str) -> None:
    """And what to do, where that is known; nothing is left."""
    machine = Machine()
    before = machine.snapshot()

    with pytest.raises(RunjdError) as raised:
        machine.prepare(given)
    machine.runtime.remove(machine.held())

    assert words in str(raised.value)
    assert machine.snapshot() == before


def test_an_address_that_clashes_names_the_property() -> None:
    """The kernel says "IPv4 addresses clash"."""
    machine = Machine()
    machine.kernel.jail_set(
        (("name", "other"), ("path", "/"), ("persist", True), ("ip4.addr", ("10.0.0.1", "10.0.0.2"))), 1
    )

    with pytest.raises(RuntimeFailure) as raised:
        machine.prepare(config(FreeBSDJail(ip4_addr=("10.0.0.1",))))

    assert (raised.value.path, raised.value.errno) == ("freebsd.jail.ip4Addr", errno.EADDRINUSE)


def test_limits_without_accounting_say_what_to_do() -> None:
    """kern.racct.enable is a tunable of the loader."""
    machine = Machine()
    machine.kernel.state.numbers["kern.racct.enable"] = 0

    with pytest.raises(RuntimeFailure, match=r'linux\.resources\.pids\.limit.*kern\.racct\.enable="1".*loader\.conf'):
        machine.prepare(config(resources={"pids": {"limit": 5}}))


def test_no_file_is_mounted_on_a_kernel_that_panics() -> None:
    """It is copied; only who says that the kernel is good gets a mount, and here the kernel is not."""
    machine = rich_machine()
    file = Mount("/etc/motd", "nullfs", "/srv/motd")

    machine.prepare(config(None, file))
    assert content(machine, f"{ROOT}/etc/motd") == b"welcome\n"

    asked = config(None, file, annotations=((FILE_MOUNTS, "true"),))
    with pytest.raises(KernelPanic):
        rich_machine().prepare(asked)
    good = Machine(FreeBSDRecorder(panics_on_files=False))
    good.kernel.make_file("/srv/motd", b"welcome\n")
    good.prepare(asked)
    assert good.kernel.getfsstat()[-1].target == f"{ROOT}/etc/motd"


def test_no_directory_is_open_when_the_jail_is_entered() -> None:
    """jail_attach(2) is EPERM then; here, where the child closed nothing, because we left nothing open."""
    machine = rich_machine()
    before = dict(machine.kernel.state.me.descriptors)

    machine.prepare(rich())

    assert machine.kernel.state.me.descriptors == before


def test_a_protected_process_is_protected_before_it_enters() -> None:
    """In a jail procctl(2) is EPERM."""
    machine = Machine()

    held = machine.start(config(process=Process(("sh",), oom_score_adj=-1000)))

    assert machine.kernel.state.processes[held.pid].is_protected


def test_signals_reach_the_init_process_or_everyone() -> None:
    """From the host, without any program in the image; never a stranger that has the pid now."""
    machine = Machine()
    held = machine.start(config())
    with machine.kernel.acting_as(held.pid):
        other = machine.kernel.fork("worker")
    assert machine.runtime.processes(held) == (held.pid, other)

    machine.runtime.signal(held, 9, False)
    assert machine.kernel.state.processes[held.pid].status == 9
    assert machine.kernel.state.processes[other].status is None
    with pytest.raises(WrongState, match="is gone"):
        machine.runtime.signal(held, 9, True)
    with pytest.raises(WrongState, match="is gone"):
        machine.runtime.signal(held._replace(pid=other, start_time=1), 9, False)
    machine.runtime.signal_rest(held, 9)
    assert machine.runtime.processes(held) == ()


def test_everyone_is_signalled_at_once() -> None:
    """All processes with the jail's jid."""
    machine = Machine()
    held = machine.start(config())
    with machine.kernel.acting_as(held.pid):
        other = machine.kernel.fork("worker")

    machine.runtime.signal(held, 15, True)

    assert machine.runtime.processes(held) == ()
    assert other not in machine.kernel.state.processes


@pytest.mark.parametrize("release", ["13.2-RELEASE", "15.0-RELEASE"])
def test_a_process_joins_the_jail_late(release: str) -> None:
    """Once it has let go of its parent's descriptors, as jail_attach(2) wants; and brings none in."""
    machine = Machine(FreeBSDRecorder(release))
    held = machine.start(config())

    machine.runtime.join(held, Process(("sh",)), b"")
    pid = machine.runtime.fork_joined()
    with machine.kernel.acting_as(pid):
        machine.runtime.enter_joined(Process(("sh",)))

    joined = machine.kernel.state.processes[pid]
    assert (joined.jid, joined.descriptors) == (held.jid, {})


def test_nobody_joins_another_jail_that_has_the_number_by_now() -> None:
    """Where the kernel can hold a jail, it is looked at once more before it is entered."""
    machine = Machine(FreeBSDRecorder("15.0-RELEASE"))
    held = machine.start(config())
    machine.runtime.join(held, Process(("sh",)), b"")
    pid = machine.runtime.fork_joined()
    machine.reaps(held.pid)
    machine.runtime.remove(held)
    machine.kernel.jail_set((("jid", held.jid), ("name", "other"), ("path", "/srv/data"), ("persist", True)), 1)

    with machine.kernel.acting_as(pid), pytest.raises(RuntimeFailure, match="is another one by now"):
        machine.runtime.enter_joined(Process(("sh",)))


def test_nobody_joins_a_jail_that_is_gone() -> None:
    """Nor a stranger's of that name."""
    machine = Machine()
    held = machine.start(config())
    machine.reaps(held.pid)
    machine.runtime.remove(held)
    machine.kernel.jail_set((("name", "web"), ("path", "/srv/data"), ("persist", True)), 1)

    with pytest.raises(WrongState, match="is gone"):
        machine.runtime.join(held, Process(("sh",)), b"")


def test_a_busy_mount_is_waited_for_and_then_taken_by_force() -> None:
    """Somebody on the host has a file open there."""
    machine = Machine()
    held = machine.start(config(None, Mount("/tmp", "tmpfs", "tmpfs")))
    machine.kernel.make_file(f"{ROOT}/tmp/busy")
    machine.kernel.open(f"{ROOT}/tmp/busy", 0)
    machine.reaps(held.pid)

    machine.runtime.remove(held)

    assert [each.target for each in machine.kernel.getfsstat()] == ["/", "/dev"]


def test_a_mount_point_that_was_exchanged_is_noticed() -> None:
    """The mount is taken away from where it landed, and nothing is left outside of the root."""
    machine = Machine()
    machine.kernel.make_tree("/home/victim")
    nmount = machine.kernel.nmount

    def race(options: object, flags: int = 0) -> None:
        machine.kernel.rmdir(f"{ROOT}/tmp")
        machine.kernel.symlink("/home/victim", f"{ROOT}/tmp")
        nmount(options, flags)  # type: ignore[arg-type]

    machine.kernel.nmount = race  # type: ignore[assignment, method-assign]

    with pytest.raises(RuntimeFailure, match="was exchanged while it was used"):
        machine.prepare(config(None, Mount("/tmp", "tmpfs", "tmpfs")))

    assert [each.target for each in machine.kernel.getfsstat()] == ["/", "/dev"]


@pytest.mark.parametrize(
    ("link", "destination", "landed"),
    [
        ("/etc", "/mnt", "/etc"),
        ("../../../../../../etc", "/mnt", "/etc"),
        ("etc", "/mnt/data", "/etc/data"),
        ("/missing/dir", "/mnt", "/missing/dir"),
    ],
)
def test_links_of_the_image_lead_nowhere_else(link: str, destination: str, landed: str) -> None:
    """They are followed as if the root were "/", and what is missing there is made."""
    machine = Machine()
    machine.kernel.make_tree("/etc")
    machine.kernel.make_link(link, f"{ROOT}/mnt")

    machine.prepare(config(None, Mount(destination, "tmpfs", "tmpfs")))

    assert machine.kernel.getfsstat()[-1].target == f"{ROOT}{landed}"


def test_links_in_a_ring_are_refused() -> None:
    """ELOOP."""
    machine = Machine()
    machine.kernel.make_link("b", f"{ROOT}/a")
    machine.kernel.make_link("a", f"{ROOT}/b")

    with pytest.raises(RuntimeFailure) as raised:
        machine.prepare(config(None, Mount("/a", "tmpfs", "tmpfs")))

    assert raised.value.errno == errno.ELOOP


def test_a_read_only_root_is_an_alias_of_ours() -> None:
    """What is missing is made in the root behind it, and taken away again."""
    machine = Machine()
    held = machine.start(config(None, Mount("/new/place", "tmpfs", "tmpfs"), readonly=True))

    assert machine.kernel.jail_get((("jid", held.jid),), ("path",))["path"] == f"{DIRECTORY}/root"
    with machine.kernel.acting_as(held.pid), pytest.raises(OSError, match="Read-only"):
        machine.kernel.mkdir("/etc/new")
    machine.reaps(held.pid)
    machine.runtime.remove(held)
    assert "new" not in machine.kernel.listdir(ROOT)


def test_only_root_makes_jails() -> None:
    """Everyone else is told so before anything is done."""
    machine = Machine()
    machine.runtime._uid = 1001

    with pytest.raises(RuntimeFailure, match="needs root"):
        machine.prepare(config())
    assert machine.kernel.journal.calls == []
