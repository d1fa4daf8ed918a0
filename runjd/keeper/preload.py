"""
Loads all that a worker can need, and then nothing any more.

A worker must not pay for imports, a child must not import from inside a jail,
and a keeper that outlives an upgrade must not mix two versions.
"""

from __future__ import annotations

import sys

# ruff: noqa: F401 - loaded for what they leave in sys.modules


def preload() -> None:
    """Load every module that an operation on a jail uses on this platform."""
    import encodings.ascii
    import encodings.latin_1
    import encodings.unicode_escape

    import runjd.container.clientio
    import runjd.container.console
    import runjd.container.control
    import runjd.container.create
    import runjd.container.delete
    import runjd.container.destroy
    import runjd.container.embody
    import runjd.container.execute
    import runjd.container.init_hooks
    import runjd.container.loggers
    import runjd.container.operations
    import runjd.container.poststart
    import runjd.container.readiness
    import runjd.container.rootmounts
    import runjd.container.start
    import runjd.container.stdio
    import runjd.container.survey
    import runjd.kernel.pidfd
    import runjd.runtime.plain
    import runjd.spec.parse
    import runjd.spec.parse_freebsd
    import runjd.spec.parse_resources

    if sys.platform == "linux":
        import runjd.kernel.bpf
        import runjd.kernel.capabilities
        import runjd.kernel.keyring
        import runjd.kernel.pidfdwatch
        import runjd.kernel.prctl
        import runjd.kernel.scheduling
        import runjd.kernel.seccomp
        import runjd.runtime.copyup
        import runjd.runtime.linux.cgroup.freezing
        import runjd.runtime.linux.cgroup.gathering
        import runjd.runtime.linux.cgroup.living
        import runjd.runtime.linux.cgroup.making
        import runjd.runtime.linux.cgroup.removing
        import runjd.runtime.linux.cgroup.view
        import runjd.runtime.linux.entering
        import runjd.runtime.linux.filter_cache
        import runjd.runtime.linux.labels
        import runjd.runtime.linux.leaving
        import runjd.runtime.linux.rootmounts
        import runjd.runtime.linux.runtime
        import runjd.runtime.linux.scope.making
        import runjd.runtime.linux.scope.units
        import runjd.runtime.linux.syscall_filter
        import runjd.spec.parse_scheduling
        import runjd.spec.parse_seccomp
    else:
        import runjd.kernel.freebsd.kernel
        import runjd.kernel.freebsd.kqueuewatch
        import runjd.runtime.freebsd.extension
        import runjd.runtime.freebsd.rootmounts
        import runjd.runtime.freebsd.runtime


def close_imports() -> None:
    """Make any further import fail: there is nowhere to import from."""
    sys.meta_path.clear()
    sys.path.clear()
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()
