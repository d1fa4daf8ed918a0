"""Real jails of Linux namespaces: what the program inside finds."""

from __future__ import annotations

import os

import pytest

from runjd.errors import RunjdError, RuntimeFailure
from runjd.runtime.linux.runtime import LinuxRuntime
from runjd.runtime.privileges import LinuxPrivileges
from runjd.spec.model import Capabilities, Config, LinuxDevice, Namespace, Rlimit, Root, User
from tests.runtime.driver import KEPT, STANDARD_MOUNTS, STANDARD_NAMESPACES, Driver, config, shell

pytestmark = pytest.mark.root


def test_namespaces_are_new(driver: Driver, bundle: str) -> None:
    """Each namespace of the configuration is another than ours."""
    kinds = ("mnt", "pid", "net", "ipc", "uts", "cgroup")
    status, output = driver.run(config(_namespaces(kinds)), bundle)

    assert status == 0
    assert not set(output.split()) & {os.readlink(f"/proc/self/ns/{kind}") for kind in kinds}


def test_absent_namespace_is_shared(driver: Driver, bundle: str) -> None:
    """A namespace that the configuration does not list is the host's."""
    some = tuple(Namespace(kind) for kind in ("mount", "pid"))
    output = driver.run(config(_namespaces(("net", "uts")), hostname="", linux={"namespaces": some}), bundle)[1]

    assert output.split() == [os.readlink("/proc/self/ns/net"), os.readlink("/proc/self/ns/uts")]


def test_namespace_of_another_jail_is_joined(driver: Driver, bundle: str) -> None:
    """A namespace with a path is entered, the pid namespace too, and our own stays as it was."""
    first = driver.create(config("sleep 60"), bundle, "first")
    driver.start(first.pid)
    joined = tuple(
        Namespace(kind, f"/proc/{first.pid}/ns/{file}") for kind, file in [("pid", "pid"), ("network", "net")]
    )
    script = _namespaces(("pid", "net")) + "; grep -c . /proc/1/stat"
    second = config(script, hostname="", linux={"namespaces": (Namespace("mount"), *joined)})

    output = driver.run(second, bundle)[1]
    ours = os.readlink("/proc/self/ns/pid_for_children")

    assert output.split() == [os.readlink(f"/proc/{first.pid}/ns/{kind}") for kind in ("pid", "net")] + ["1"]
    assert ours == os.readlink("/proc/self/ns/pid")
    driver.end(first)


def test_sysctl_of_a_joined_namespace(driver: Driver, bundle: str) -> None:
    """Parameters are set in a namespace that was made before, as engines make networks, but not in the host's."""
    first = driver.create(config("sleep 60", hostname=""), bundle, "first")

    def joining(pid: object) -> Config:
        files = {"network": "net", "ipc": "ipc"}
        joined = tuple(Namespace(kind, f"/proc/{pid}/ns/{file}") for kind, file in files.items())
        asked = (("net.ipv4.ip_default_ttl", "65"), ("kernel.shmmni", "123"))
        script = "cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/shmmni"
        namespaces = (Namespace("mount"), Namespace("pid"), *joined)
        return config(script, hostname="", linux={"namespaces": namespaces, "sysctl": asked})

    before = (_read("/proc/sys/net/ipv4/ip_default_ttl"), _read("/proc/sys/kernel/shmmni"))

    assert driver.run(joining(first.pid), bundle)[1].split() == ["65", "123"]
    with pytest.raises(RunjdError, match="ip_default_ttl: would change the host"):
        driver.create(joining("self"), bundle)

    assert before == (_read("/proc/sys/net/ipv4/ip_default_ttl"), _read("/proc/sys/kernel/shmmni"))
    driver.end(first)


def test_wrong_kind_of_namespace_is_an_error(driver: Driver, bundle: str) -> None:
    """The file of another namespace than the configuration says is refused by its path."""
    wrong = (Namespace("mount"), Namespace("network", "/proc/self/ns/uts"))

    with pytest.raises(RunjdError, match="no network namespace") as caught:
        driver.create(config(hostname="", linux={"namespaces": wrong}), bundle)

    assert caught.value.details["path"] == "linux.namespaces[1].path"


