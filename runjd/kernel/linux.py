"""
All system calls that making a jail on Linux takes, as one object.

The runner (:mod:`runjd.runtime.linux.run`) calls nothing else, so a test can pass
another object that records, or fails where it is told to.
"""

from __future__ import annotations

import os

from runjd.kernel import interfaces, namespaces, openat2, prctl, statfs
from runjd.kernel import mount as mounts
from runjd.kernel.files import Files


class LinuxKernel(Files):
    """The kernel itself."""

    # mounts
    mount = staticmethod(mounts.mount)
    unmount = staticmethod(mounts.unmount)
    pivot_root = staticmethod(mounts.pivot_root)
    copy_tree = staticmethod(mounts.copy_tree)
    copy_tree_at = staticmethod(mounts.copy_tree_at)
    set_attributes = staticmethod(mounts.set_attributes)
    attach = staticmethod(mounts.attach)
    # files
    open_beneath = staticmethod(openat2.open_beneath)
    open_in_root = staticmethod(openat2.open_in_root)
    open_on_mount = staticmethod(openat2.open_on_mount)
    file_system = staticmethod(statfs.file_system)

    @staticmethod
    def set_extended_attribute(path: str, name: str, value: bytes) -> None:
        """setxattr(2)."""
        os.setxattr(path, name, value)

    # control groups, of version 2 only
    @staticmethod
    def load_device_program(instructions: bytes) -> int:
        """See :func:`runjd.kernel.bpf.load_device_program`."""
        from runjd.kernel import bpf

        return bpf.load_device_program(instructions)

    @staticmethod
    def attach_device_program(group: int, program: int) -> None:
        """See :func:`runjd.kernel.bpf.attach_device_program`."""
        from runjd.kernel import bpf

        bpf.attach_device_program(group, program)

    # namespaces
    unshare = staticmethod(namespaces.unshare)
    set_namespace = staticmethod(namespaces.set_namespace)
    set_hostname = staticmethod(namespaces.set_hostname)
    set_domainname = staticmethod(namespaces.set_domainname)
    bring_up = staticmethod(interfaces.bring_up)
    set_dumpable = staticmethod(prctl.set_dumpable)
