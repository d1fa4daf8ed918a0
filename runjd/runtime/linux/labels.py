"""
Labels of security modules: AppArmor profiles and SELinux contexts.

A process says in /proc/thread-self/attr what it wants to be from its next execve on,
and what its keys are to be.  What is mounted over those files, or over /proc, would
leave it unconfined without a word (CVE-2019-16884, CVE-2025-52881).  So they are
written before the root changes, through the root of a true procfs, without crossing
a mount or following a link out of it.
"""

from __future__ import annotations

import errno
import os

from runjd.errors import RuntimeFailure, SpecError, Unsupported
from runjd.kernel.statfs import PROC_SUPER_MAGIC
from runjd.runtime.failing import failure
from runjd.runtime.linux import steps as s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runjd.kernel.linux import LinuxKernel
    from runjd.runtime.linux.mounts import MountStep
    from runjd.spec.model import Linux, Process

_APPARMOR = "process.apparmorProfile"
_SELINUX = "process.selinuxLabel"
_MOUNTS = "linux.mountLabel"
#: the profile that is none
_UNCONFINED = "unconfined"
_ENABLED = "/sys/module/apparmor/parameters/enabled"
_ENFORCE = "/sys/fs/selinux/enforce"
_WRITE = os.O_WRONLY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_CLOEXEC
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC

#: file systems that SELinux labels by itself
_SELF_LABELLED = ("proc", "sysfs")
#: where the kernel takes no context=, but the label of the mounted directory can be changed
_LABELLED_AFTERWARDS = ("mqueue",)


def module_steps(process: Process, linux: Linux | None = None) -> Iterator[s.CheckModule]:
    """Yield what the host must have for the labels that are asked for."""
    if process.apparmor_profile not in ("", _UNCONFINED):
        yield s.CheckModule("AppArmor", _APPARMOR)
    if process.selinux_label:
        yield s.CheckModule("SELinux", _SELINUX)
    if linux is not None and linux.mount_label:
        yield s.CheckModule("SELinux", _MOUNTS)


def label_steps(process: Process) -> Iterator[s.Label]:
    """Yield what gives a process its labels, on its way into the jail."""
    if process.selinux_label:
        yield s.Label(("keycreate",), process.selinux_label, _SELINUX)
        yield s.Label(("exec",), process.selinux_label, _SELINUX)
    if process.apparmor_profile not in ("", _UNCONFINED):
        # the file of its own is newer: Linux 5.8
        yield s.Label(("apparmor/exec", "exec"), f"exec {process.apparmor_profile}", _APPARMOR)


def label_mount(mount: MountStep, label: str) -> Iterator[MountStep | s.LabelMount]:
    """
    Yield the steps of a mount whose files have a label of SELinux.

    :raise SpecError: the label cannot be an option of a mount.
    """
    if '"' in label:
        raise SpecError(_MOUNTS, "has a quotation mark in it")
    if not isinstance(mount, s.MountFileSystem) or mount.type in _SELF_LABELLED:
        yield mount
    elif mount.type in _LABELLED_AFTERWARDS:
        yield mount
        yield s.LabelMount(mount.destination, label)
    else:
        data = f'context="{label}"'
        yield mount._replace(data=f"{mount.data},{data}" if mount.data else data)


def check_module(kernel: LinuxKernel, step: s.CheckModule) -> None:
    """:raise Unsupported: the security module is not at work on this host."""
    try:
        if step.module == "SELinux":
            kernel.stat(_ENFORCE)
            return
        descriptor = kernel.open(_ENABLED, _READ)
        try:
            if kernel.read(descriptor, 1) == b"Y":
                return
        finally:
            kernel.close(descriptor)
    except OSError:
        pass
    raise Unsupported(step.path, f"{step.module} is not enabled on this host")


def write_label(kernel: LinuxKernel, step: s.Label) -> None:
    """
    Ask the kernel for a label.

    :raise RunjdError: it refuses; /proc is not what it should be.
    """
    try:
        descriptor = _open_attribute(kernel, step.attributes)
        try:
            kernel.write(descriptor, step.value.encode())
        finally:
            kernel.close(descriptor)
    except OSError as error:
        raise failure(str(step), error, step.path) from error


def label_process(kernel: LinuxKernel, process: Process) -> None:
    """Give ourselves the labels of a process."""
    for step in label_steps(process):
        write_label(kernel, step)


def _open_attribute(kernel: LinuxKernel, names: tuple[str, ...]) -> int:
    proc = kernel.open("/proc", _DIRECTORY)
    try:
        if kernel.file_system(proc) != PROC_SUPER_MAGIC:
            raise RuntimeFailure("open /proc", "it is no procfs", "", errno.EINVAL)
        for name in names[:-1]:
            try:
                return kernel.open_on_mount(proc, f"thread-self/attr/{name}", _WRITE)
            except FileNotFoundError:
                pass
        return kernel.open_on_mount(proc, f"thread-self/attr/{names[-1]}", _WRITE)
    finally:
        kernel.close(proc)
