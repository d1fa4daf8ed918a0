"""The system calls about files that Python has itself, as one object that tests can replace."""

from __future__ import annotations

import os


class Files:
    """The kernel itself."""

    open = staticmethod(os.open)
    close = staticmethod(os.close)
    fstat = staticmethod(os.fstat)
    stat = staticmethod(os.stat)
    listdir = staticmethod(os.listdir)
    readlink = staticmethod(os.readlink)
    read = staticmethod(os.read)
    write = staticmethod(os.write)
    mkdir = staticmethod(os.mkdir)
    mknod = staticmethod(os.mknod)
    chown = staticmethod(os.chown)
    chmod = staticmethod(os.chmod)
    utime = staticmethod(os.utime)
    symlink = staticmethod(os.symlink)
    rmdir = staticmethod(os.rmdir)
    unlink = staticmethod(os.unlink)
    chdir = staticmethod(os.chdir)
    chroot = staticmethod(os.chroot)
    umask = staticmethod(os.umask)
