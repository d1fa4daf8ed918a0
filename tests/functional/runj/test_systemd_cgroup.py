"""``runj --systemd-cgroup``, on a host whose busctl is a small program of ours, and where systemd runs, on its."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.jails import until
from tests.functional.runj.command import Runj
from tests.runtime.linux.small_busctl import SmallBusctl

pytestmark = pytest.mark.root

NAME = f"runjd-test-{os.getpid()}"
SLICE = f"{NAME}.slice"
_SYSTEMD = Path("/run/systemd/system").exists() and shutil.which("busctl") is not None


@pytest.fixture
def busctl(private_dir: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallBusctl]:
    """Let runj find our busctl."""
    made = SmallBusctl(private_dir, NAME, monkeypatch)
    yield made
    made.end()


def bundle(runj: Runj, path: str, args: list[str], **resources: object) -> str:
    """Return a bundle that names a group in systemd's way."""
    config = runj.jails.config(args)
    assert isinstance(config["linux"], dict)
    config["linux"] |= {"cgroupsPath": path, "resources": resources}
    return runj.jails.write(config)


def scoped(runj: Runj, *args: str) -> str:
    """Return a bundle of the scope that our busctl knows."""
    return bundle(runj, f"{SLICE}:t:web", list(args) or ["sleep", "60"])


def groups(pid: object) -> list[str]:
    """Return the paths of the groups of a process, one for each hierarchy."""
    return [line.split(":", 2)[2] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]


def test_the_container_is_in_the_scope_alone(linux: Runj, busctl: SmallBusctl) -> None:
    """In each hierarchy that can be changed, and in a group below that of the scope; delete has the scope stopped."""
    linux.ok("--systemd-cgroup", "create", "-b", scoped(linux), "web")
    linux.ok("start", "web")

    pid = linux.state("web")["pid"]
    assert busctl.below in groups(pid)
    assert (busctl.group / "container/cgroup.procs").read_text().split() == [str(pid)]
    assert not (busctl.group / "cgroup.procs").read_text()
    linux.ok("pause", "web")
    linux.ok("resume", "web")
    linux.ok("delete", "--force", "web")
    assert busctl.methods() == ["StartTransientUnit", "Description", "StopUnit", "Description"]


def test_run_leaves_nothing(linux: Runj, busctl: SmallBusctl) -> None:
    """The scope is stopped when the program has ended."""
    assert linux.ok("--systemd-cgroup", "run", "-b", scoped(linux, "sh", "-c", "echo hello"), "web") == "hello\n"

    assert "StopUnit" in busctl.methods()


def test_what_systemd_refuses_leaves_nothing(linux: Runj, busctl: SmallBusctl) -> None:
    """No container, no group, and a scope of that name goes on, as it is another's."""
    busctl.refuse()

    message = linux.fails("--systemd-cgroup", "create", "-b", scoped(linux), "web")

    assert message == (
        f"linux.cgroupsPath: have systemd start {busctl.unit}: Unit is masked; "
        "systemd is not needed with podman's --cgroup-manager cgroupfs, "
        "or without SystemdCgroup in containerd's configuration"
    )
    assert linux.ok("list", "-q") == ""
    assert "StopUnit" not in busctl.methods()
    assert busctl.left() == []


def test_a_later_failure_has_the_scope_stopped(linux: Runj, busctl: SmallBusctl) -> None:
    """As where there is no such program."""
    assert "nosuch" in linux.fails("--systemd-cgroup", "create", "-b", scoped(linux, "nosuch"), "web")

    assert "StopUnit" in busctl.methods()
    assert linux.ok("list", "-q") == ""


def test_whoever_is_killed_between_leaves_what_delete_undoes(linux: Runj, busctl: SmallBusctl) -> None:
    """systemd never has answered; the process that it was given ends with who made it."""
    text = busctl.program.read_text()
    busctl.program.write_text(
        text.replace("    echo 'o \"/org/freedesktop/systemd1/job/1\"' ;;", "    exec sleep 60 ;;")
    )
    words = linux.argv("--systemd-cgroup", "create", "-b", scoped(linux), "web")
    creator = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        until(lambda: busctl.group.exists() and (busctl.group / "cgroup.procs").read_text(), "a process in the scope")
    finally:
        os.killpg(creator.pid, 9)
        creator.wait()
    busctl.program.write_text(text)
    linux.ok("delete", "--force", "web")

    assert linux.ok("list", "-q") == ""
    assert not busctl.group.exists()


def test_a_path_of_another_form_is_refused(linux: Runj) -> None:
    """The bundle is named, and both ways out."""
    message = linux.fails("--systemd-cgroup", "create", "-b", bundle(linux, "/jails/web", ["true"]), "web")

    assert message.endswith(
        'config.json: linux.cgroupsPath: "/jails/web" is none of systemd; '
        "expected slice:prefix:name, as machine.slice:libpod:web, "
        "or leave out --systemd-cgroup, in containerd's configuration SystemdCgroup"
    )


@pytest.mark.skipif(not _SYSTEMD, reason="this host was not started by systemd, or has no busctl")
def test_systemd_knows_the_container(linux: Runj) -> None:
    """It is in its slice while it lives, keeps its limits when units are read again, and is forgotten afterwards."""

    def told(property: str) -> str:
        words = ["systemctl", "show", "--value", "-p", property, f"t-{NAME}.scope"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    made = bundle(linux, f"{SLICE}:t:{NAME}", ["sleep", "60"], pids={"limit": 7}, cpu={"shares": 512})
    linux.ok("--systemd-cgroup", "create", "-b", made, "web")
    linux.ok("start", "web")

    assert (told("ActiveState"), told("Slice"), told("Delegate")) == ("active", SLICE, "yes")
    assert (told("CPUWeight"), told("CPUShares")) in (("20", "[not set]"), ("[not set]", "512"))
    linux.ok("update", "--cpu-share", "1024", "web")
    assert (told("CPUWeight"), told("CPUShares")) in (("39", "[not set]"), ("[not set]", "1024"))
    [limit] = Path("/sys/fs/cgroup").glob(f"**/t-{NAME}.scope/container/pids.max")
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert limit.read_text() == "7\n"
    linux.ok("delete", "--force", "web")
    assert told("LoadState") == "not-found"
    assert not list(Path("/sys/fs/cgroup").glob(f"**/t-{NAME}.scope"))
