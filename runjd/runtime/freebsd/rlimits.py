"""
Limits of a process on FreeBSD: which there are, and which the kernel cuts.

setrlimit(2) takes a value above what the system allows, and sets less without a word (seen
on 13.2).  Engines ask for 1048576 files and processes in every bundle, so that is told
and no error.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.spec.model import Process

_NAMES = "CPU FSIZE DATA STACK CORE RSS MEMLOCK NPROC NOFILE SBSIZE AS VMEM NPTS SWAP KQUEUES UMTXP PIPEBUF"
#: on whichever system this is asked
RLIMITS = frozenset(f"RLIMIT_{name}" for name in _NAMES.split())
#: sysctl(8): the most that a process may have
_MOST = {
    "RLIMIT_DATA": "kern.maxdsiz",
    "RLIMIT_NOFILE": "kern.maxfilesperproc",
    "RLIMIT_NPROC": "kern.maxprocperuid",
    "RLIMIT_STACK": "kern.maxssiz",
}
_INFINITY = 2**63 - 1


def cut_limits(kernel: FreeBSDKernel, process: Process) -> Iterator[str]:
    """Yield what is to be told of limits that the kernel will cut; no limit at all is not worth a word."""
    for index, limit in enumerate(process.rlimits):
        name = _MOST.get(limit.type)
        if name is None or limit.hard >= _INFINITY:
            continue
        try:
            most = kernel.sysctl_number(name)
        except FileNotFoundError:
            continue
        if limit.hard > most:
            yield f"process.rlimits[{index}]: {limit.type} is cut to {most}, the most that the system allows ({name})"
