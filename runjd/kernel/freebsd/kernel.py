"""
All system calls that a jail on FreeBSD takes, as one object.

What makes jails calls nothing else, so a test can pass another object: a kernel
in memory (:mod:`runjd.kernel.recorder`) that answers as the real one was seen to.
"""

from __future__ import annotations

import os

from runjd.kernel.freebsd import (
    cpuset,
    devfs,
    events,
    files,
    interfaces,
    jail,
    modules,
    mount,
    procctl,
    processes,
    rctl,
    sysctl,
    terminal,
)


class FreeBSDKernel:
    """The kernel itself."""

    # jails
    jail_set = staticmethod(jail.jail_set)
    jail_get = staticmethod(jail.jail_get)
    jail_attach = staticmethod(jail.jail_attach)
    jail_remove = staticmethod(jail.jail_remove)
    jail_attach_jd = staticmethod(jail.jail_attach_jd)
    jail_remove_jd = staticmethod(jail.jail_remove_jd)
    set_jail_affinity = staticmethod(cpuset.set_jail_affinity)
    jail_affinity = staticmethod(cpuset.jail_affinity)
    # mounts
    nmount = staticmethod(mount.nmount)
    unmount = staticmethod(mount.unmount)
    unmount_fsid = staticmethod(mount.unmount_fsid)
    statfs = staticmethod(mount.statfs)
    fstatfs = staticmethod(mount.fstatfs)
    getfsstat = staticmethod(mount.getfsstat)
    # rules of devfs
    use_ruleset = staticmethod(devfs.use_ruleset)
    apply_ruleset = staticmethod(devfs.apply_ruleset)
    apply_rule = staticmethod(devfs.apply_rule)
    add_rule = staticmethod(devfs.add_rule)
    delete_rule = staticmethod(devfs.delete_rule)
    rulesets = staticmethod(devfs.rulesets)
    rules = staticmethod(devfs.rules)
    # limits of resources
    rctl_get_racct = staticmethod(rctl.rctl_get_racct)
    rctl_get_rules = staticmethod(rctl.rctl_get_rules)
    rctl_get_limits = staticmethod(rctl.rctl_get_limits)
    rctl_add_rule = staticmethod(rctl.rctl_add_rule)
    rctl_remove_rule = staticmethod(rctl.rctl_remove_rule)
    # network
    move_into_jail = staticmethod(interfaces.move_into_jail)
    reclaim_from_jail = staticmethod(interfaces.reclaim_from_jail)
    create_interface = staticmethod(interfaces.create_interface)
    destroy_interface = staticmethod(interfaces.destroy_interface)
    interface_names = staticmethod(interfaces.interface_names)
    bring_up = staticmethod(interfaces.bring_up)
    add_address = staticmethod(interfaces.add_address)
    remove_address = staticmethod(interfaces.remove_address)
    has_address = staticmethod(interfaces.has_address)
    address_flags = staticmethod(interfaces.address_flags)
    # processes
    process = staticmethod(processes.process)
    processes = staticmethod(processes.processes)
    kill = staticmethod(os.kill)
    waitpid = staticmethod(os.waitpid)
    reap_acquire = staticmethod(procctl.reap_acquire)
    reap_release = staticmethod(procctl.reap_release)
    reap_status = staticmethod(procctl.reap_status)
    reap_getpids = staticmethod(procctl.reap_getpids)
    reap_kill = staticmethod(procctl.reap_kill)
    set_no_new_privileges = staticmethod(procctl.set_no_new_privileges)
    set_death_signal = staticmethod(procctl.set_death_signal)
    protect = staticmethod(procctl.protect)
    event_queue = staticmethod(events.EventQueue)
    # ourselves
    getpid = staticmethod(os.getpid)
    setsid = staticmethod(os.setsid)
    open_terminal = staticmethod(terminal.open_terminal)
    set_controlling_terminal = staticmethod(terminal.set_controlling_terminal)
    set_window_size = staticmethod(terminal.set_window_size)
    # files
    open_beneath = staticmethod(files.open_beneath)
    open = staticmethod(os.open)
    close = staticmethod(os.close)
    fstat = staticmethod(os.fstat)
    stat = staticmethod(os.stat)
    listdir = staticmethod(os.listdir)
    readlink = staticmethod(os.readlink)
    realpath = staticmethod(files.realpath)
    read = staticmethod(os.read)
    write = staticmethod(os.write)
    mkdir = staticmethod(os.mkdir)
    symlink = staticmethod(os.symlink)
    chown = staticmethod(os.chown)
    chmod = staticmethod(os.chmod)
    utime = staticmethod(os.utime)
    rename = staticmethod(os.rename)
    rmdir = staticmethod(os.rmdir)
    unlink = staticmethod(os.unlink)
    chdir = staticmethod(os.chdir)
    umask = staticmethod(os.umask)
    # the kernel itself
    kldload = staticmethod(modules.kldload)
    has_module = staticmethod(modules.has_module)
    has_kld = staticmethod(modules.has_kld)
    sysctl_text = staticmethod(sysctl.sysctl_text)
    sysctl_number = staticmethod(sysctl.sysctl_number)
