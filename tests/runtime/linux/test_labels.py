"""Labels of security modules, on hosts in memory, as the machines of the tests have none."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from runjd.errors import RunjdError, Unsupported
from runjd.kernel import openat2
from runjd.kernel.statfs import PROC_SUPER_MAGIC
from runjd.runtime.linux import labels
from runjd.runtime.linux import steps as s
from runjd.runtime.linux.plan import make_plan
from runjd.runtime.linux.runtime import LinuxRuntime
from runjd.spec.model import Hook, Hooks, Mount, Process
from tests.runtime.driver import STANDARD_MOUNTS, Driver, config, shell

LABEL = "system_u:system_r:container_t:s0:c1,c2"
PROFILE = "containers-default-0.50.1"


class Host:
    """A host that has some files, below /proc/thread-self/attr some that can be written, and some kind of /proc."""

    def __init__(self, *files: str, enabled: bytes = b"Y", proc: int = PROC_SUPER_MAGIC) -> None:
        self.files = dict.fromkeys(files, b"")
        self.opened: list[str] = []
        self._enabled = enabled
        self._proc = proc

    def open(self, path: str, flags: int) -> int:
        if path != "/proc" and path not in self.files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        self.opened.append(path)
        return len(self.opened) - 1

    def open_on_mount(self, root: int, path: str, flags: int) -> int:
        assert self.opened[root] == "/proc"
        return self.open(f"/proc/{path}", flags)

    def stat(self, path: str) -> None:
        self.close(self.open(path, os.O_RDONLY))

    def read(self, descriptor: int, size: int) -> bytes:
        return self._enabled[:size]

    def write(self, descriptor: int, data: bytes) -> None:
        self.files[self.opened[descriptor]] += data

    def file_system(self, descriptor: int) -> int:
        return self._proc if self.opened[descriptor] == "/proc" else 0

    def close(self, descriptor: int) -> None:
        assert self.opened[descriptor]


def host(*attributes: str, **more: Any) -> Any:
    """Return a host whose processes have these attributes."""
    return Host(*[f"/proc/thread-self/attr/{each}" for each in attributes], **more)


def test_selinux_labels_the_process_and_its_keys() -> None:
    """The context is that of the program and of its session keyring."""
    kernel = host("exec", "keycreate")

    labels.label_process(kernel, Process(("x",), selinux_label=LABEL))

    assert set(kernel.files.values()) == {LABEL.encode()}


def test_apparmor_is_asked_by_its_own_file_where_there_is_one() -> None:
    """With several modules at work, the file that they share belongs to another one."""
    both, old = host("exec", "apparmor/exec"), host("exec")

    for kernel in (both, old):
        labels.label_process(kernel, Process(("x",), apparmor_profile=PROFILE))

    assert both.files == {
        "/proc/thread-self/attr/exec": b"",
        "/proc/thread-self/attr/apparmor/exec": b"exec " + PROFILE.encode(),
    }
    assert old.files == {"/proc/thread-self/attr/exec": b"exec " + PROFILE.encode()}


@pytest.mark.parametrize("process", [Process(("x",)), Process(("x",), apparmor_profile="unconfined")])
def test_nothing_asked_for_needs_no_module(process: Process) -> None:
    """Without a label, and with the profile that is none, nothing is looked at."""
    assert [*labels.module_steps(process), *labels.label_steps(process)] == []


def test_a_module_that_is_not_enabled_is_an_error() -> None:
    """A label that would have no effect is refused by its path."""
    asked = Process(("x",), apparmor_profile=PROFILE, selinux_label=LABEL)
    apparmor, selinux = labels.module_steps(asked)
    enabled = "/sys/module/apparmor/parameters/enabled"

    with pytest.raises(Unsupported, match="AppArmor is not enabled on this host") as caught:
        labels.check_module(Host(enabled, enabled=b"N\n"), apparmor)  # type: ignore[arg-type]
    assert caught.value.path == "process.apparmorProfile"
    with pytest.raises(Unsupported, match="SELinux is not enabled on this host") as again:
        labels.check_module(Host(), selinux)  # type: ignore[arg-type]
    assert again.value.path == "process.selinuxLabel"
    labels.check_module(Host(enabled), apparmor)  # type: ignore[arg-type]
    labels.check_module(Host("/sys/fs/selinux/enforce"), selinux)  # type: ignore[arg-type]


def test_what_is_no_procfs_is_not_written() -> None:
    """A directory that somebody mounted on /proc gets no label to keep for himself (CVE-2019-16884)."""
    kernel = host("exec", "keycreate", proc=0x01021994)

    with pytest.raises(RunjdError, match="no procfs"):
        labels.label_process(kernel, Process(("x",), selinux_label=LABEL))
    assert set(kernel.files.values()) == {b""}


@pytest.mark.root
def test_what_is_mounted_in_proc_is_not_written(private_dir: str) -> None:
    """A file over the attribute, or a procfs file over it, is not opened (CVE-2025-52881)."""
    from runjd.kernel import mount as m
    from runjd.kernel import namespaces as ns

    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            ns.unshare(ns.CLONE_NEWNS)
            m.mount(None, "/", None, m.MS_PRIVATE | m.MS_REC)
            attribute = f"/proc/{os.getpid()}/task/{os.getpid()}/attr/exec"
            m.mount("/proc/self/sched", attribute, None, m.MS_BIND)
            proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
            try:
                openat2.open_on_mount(proc, "thread-self/attr/exec", os.O_WRONLY)
            except OSError as error:
                status = 0 if error.errno == errno.EXDEV else 2
            os.close(openat2.open_on_mount(proc, "thread-self/attr/keycreate", os.O_WRONLY))
        finally:
            os._exit(status)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_labels_are_set_behind_the_hooks_and_before_the_root_changes() -> None:
    """Hooks are not confined as the jail is, and of the jail's /proc nothing is believed."""
    asked = config(
        process={"apparmor_profile": PROFILE, "selinux_label": LABEL}, hooks=Hooks(create_container=(Hook("/x"),))
    )
    plan = make_plan(asked, "/bundle", "web")
    kinds = [type(each) for each in plan.jail_steps]

    assert kinds.index(s.RunHooks) < kinds.index(s.Label) < kinds.index(s.PivotRoot)
    assert kinds.count(s.Label) == 3
    assert [each for each in plan.host_steps if isinstance(each, s.CheckModule)] == [
        s.CheckModule("AppArmor", "process.apparmorProfile"),
        s.CheckModule("SELinux", "process.selinuxLabel"),
    ]


