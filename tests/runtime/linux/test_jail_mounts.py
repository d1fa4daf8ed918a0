"""Real jails of Linux namespaces: what is mounted in them, and that nothing of it shows outside."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from runjd.errors import RunjdError
from runjd.kernel import mount as m
from runjd.kernel import namespaces as ns
from runjd.spec.model import Capabilities, Mount, Namespace, Root
from tests.runtime.driver import STANDARD_MOUNTS, Driver, config, mounts, read_all

pytestmark = pytest.mark.root


def test_mounts_are_seen_with_their_options(driver: Driver, bundle: str) -> None:
    """The mounts of the configuration are there, in order, and nothing of the host's."""
    output = driver.run(config("cat /proc/mounts"), bundle)[1]
    seen = [line.split()[1:4] for line in output.splitlines()]

    assert [each[0] for each in seen] == ["/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/sys"]
    assert {"nosuid", "noexec", "nodev"} <= set(seen[1][2].split(","))
    assert "mode=755" in seen[2][2]
    assert seen[5][2].startswith("ro,")


def test_binds_of_files_and_directories(driver: Driver, bundle: str) -> None:
    """Sources are relative to the bundle; missing mount points are made and taken away again."""
    os.mkdir(os.path.join(bundle, "data"))
    _write(os.path.join(bundle, "data/one"), "1")
    _write(os.path.join(bundle, "file"), "2")
    binds = (
        Mount("/srv/www/data", "bind", "data", ("rbind", "ro")),
        Mount("/etc/motd", "bind", "file", ("bind",)),
    )
    script = "cat /srv/www/data/one /etc/motd; echo 3 > /etc/motd; touch /srv/www/data/x 2>&1"

    status, output = driver.run(config(script, mounts=(*STANDARD_MOUNTS, *binds)), bundle)

    assert output.startswith("12")
    assert "Read-only file system" in output
    assert status == 1
    assert _read(os.path.join(bundle, "file")) == "3\n"


def test_read_only_reaches_the_mounts_below(driver: Driver, bundle: str) -> None:
    """``rro`` makes what is mounted below a bind read-only too, ``ro`` only the bind itself."""
    for name in ("data", "data/below"):
        os.mkdir(os.path.join(bundle, name))

    def look() -> str:
        m.mount("tmpfs", os.path.join(bundle, "data/below"), "tmpfs", 0)
        said = ""
        for options in (("rbind", "ro"), ("rbind", "rro")):
            script = "touch /mnt/x 2>/dev/null || echo top; touch /mnt/below/x 2>/dev/null || echo below"
            both = config(script, mounts=(*STANDARD_MOUNTS, Mount("/mnt", "bind", "data", options)))
            said += ",".join(driver.run(both, bundle)[1].split()) + ";"
        return said

    assert _in_own_mounts(look) == "top;top,below;"


def test_tmpcopyup_shows_what_was_there(driver: Driver, bundle: str) -> None:
    """A tmpfs with tmpcopyup begins with the content of the directory it hides, owners and links included."""
    source = os.path.join(bundle, "rootfs/etc")
    os.mkdir(os.path.join(source, "sub"), 0o750)
    _write(os.path.join(source, "sub/file"), "hello")
    os.chown(os.path.join(source, "sub/file"), 5, 6)
    os.symlink("/nowhere", os.path.join(source, "link"))
    os.mkfifo(os.path.join(source, "fifo"))
    filled = (*STANDARD_MOUNTS, Mount("/etc", "tmpfs", "tmpfs", ("tmpcopyup",)))
    script = (
        "cat /etc/sub/file; stat -c ' %u %g' /etc/sub/file; readlink /etc/link; stat -c %a /etc/sub; ls /etc;"
        "rm -r /etc/sub"
    )

    assert driver.run(config(script, mounts=filled), bundle) == (0, "hello 5 6\n/nowhere\n750\nlink\nsub\n")
    assert os.path.exists(os.path.join(source, "sub/file"))


