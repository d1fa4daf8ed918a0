"""
CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2025-31133, CVE-2025-52881: an image fakes what the kernel says.

Its volumes and links get in the way of /proc, /sys and /dev/null, so that masks,
sysctls and labels would be applied to something else.
"""

from __future__ import annotations

import os

import pytest

from tests.security.hostile import Hostile

pytestmark = pytest.mark.root

Config = dict[str, object]


def _mounted(hostile: Hostile, mounts: list[Config], script: str = "true") -> Config:
    return hostile.jails.config(["sh", "-c", script], mounts=mounts)


def _volume(hostile: Hostile, destination: str) -> Config:
    path = f"{hostile.directory}/volume"
    os.makedirs(f"{path}/self/attr", exist_ok=True)
    return {"destination": destination, "type": "bind", "source": path, "options": ["rbind"]}


@pytest.mark.parametrize(
    "destination",
    [
        "/proc",
        "/proc/",
        "/./proc",
        "/tmp/../proc",
        "/proc/self",
        "/proc/self/attr",
        "/proc/sys",
        "/proc/1",
        "/proc/kcore",
    ],
)
@pytest.mark.parametrize("kind", ["volume", "tmpfs"])
def test_no_volume_covers_proc(hostile: Hostile, destination: str, kind: str) -> None:
    """Whichever way an engine writes a volume that the image declares at or in /proc, create fails."""
    mount: Config = {"destination": destination, "type": "tmpfs", "source": "tmpfs"}
    if kind == "volume":
        mount = _volume(hostile, destination)

    error = hostile.runj.fails("run", "-b", hostile.jails.write(_mounted(hostile, [mount])), "web")

    assert error.startswith(f"mounts[6]: {'bind' if kind == 'volume' else 'mount'}")
    assert "proc" in error


def test_harmless_files_can_be_covered(hostile: Hostile) -> None:
    """What LXCFS does goes on to work."""
    path = f"{hostile.directory}/uptime"
    with open(path, "w") as file:
        file.write("1.00 1.00\n")
    mount: Config = {"destination": "/proc/uptime", "type": "bind", "source": path, "options": ["bind"]}

    assert hostile.runj.ok("run", "-b", hostile.jails.write(_mounted(hostile, [mount], "cat /proc/uptime")), "web") == (
        "1.00 1.00\n"
    )


@pytest.mark.parametrize("name", ["proc", "sys"])
@pytest.mark.parametrize("target", ["tmp", "/tmp", "../../../../proc", "/proc/self", "dev/shm"])
def test_no_link_takes_the_place_of_proc_or_sys(hostile: Hostile, name: str, target: str) -> None:
    """/proc and /sys are mounted where they are said to be, or not at all."""
    bundle = hostile.jails.bundle(["true"])
    os.rmdir(f"{bundle}/rootfs/{name}")
    os.symlink(target, f"{bundle}/rootfs/{name}")

    assert "symbolic links" in hostile.runj.fails("run", "-b", bundle, "web")


def test_a_volume_with_proc_in_it_is_of_no_use(hostile: Hostile) -> None:
    """A link in a volume, below which the engine mounts, does not lead the mount into proc (CVE-2019-19921)."""
    os.mkdir(f"{hostile.directory}/shared")
    os.symlink("/proc", f"{hostile.directory}/shared/proc")
    shared: Config = {
        "destination": "/shared",
        "type": "bind",
        "source": f"{hostile.directory}/shared",
        "options": ["bind"],
    }

    error = hostile.runj.fails(
        "run", "-b", hostile.jails.write(_mounted(hostile, [shared, _volume(hostile, "/shared/proc/self/attr")])), "web"
    )

    assert "symbolic links of the root lead it into /proc or /sys" in error


def test_masks_are_the_hosts_null(hostile: Hostile) -> None:
    """An image whose /dev/null is a link to what it wants to write gets the host's in its masks (CVE-2025-31133)."""
    config = hostile.jails.config(["sh", "-c", "cat /proc/keys | wc -c; ls -l /proc/keys; cat /dev/null"])
    assert isinstance(config["mounts"], list)
    config["mounts"] = [each for each in config["mounts"] if not str(each["destination"]).startswith("/dev")]
    bundle = hostile.jails.write(config)
    os.symlink("/proc/sys/kernel/core_pattern", f"{bundle}/rootfs/dev/null")

    done = hostile.runj("run", "-b", bundle, "web")

    # the image's own /dev/null is its own affair
    assert done.stdout.startswith("0\n") or "exist" in done.stderr or "another file there" in done.stderr
    if done.returncode == 0:
        assert "1,   3" in done.stdout


def test_masks_hide_what_links_lead_to(hostile: Hostile) -> None:
    """A masked path that the image made a link hides its target in the image, and nothing of the host."""
    config = hostile.jails.config(["sh", "-c", "cat /etc/secret; ls /tmp/hidden | wc -l"])
    config["linux"]["maskedPaths"] += ["/secret", "/dir", "/out"]  # type: ignore[index]
    bundle = hostile.jails.write(config)
    root = f"{bundle}/rootfs"
    with open(f"{root}/etc/secret", "w") as file:
        file.write("swordfish")
    os.makedirs(f"{root}/tmp/hidden/deep")
    os.symlink("etc/secret", f"{root}/secret")
    os.symlink("../../../tmp/hidden", f"{root}/dir")
    os.symlink(f"../../../../../../..{hostile.directory}", f"{root}/out")

    assert hostile.runj.ok("run", "-b", bundle, "web") == "0\n"


def test_sysctls_go_to_the_kernel(hostile: Hostile) -> None:
    """An image with a /proc/sys of its own keeps it as it is: parameters are written by the host's (CVE-2025-52881)."""
    config = hostile.jails.config(["sh", "-c", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start"])
    config["linux"]["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "77"}  # type: ignore[index]
    bundle = hostile.jails.write(config)
    fake = f"{bundle}/rootfs/proc/sys/net/ipv4"
    os.makedirs(fake)
    with open(f"{fake}/ip_unprivileged_port_start", "w") as file:
        file.write("fake")

    assert hostile.runj.ok("run", "-b", bundle, "web") == "77\n"
    with open(f"{fake}/ip_unprivileged_port_start") as file:
        assert file.read() == "fake"


@pytest.mark.parametrize(
    "name",
    [
        "kernel.core_pattern",
        "kernel/core_pattern",
        "net/../kernel/core_pattern",
        "net.ipv4/../../kernel.core_pattern",
        "net/./../kernel/core_pattern",
        "net//../kernel/core_pattern",
        "kernel.shm_rmid_forced+kernel.core_pattern",
        "kernel.shm_rmid_forced=1+kernel.core_pattern",
        "net.ipv4.ip_forward\nkernel.core_pattern",
        "fs/mqueue/../../kernel/core_pattern",
        "fs.mqueue.msg_max/../../../kernel/core_pattern",
        "vm.overcommit_memory",
        "kernel.hostname",
        "net",
        "/kernel/core_pattern",
        "",
    ],
)
def test_no_parameter_of_the_host_is_set(hostile: Hostile, name: str) -> None:
    """Whatever a name is made of, it reaches nothing but what a namespace keeps apart (CVE-2022-0811)."""
    with open("/proc/sys/kernel/core_pattern") as file:
        before = file.read()
    config = hostile.jails.config(["true"])
    config["linux"]["sysctl"] = {name: "|/evil"}  # type: ignore[index]

    assert "linux.sysctl" in hostile.runj.fails("run", "-b", hostile.jails.write(config), "web")
    with open("/proc/sys/kernel/core_pattern") as file:
        assert file.read() == before
