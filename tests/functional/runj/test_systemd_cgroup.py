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

pytestmark = pytest.mark.root

NAME = f"runjd-test-{os.getpid()}"
SLICE = f"{NAME}.slice"
UNIT = "t-web.scope"
_SYSTEMD = Path("/run/systemd/system").exists() and shutil.which("busctl") is not None
_PLACES = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
_MOUNTS = [each for each in _PLACES if (each / "cgroup.procs").exists()]

#: knows one scope: StartTransientUnit, StopUnit, and the properties Description and State
_BUSCTL = """#!/bin/sh
PATH={path}
here={here}; group={group}
shift 4
echo "$*" >>$here/asked
for word; do before=$last; last=$word; done
case $1,$5 in
call,StartTransientUnit)
    [ ! -e $here/unit ] || {{ echo "Call failed: Unit $7 was already loaded or has a fragment file." >&2; exit 1; }}
    [ ! -e $here/refuses ] || {{ echo "Call failed: Unit is masked." >&2; exit 1; }}
    echo "${{12}}" >$here/unit
    mkdir -p $group
    echo $before >$group/cgroup.procs
    echo 'o "/org/freedesktop/systemd1/job/1"' ;;
call,StopUnit)
    rmdir $group
    rm $here/unit
    echo 'o "/org/freedesktop/systemd1/job/2"' ;;
get-property,Description)
    echo "s \\"$(cat $here/unit 2>/dev/null)\\"" ;;
*) exit 1 ;;
esac
"""


@pytest.fixture
def asked(private_dir: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let runj find our busctl; return the file of what it was asked."""
    if not _MOUNTS:
        pytest.skip("this host has no control groups of version 2")
    group = _MOUNTS[0] / SLICE / UNIT
    os.mkdir(f"{private_dir}/programs")
    program = Path(private_dir, "programs", "busctl")
    program.write_text(_BUSCTL.format(path=os.environ["PATH"], here=private_dir, group=group))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    yield Path(private_dir, "asked")
    assert left() in ([], [str(group.parent)])
    if group.parent.exists():
        group.parent.rmdir()


def left() -> list[str]:
    """Return the groups of the test that are there."""
    return [root for root, _, _ in os.walk("/sys/fs/cgroup") if NAME in root]


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


def test_the_container_is_in_the_scope_alone(linux: Runj, asked: Path) -> None:
    """In each hierarchy that can be changed, and in a group below that of the scope; delete has the scope stopped."""
    linux.ok("--systemd-cgroup", "create", "-b", scoped(linux), "web")
    linux.ok("start", "web")

    pid = linux.state("web")["pid"]
    assert f"/{SLICE}/{UNIT}/container" in groups(pid)
    assert (_MOUNTS[0] / SLICE / UNIT / "container/cgroup.procs").read_text().split() == [str(pid)]
    assert not (_MOUNTS[0] / SLICE / UNIT / "cgroup.procs").read_text()
    linux.ok("pause", "web")
    linux.ok("resume", "web")
    linux.ok("delete", "--force", "web")
    assert [line.split()[4] for line in asked.read_text().splitlines()] == [
        "StartTransientUnit",
        "Description",
        "StopUnit",
        "Description",
    ]


def test_run_leaves_nothing(linux: Runj, asked: Path) -> None:
    """The scope is stopped when the program has ended."""
    assert linux.ok("--systemd-cgroup", "run", "-b", scoped(linux, "sh", "-c", "echo hello"), "web") == "hello\n"

    assert "StopUnit" in asked.read_text()


def test_what_systemd_refuses_leaves_nothing(linux: Runj, asked: Path) -> None:
    """No container, no group, and a scope of that name goes on, as it is another's."""
    asked.with_name("refuses").touch()

    message = linux.fails("--systemd-cgroup", "create", "-b", scoped(linux), "web")

    assert message == (
        f"linux.cgroupsPath: have systemd start {UNIT}: Unit is masked; "
        "the engine needs no systemd with --cgroup-manager cgroupfs"
    )
    assert linux.ok("list", "-q") == ""
    assert "StopUnit" not in asked.read_text()
    assert left() == []


def test_a_later_failure_has_the_scope_stopped(linux: Runj, asked: Path) -> None:
    """As where there is no such program."""
    assert "nosuch" in linux.fails("--systemd-cgroup", "create", "-b", scoped(linux, "nosuch"), "web")

    assert "StopUnit" in asked.read_text()
    assert linux.ok("list", "-q") == ""


def test_whoever_is_killed_between_leaves_what_delete_undoes(linux: Runj, asked: Path) -> None:
    """systemd never has answered; the process that it was given ends with who made it."""
    program = asked.with_name("programs") / "busctl"
    text = program.read_text()
    program.write_text(text.replace("    echo 'o \"/org/freedesktop/systemd1/job/1\"' ;;", "    exec sleep 60 ;;"))
    words = linux.argv("--systemd-cgroup", "create", "-b", scoped(linux), "web")
    creator = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)
    group = _MOUNTS[0] / SLICE / UNIT
    try:
        until(lambda: group.exists() and (group / "cgroup.procs").read_text(), "a process in the scope")
    finally:
        os.killpg(creator.pid, 9)
        creator.wait()
    program.write_text(text)
    linux.ok("delete", "--force", "web")

    assert linux.ok("list", "-q") == ""
    assert not group.exists()


def test_a_path_of_another_form_is_refused(linux: Runj) -> None:
    """The bundle is named, and both ways out."""
    message = linux.fails("--systemd-cgroup", "create", "-b", bundle(linux, "/jails/web", ["true"]), "web")

    assert message.endswith(
        'config.json: linux.cgroupsPath: "/jails/web" is none of systemd; '
        "expected slice:prefix:name, as machine.slice:libpod:web, or leave out --systemd-cgroup"
    )


@pytest.mark.skipif(not _SYSTEMD, reason="this host was not started by systemd, or has no busctl")
def test_systemd_knows_the_container(linux: Runj) -> None:
    """It is in its slice while it lives, keeps its limits when units are read again, and is forgotten afterwards."""

    def told(property: str) -> str:
        words = ["systemctl", "show", "--value", "-p", property, f"t-{NAME}.scope"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    made = bundle(linux, f"{SLICE}:t:{NAME}", ["sleep", "60"], pids={"limit": 7})
    linux.ok("--systemd-cgroup", "create", "-b", made, "web")
    linux.ok("start", "web")

    assert (told("ActiveState"), told("Slice"), told("Delegate")) == ("active", SLICE, "yes")
    [limit] = Path("/sys/fs/cgroup").glob(f"**/t-{NAME}.scope/container/pids.max")
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert limit.read_text() == "7\n"
    linux.ok("delete", "--force", "web")
    assert told("LoadState") == "not-found"
    assert [each for each in left() if UNIT in each or "scope" in each] == []