def test_a_tmpfs_has_the_mode_it_was_told_or_that_of_what_it_hides(driver: Driver, bundle: str) -> None:
    """The option counts first, then the directory of the image; where there was none, anybody may write."""
    for name in ("told", "hidden", "filled"):
        os.mkdir(os.path.join(bundle, "rootfs", name))
        os.chmod(os.path.join(bundle, "rootfs", name), 0o751)
        os.chown(os.path.join(bundle, "rootfs", name), 5, 6)
    mounts = (
        Mount("/told", "tmpfs", "tmpfs", ("tmpcopyup", "mode=711", "gid=8")),
        Mount("/hidden", "tmpfs", "tmpfs", ()),
        Mount("/filled", "tmpfs", "tmpfs", ("tmpcopyup", "size=64k")),
        Mount("/new", "tmpfs", "tmpfs", ("tmpcopyup",)),
        Mount("/new/told", "tmpfs", "tmpfs", ("tmpcopyup", "mode=700")),
    )
    script = "stat -c '%a %u %g' /told /hidden /filled /new /new/told"

    output = driver.run(config(script, mounts=(*STANDARD_MOUNTS, *mounts)), bundle)[1]

    assert output.split("\n")[:5] == ["711 5 8", "751 0 0", "751 5 6", "1777 0 0", "700 0 0"]


def test_masked_paths_are_hidden(driver: Driver, bundle: str) -> None:
    """A masked file reads as empty, a masked directory is empty, an absent one is no error."""
    masked = ("/proc/timer_list", "/proc/acpi", "/sys/firmware", "/proc/no/such")
    script = (
        "wc -c < /proc/timer_list; ls /sys/firmware | wc -l; touch /sys/firmware/x 2>&1; stat -c %t:%T /proc/timer_list"
    )

    lines = driver.run(config(script, linux={"masked_paths": masked}), bundle)[1].splitlines()

    assert lines[:2] == ["0", "0"]
    assert "Read-only" in lines[2]
    assert lines[3] == "1:3"


def test_mask_does_not_trust_the_devices_of_the_jail(driver: Driver, bundle: str) -> None:
    """Masking uses the host's /dev/null, whatever the image calls so (CVE-2025-31133)."""
    os.symlink("/proc/sys/kernel/hostname", os.path.join(bundle, "rootfs/dev/null"))
    no_dev = tuple(each for each in STANDARD_MOUNTS if not each.destination.startswith("/dev"))

    output = driver.run(
        config("wc -c < /proc/timer_list", mounts=no_dev, linux={"masked_paths": ("/proc/timer_list",)}), bundle
    )

    assert output == (0, "0\n")


def test_readonly_paths_keep_their_other_flags(driver: Driver, bundle: str) -> None:
    """A read-only path cannot be written, and stays nosuid, nodev and noexec."""
    script = "echo 1 > /proc/sys/kernel/shmmax; grep ' /proc/sys ' /proc/mounts"
    output = driver.run(config(script, linux={"readonly_paths": ("/proc/sys", "/proc/none")}), bundle)[1]

    assert "Read-only file system" in output
    assert "ro,nosuid,nodev,noexec" in output


def test_root_can_be_read_only(driver: Driver, bundle: str) -> None:
    """A read-only root keeps the mounts on it writable."""
    script = "touch /x 2>&1; touch /dev/shm/x && echo fine"
    output = driver.run(config(script, root=Root("rootfs", readonly=True)), bundle)[1]

    assert "Read-only file system" in output
    assert output.endswith("fine\n")