def test_mounts_have_the_label_of_the_configuration() -> None:
    """New file systems get it as an option, mqueue afterwards; proc, sysfs and binds keep theirs."""
    mounts = (*STANDARD_MOUNTS, Mount("/dev/mqueue", "mqueue"), Mount("/x", "bind", "/x", ("bind",)))
    plan = make_plan(config(mounts=mounts, linux={"mount_label": LABEL}), "/bundle", "web")
    data = {each.destination: each.data for each in plan.jail_steps if isinstance(each, s.MountFileSystem)}

    assert data["/dev"] == f'mode=755,size=65536k,context="{LABEL}"'
    assert (data["/proc"], data["/sys"], data["/dev/mqueue"]) == ("", "", "")
    assert s.LabelMount("/dev/mqueue", LABEL) in plan.jail_steps
    assert s.CheckModule("SELinux", "linux.mountLabel") in plan.host_steps


@pytest.mark.root
@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("process.apparmorProfile", {"process": {"apparmor_profile": PROFILE}}),
        ("process.selinuxLabel", {"process": {"selinux_label": LABEL}}),
        ("linux.mountLabel", {"linux": {"mount_label": LABEL}}),
    ],
)
def test_a_host_without_the_module_refuses(bundle: str, path: str, changes: dict[str, Any]) -> None:
    """Before anything is made, the property is named."""
    if os.path.exists("/sys/fs/selinux/enforce") or os.path.exists("/sys/module/apparmor"):
        pytest.skip("this host has a security module")
    runtime = LinuxRuntime()

    with pytest.raises(Unsupported) as caught:
        runtime.prepare(runtime.plan(config(**changes), bundle, "web"), lambda undo: None)
    assert caught.value.path == path


@pytest.mark.root
def test_an_exec_on_a_host_without_the_module_is_refused(driver: Driver, bundle: str) -> None:
    """Nothing is forked for a label that cannot be had."""
    if os.path.exists("/sys/fs/selinux/enforce"):
        pytest.skip("this host has SELinux")
    held = driver.create(config("sleep 60"), bundle)
    driver.start(held.pid)

    with pytest.raises(Unsupported) as caught:
        driver.join(held, shell("", selinux_label=LABEL))
    driver.end(held)
    assert caught.value.path == "process.selinuxLabel"
