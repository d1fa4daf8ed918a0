"""Tests of what every host is looked at for, and of the checks of Linux."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runjd.runtime.findings import BAD, GOOD, LACKING
from runjd.runtime.host_checks import check_clock, check_descriptors, check_directory, check_host
from runjd.runtime.linux.checks import Checks


def test_this_host_can_be_looked_at(tmp_path: Path) -> None:
    """Whatever it has."""
    found = list(check_host([str(tmp_path / "state")]))

    assert {each.level for each in found} <= {GOOD, LACKING, BAD}
    assert [each.text for each in found if each.subject.startswith("directory")] == ["will be made"]


@pytest.mark.parametrize(
    ("mode", "kind", "level", "words"),
    [
        (0o755, "directory", GOOD, "is there, mode 0755"),
        (0o777, "directory", BAD, "has mode 0777"),
        (0o600, "file", BAD, "is a symbolic link or no directory"),
    ],
)
def test_a_directory_is_ours_alone_to_write_to(tmp_path: Path, mode: int, kind: str, level: str, words: str) -> None:
    """Who else could write there could have us do what he likes."""
    path = tmp_path / "state"
    if kind == "directory":
        path.mkdir()
    else:
        path.touch()
    path.chmod(mode)

    finding = check_directory(str(path), os.geteuid())

    assert (finding.level, finding.text) == (level, words)
    assert bool(finding.advice) == (level == BAD)


def test_a_directory_of_somebody_else_is_told(tmp_path: Path) -> None:
    """By his number."""
    assert check_directory(str(tmp_path), tmp_path.stat().st_uid + 1).level == (BAD if tmp_path.stat().st_uid else GOOD)


@pytest.mark.parametrize(("most", "level"), [(256, LACKING), (20000, GOOD), (-1, GOOD), (2**63 - 1, GOOD)])
def test_descriptors_are_counted_in_jails(most: int, level: str) -> None:
    """Few of them are told with the way to more."""
    assert check_descriptors(most).level == level


def linux(tmp_path: Path, *, uid: int = 0, release: str = "6.1.0-18-amd64", library: bool = True) -> Checks:
    """Return the checks of a Linux whose procfs and control groups are directories."""
    return Checks(uid, release, str(tmp_path / "proc"), str(tmp_path / "cgroup"), lambda name: library)


def levels(checks: Checks) -> dict[str, str]:
    """Return levels by subject."""
    return {each.subject: each.level for each in checks.run()}


def test_a_linux_with_everything_is_good(tmp_path: Path) -> None:
    """Version 2 of control groups."""
    for name in ("cgroup", "ipc", "mnt", "net", "pid", "uts"):
        (tmp_path / "proc" / "self" / "ns").mkdir(parents=True, exist_ok=True)
        (tmp_path / "proc" / "self" / "ns" / name).touch()
    (tmp_path / "cgroup").mkdir()
    (tmp_path / "cgroup" / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")

    assert set(levels(linux(tmp_path)).values()) == {GOOD}


def test_a_linux_without_anything_is_told_of_each(tmp_path: Path) -> None:
    """An old kernel, no namespaces, no controllers, no library, no root."""
    assert levels(linux(tmp_path, uid=1000, release="5.10.0", library=False)) == {
        "user": BAD,
        "kernel": BAD,
        "namespaces": BAD,
        "user namespaces": GOOD,
        "control groups": LACKING,
        "system call filters": LACKING,
    }


def test_hierarchies_of_version_1_count(tmp_path: Path) -> None:
    """A directory may be of several controllers."""
    for name in ("cpu,cpuacct", "memory", "pids"):
        (tmp_path / "cgroup" / name).mkdir(parents=True)

    assert levels(linux(tmp_path))["control groups"] == GOOD


def _no_answer() -> bool:
    raise OSError(1, "Operation not permitted")


@pytest.mark.parametrize(
    ("now", "is_kept", "level", "words"),
    [
        (1_800_000_000.0, lambda: True, GOOD, "says 2027-01-15 08:00:00 UTC, and is kept"),
        (1_800_000_000.0, lambda: False, LACKING, "and nothing keeps it"),
        (
            1_800_000_000.0,
            _no_answer,
            LACKING,
            "the kernel does not tell if something keeps it: Operation not permitted",
        ),
        (86_400.0, lambda: True, BAD, "says 1970-01-02 00:00:00 UTC, which is long ago"),
    ],
)
def test_a_clock_has_to_be_believed(now: float, is_kept: Callable[[], bool], level: str, words: str) -> None:
    """What is kept is good; a host whose clock begins with the epoch cannot check a certificate."""
    found = check_clock(now, is_kept)

    assert found.level == level
    assert found.text.endswith(words)