def test_default_devices_work(driver: Driver, bundle: str) -> None:
    """The devices of the specification are there and are what they claim to be."""
    script = (
        "cd /dev; for d in null zero full random urandom tty; do stat -c '%n %F %t:%T %a' $d; done;"
        "for l in fd stdin stdout stderr ptmx; do readlink $l; done; "
        "echo x > null; head -c 2 zero | wc -c; echo out > stdout"
    )
    lines = driver.run(config(script), bundle)[1].splitlines()

    assert lines[0] == "null character special file 1:3 666"
    assert lines[5] == "tty character special file 5:0 666"
    assert lines[6:11] == ["/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "pts/ptmx"]
    assert lines[11:] == ["2", "out"]


def test_devices_of_the_configuration(driver: Driver, bundle: str) -> None:
    """A device has the numbers, mode and owner that it was given."""
    devices = (LinuxDevice("c", "/dev/deep/fuse", 10, 229, 0o640, 7, 8), LinuxDevice("p", "/dev/fifo"))
    script = "stat -c '%F %t:%T %a %u:%g' /dev/deep/fuse; stat -c %F /dev/fifo"

    assert driver.run(config(script, linux={"devices": devices}), bundle)[1].splitlines() == [
        "character special file a:e5 640 7:8",
        "fifo",
    ]


def test_device_that_is_something_else_is_an_error(driver: Driver, bundle: str) -> None:
    """A file of the image where a device was asked for fails the create, and stays."""
    _write(os.path.join(bundle, "rootfs/dev/fuse"), "")
    no_dev = tuple(each for each in STANDARD_MOUNTS if not each.destination.startswith("/dev"))
    asked = config(mounts=no_dev, linux={"devices": (LinuxDevice("c", "/dev/fuse", 10, 229),)})

    with pytest.raises(RunjdError, match="another file") as caught:
        driver.create(asked, bundle)

    assert caught.value.details["path"] == "linux.devices[0]"


def test_devices_without_a_mount_are_taken_away(driver: Driver, bundle: str) -> None:
    """Where /dev belongs to the image, what was made in it is removed with the jail."""
    status, output = driver.run(config("test -c /dev/null && echo there", mounts=STANDARD_MOUNTS[:1]), bundle)

    assert (status, output) == (0, "there\n")
    assert os.listdir(os.path.join(bundle, "rootfs/dev")) == []


def test_names_and_parameters_are_the_jails_own(driver: Driver, bundle: str) -> None:
    """Host name, domain name and kernel parameters are set inside, and unchanged outside."""
    before = os.uname(), _read("/proc/sys/kernel/shmmni"), _read("/proc/sys/net/ipv4/ip_forward")
    own = config(
        "hostname; cat /proc/sys/kernel/domainname /proc/sys/kernel/shmmni /proc/sys/net/ipv4/ip_forward",
        domainname="example.org",
        linux={"sysctl": (("kernel.shmmni", "123"), ("net.ipv4.ip_forward", "1"))},
    )

    assert driver.run(own, bundle)[1].split() == ["testjail", "example.org", "123", "1"]
    assert before == (os.uname(), _read("/proc/sys/kernel/shmmni"), _read("/proc/sys/net/ipv4/ip_forward"))


def test_loopback_is_up(driver: Driver, bundle: str) -> None:
    """A new network namespace has a loopback interface that works, and no other."""
    output = driver.run(config("cat /sys/class/net/lo/flags; ls /sys/class/net | grep -v tunl0"), bundle)[1]

    assert int(output.split()[0], 16) & 1
    assert "eth0" not in output


def test_capabilities_are_those_that_were_given(driver: Driver, bundle: str) -> None:
    """Each set holds exactly what the configuration says, the bounding set too."""
    given = Capabilities(
        bounding=("CAP_KILL", "CAP_CHOWN"), effective=("CAP_KILL",), permitted=("CAP_KILL",), inheritable=("CAP_KILL",)
    )
    asked = config("grep ^Cap /proc/self/status", process={"capabilities": given, "user": User(1000, 1000)})
    found = dict(line.split() for line in driver.run(asked, bundle)[1].splitlines())

    assert int(found["CapBnd:"], 16) == 1 << 5 | 1 << 0
    assert int(found["CapInh:"], 16) == 1 << 5
    # Without the ambient set an ordinary user's execve gives them up.
    assert int(found["CapEff:"], 16) == 0


def test_ambient_capabilities_survive_execve(driver: Driver, bundle: str) -> None:
    """An ordinary user keeps its ambient capabilities over execve."""
    one = ("CAP_NET_BIND_SERVICE",)
    asked = config(
        "grep ^CapEff /proc/self/status",
        process={"capabilities": Capabilities(one, one, one, one, one), "user": User(1000, 1000)},
    )

    assert int(driver.run(asked, bundle)[1].split()[1], 16) == 1 << 10


def test_capabilities_that_cannot_be_given_are_told(driver: Driver, bundle: str) -> None:
    """What no kernel has, and what contradicts itself, is left out with a notice: the jail runs (config.md)."""
    sets = Capabilities((*KEPT, "CAP_FLY"), KEPT, (), ("CAP_KILL",), ("CAP_KILL",))
    wanted = config("grep Cap /proc/self/status", process={"capabilities": sets})
    plan = driver.runtime.plan(wanted, bundle, "web")

    assert plan.notices == (
        "web: process.capabilities: CAP_FLY: not available on this host, and left out",
        "web: process.capabilities.effective: CAP_NET_BIND_SERVICE: not among the permitted ones, and left out",
    )
    assert driver.runtime.notices(shell("", capabilities=sets)) == tuple(each[5:] for each in plan.notices)
    assert driver.run(wanted, bundle)[1].split()[9] == "0000000000000000"


def test_a_limit_beyond_our_own_is_an_error(driver: Driver, bundle: str) -> None:
    """What takes rights that we lack is named by its path, in the words that engines look for."""
    if "CAP_SYS_RESOURCE" in LinuxPrivileges().available:
        pytest.skip("we have CAP_SYS_RESOURCE, which may raise every limit")
    limits = (Rlimit("RLIMIT_CORE", 0, 0), Rlimit("RLIMIT_NOFILE", 2**30, 2**30))

    with pytest.raises(RunjdError, match=r"operation not permitted; .*CAP_SYS_RESOURCE") as caught:
        driver.create(config(process={"rlimits": limits}), bundle)
    assert caught.value.details["path"] == "process.rlimits[1]"


def test_without_capabilities_none_is_left(driver: Driver, bundle: str) -> None:
    """A process that asks for no capabilities has none, as root too."""
    asked = config("grep ^Cap /proc/self/status", process={"capabilities": None})

    assert {line.split()[1] for line in driver.run(asked, bundle)[1].splitlines()} == {"0" * 16}


def test_user_groups_umask_and_limits(driver: Driver, bundle: str) -> None:
    """The process is who the configuration says, with its groups, umask, limits and no_new_privs."""
    asked = config(
        "id -u; id -g; id -G; umask; ulimit -n; ulimit -Hn; grep NoNewPrivs /proc/self/status;"
        "cat /proc/self/oom_score_adj",
        process={
            "user": User(1000, 1001, 0o027, (7, 8)),
            "rlimits": (Rlimit("RLIMIT_NOFILE", 100, 200), Rlimit("RLIMIT_CORE", 2**64 - 1, 2**64 - 1)),
            "no_new_privileges": True,
            "oom_score_adj": 321,
        },
    )

    assert driver.run(asked, bundle)[1].replace("\n", " ") == "1000 1001 1001 7 8 0027 100 200 NoNewPrivs:\t1 321 "


def test_exec_sees_the_jail(driver: Driver, bundle: str) -> None:
    """A process that joins is in all namespaces and in the root, and can be looked into by nobody."""
    held = driver.create(config("echo up; sleep 60"), bundle)
    driver.start(held.pid)
    driver.line(held.pid)
    kinds = ("mnt", "pid", "net", "ipc", "uts", "cgroup")
    script = _namespaces(kinds) + "; pwd; ls -d /bin/busybox; cat /proc/self/oom_score_adj"

    output = driver.exec(held, shell(script, oom_score_adj=77))[1].split()

    assert output[:6] == [os.readlink(f"/proc/{held.pid}/ns/{kind}") for kind in kinds]
    assert output[6:] == ["/", "/bin/busybox", "77"]
    assert os.readlink("/proc/self/ns/pid_for_children") == os.readlink("/proc/self/ns/pid")
    driver.end(held)


def test_exec_processes_are_listed_and_end_with_the_jail(driver: Driver, bundle: str) -> None:
    """A process that joined belongs to the jail, and ends with its init process."""
    held = driver.create(config("sleep 60"), bundle)
    driver.start(held.pid)
    told, tell = os.pipe()
    pid = driver.join(held, shell(""))
    if pid == 0:
        try:
            driver.runtime.enter_joined(shell(""))
            driver.runtime.appear(lambda pid: os.write(tell, b"%d" % pid) and None)
            os.execve("/bin/busybox", ["sleep", "60"], {})
        finally:
            os._exit(1)
    os.waitpid(pid, 0)
    appeared = int(os.read(told, 20))

    assert sorted(driver.runtime.processes(held)) == sorted((held.pid, appeared))
    driver.runtime.signal(held, 9, False)
    assert os.waitstatus_to_exitcode(os.waitpid(appeared, 0)[1]) == -9
    os.close(told)
    os.close(tell)
    driver.end(held)


def test_shared_pids_are_told_apart_by_their_mounts(driver: Driver, bundle: str) -> None:
    """Without a pid namespace the processes of a jail are found and killed all the same, init dead or alive."""
    asked = config(
        "sleep 61 & sleep 62 & echo up; read x < /proc/1/none; sleep 60",
        hostname="",
        linux={"namespaces": (Namespace("mount"),)},
    )
    held = driver.create(asked, bundle)
    driver.start(held.pid)
    driver.line(held.pid)

    assert len(driver.runtime.processes(held)) >= 3
    driver.runtime.signal(held, 9, False)
    # Its children hold the output open.
    os.waitid(os.P_PID, held.pid, os.WEXITED | os.WNOWAIT)
    assert len(driver.runtime.processes(held)) == 2

    driver.end(held)
    assert driver.runtime.processes(held) == ()


def test_console_is_bound(driver: Driver, bundle: str) -> None:
    """A terminal of the jail becomes its /dev/console."""
    runtime = driver.runtime
    plan = runtime.plan(config(), bundle, "web")
    read, write = os.pipe()
    pid = runtime.fork(plan)
    if pid == 0:
        try:
            runtime.enter(plan, lambda undo: None, lambda root: None)
            master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
            slave = os.open(_unlock(master), os.O_RDWR | os.O_NOCTTY)
            runtime.console(slave)
            same = os.stat("/dev/console").st_rdev == os.fstat(slave).st_rdev
            os.write(write, b"same" if same else b"other")
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)

    assert os.read(read, 100) == b"same"
    os.close(read)