def test_cgroups_are_shown(driver: Driver, bundle: str) -> None:
    """The cgroup mount shows the jail's own groups, with and without a namespace of its own."""
    shown = (*STANDARD_MOUNTS, Mount("/sys/fs/cgroup", "cgroup", "cgroup", ("nosuid", "ro")))
    for kinds in (("mount", "pid", "cgroup"), ("mount", "pid")):
        some = config(
            "find /sys/fs/cgroup -name cgroup.procs -maxdepth 2 | head -1; mkdir /sys/fs/cgroup/x",
            hostname="",
            mounts=shown,
            linux={"namespaces": tuple(Namespace(kind) for kind in kinds)},
        )
        status, output = driver.run(some, bundle)

        assert output.startswith("/sys/fs/cgroup/")
        assert status == 1


@pytest.mark.parametrize(
    ("mount", "reason"),
    [
        (Mount("/x", "bind", "missing", ("rbind",)), "on the host"),
        (Mount("/x", "nofs", "none"), "no such device"),
        (Mount("/x", "tmpfs", "tmpfs", ("size=nonsense",)), "invalid argument"),
        (Mount("/bin/busybox", "tmpfs", "tmpfs"), "not a directory"),
        (Mount("/bin/busybox/x", "tmpfs", "tmpfs"), "not a directory"),
    ],
)
def test_mount_that_cannot_be_made(driver: Driver, bundle: str, mount: Mount, reason: str) -> None:
    """The error names the mount, the reason and the path, and the mount points made so far are gone."""
    made = Mount("/made/before", "tmpfs", "tmpfs")

    with pytest.raises(RunjdError, match=reason) as caught:
        driver.create(config(mounts=(*STANDARD_MOUNTS, made, mount)), bundle)

    assert caught.value.details["path"] == f"mounts[{len(STANDARD_MOUNTS) + 1}]"
    assert mount.destination in str(caught.value)


def test_host_mounts_do_not_receive_the_jails(driver: Driver, bundle: str) -> None:
    """Nothing mounted in a jail shows on the host, even where the host's mounts are shared."""

    def look() -> str:
        m.mount(None, "/", None, m.MS_SHARED | m.MS_REC)
        before = mounts()
        both = (*STANDARD_MOUNTS, Mount("/made", "tmpfs", "tmpfs"))
        driver.run(config("true", mounts=both, linux={"rootfs_propagation": "rshared"}), bundle)
        driver.run(config("true", mounts=both), bundle)
        return "the same" if mounts() == before else "more"

    assert _in_own_mounts(look) == "the same"


def test_shared_bind_reaches_the_host(driver: Driver, bundle: str) -> None:
    """What is mounted below a bind that is shared on purpose shows on the host; below others it does not."""
    os.mkdir(os.path.join(bundle, "data"))
    admin = ("CAP_SYS_ADMIN",)
    rights = {"capabilities": Capabilities(admin, admin, (), admin, ())}

    def look() -> str:
        m.mount("tmpfs", os.path.join(bundle, "data"), "tmpfs", 0)
        m.mount(None, os.path.join(bundle, "data"), None, m.MS_SHARED)
        said = ""
        for options in (("rbind",), ("rbind", "rslave"), ("rbind", "rshared")):
            bind = Mount("/mnt", "bind", "data", options)
            script = "mkdir -p /mnt/x; mount -t tmpfs tmpfs /mnt/x && echo up; sleep 60"
            held = driver.create(config(script, mounts=(*STANDARD_MOUNTS, bind), process=rights), bundle)
            driver.start(held.pid)
            said += driver.line(held.pid) + (":seen " if any("data/x" in each for each in mounts()) else ":hidden ")
            driver.end(held)
        return said

    assert _in_own_mounts(look) == "up:hidden up:hidden up:seen "


def _in_own_mounts(look: Callable[[], str]) -> str:
    """Return what a function says that runs in a child with a private mount namespace."""
    read, write = os.pipe()
    pid = ns.clone_process(ns.CLONE_NEWNS)
    if pid == 0:
        try:
            m.mount(None, "/", None, m.MS_PRIVATE | m.MS_REC)
            said = look()
        except BaseException as error:
            said = repr(error)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    said = read_all(read)
    os.close(read)
    os.waitpid(pid, 0)
    return said


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
