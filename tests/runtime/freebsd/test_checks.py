"""Tests of runjd.runtime.freebsd.checks, on kernels in memory that lack something."""

from __future__ import annotations

import pytest

from runjd.kernel.recorder.kernel import FreeBSDRecorder
from runjd.runtime.findings import BAD, GOOD, LACKING, Finding
from runjd.runtime.freebsd.checks import Checks


def machine() -> FreeBSDRecorder:
    """Return a host with everything."""
    kernel = FreeBSDRecorder()
    kernel.make_tree("/dev")
    kernel.nmount((("fstype", "devfs"), ("fspath", "/dev"), ("from", "devfs")))
    kernel.state.file_systems |= {"fdescfs", "procfs", "linprocfs", "linsysfs"}
    return kernel


def found(kernel: FreeBSDRecorder, subject: str, uid: int = 0) -> Finding:
    """Return what was found of a subject that begins so."""
    [finding] = [each for each in Checks(kernel, uid).run() if each.subject.startswith(subject)]
    return finding


def test_a_host_with_everything_is_good() -> None:
    """Nothing is to be done."""
    assert {each.level for each in Checks(machine(), 0).run()} == {GOOD}
    assert not [each.advice for each in Checks(machine(), 0).run() if each.advice]


def test_nothing_is_changed() -> None:
    """It is looked at only."""
    kernel = machine()
    kernel.journal.calls.clear()

    list(Checks(kernel, 0).run())

    assert set(kernel.journal.names()) <= {"sysctl_number", "has_module", "open", "close", "rulesets"}


def test_a_user_is_told_to_be_root() -> None:
    """Only root makes jails."""
    assert found(machine(), "user", 1001) == Finding("user", BAD, "user 1001 cannot make jails", "try as root")


def test_a_tunable_that_is_off_is_told_with_its_file() -> None:
    """Limits need it; what needs no limits works."""
    kernel = machine()
    kernel.state.numbers["kern.racct.enable"] = 0

    finding = found(kernel, "resource limits")

    assert finding.level == LACKING
    assert 'kern.racct.enable="1" into /boot/loader.conf' in finding.advice


def test_rulesets_that_are_not_loaded_are_named() -> None:
    """A jail would see every device."""
    kernel = machine()
    del kernel.state.rulesets[4]

    finding = found(kernel, "devfs")

    assert finding.level == BAD
    assert "not loaded: 4 (devfsrules_jail)" in finding.text
    assert "service devfs restart" in finding.advice


def test_a_dev_that_is_none_is_told() -> None:
    """As in a chroot without it."""
    kernel = FreeBSDRecorder()

    assert found(kernel, "devfs").level == BAD


@pytest.mark.parametrize(("uid", "level"), [(0, LACKING), (1001, BAD)])
def test_modules_that_are_not_loaded_are_told(uid: int, level: str) -> None:
    """Root loads them when they are needed."""
    kernel = machine()
    kernel.state.file_systems -= {"nullfs", "tmpfs"}

    finding = found(kernel, "file systems nullfs", uid)

    assert (finding.level, finding.text) == (level, "not loaded: nullfs, tmpfs")
    assert 'kld_list="nullfs tmpfs"' in finding.advice


def test_a_kernel_without_networks_for_jails_is_told() -> None:
    """VIMAGE, and epair(4)."""
    kernel = machine()
    kernel.state.modules.discard("if_epair")
    assert "epair(4) is not loaded" in found(kernel, "networks").text

    del kernel.state.numbers["kern.features.vimage"]
    assert "has no VIMAGE" in found(kernel, "networks").text