def test_missing_root_is_an_error(driver: Driver, bundle: str) -> None:
    """A root that is not there, or is a file, is told before anything is forked."""
    for path in ("nothing", "rootfs/bin/busybox"):
        with pytest.raises(RuntimeFailure) as caught:
            driver.create(config(root=Root(path)), bundle)
        assert caught.value.path == "root.path"


def test_ordinary_user_is_told_of_plain() -> None:
    """Without root the error says what to use instead."""
    runtime = LinuxRuntime(uid=1000)

    with pytest.raises(RuntimeFailure, match="needs root; the plain runtime"):
        runtime.prepare(runtime.plan(config(), "/bundle", "a"), lambda undo: None)


def _namespaces(kinds: tuple[str, ...]) -> str:
    return f"for k in {' '.join(kinds)}; do readlink /proc/self/ns/$k; done"


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _unlock(master: int) -> str:
    import fcntl
    import struct

    fcntl.ioctl(master, 0x40045431, struct.pack("i", 0))
    return f"/dev/pts/{struct.unpack('I', fcntl.ioctl(master, 0x80045430, bytes(4)))[0]}"


def test_jail_in_the_pids_of_another(driver: Driver, bundle: str) -> None:
    """A pid namespace can be joined: both see each other's processes, and proc shows those."""
    first = driver.create(config("sleep 60"), bundle)
    driver.start(first.pid)
    joined = tuple(
        Namespace(each.type, f"/proc/{first.pid}/ns/pid" if each.type == "pid" else "") for each in STANDARD_NAMESPACES
    )
    second = driver.create(config("cat /proc/1/cmdline; echo; echo $$", linux={"namespaces": joined}), bundle, "second")
    driver.start(second.pid)

    status, output = driver.finish(second.pid)

    assert (status, output) == (0, "sleep\x0060\x00\n2\n")
    driver.end(second)
    driver.end(first)
