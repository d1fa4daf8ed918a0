"""
Pages of files that are mapped: the code of libraries, and what they only read.

Who loads a library touches much of it once, and for one page that is touched the kernel maps sixteen: a daemon holds
megabytes of what only its start has needed.  They belong to the page cache, and are the same for all who map the
file; what is needed again is mapped again, without a disk while the cache has it.  madvise(2), "MADV_DONTNEED".
"""

from __future__ import annotations

import sys

from runjd.kernel.layout import is_written, parse_mapping
from runjd.kernel.libc import c_int, c_size_t, c_void_p, libc

_MADV_DONTNEED = 4
#: PROT bits of what nobody can write to: read, and execute
_READ_ONLY = (1, 5)


class FilePages:
    """
    The pages of files that can be had again.

    What was ever written to, as what the loader has relocated, is left as it is.  So is what another thread may be
    loading just now, which writes to it between our look and our call: only what was there at the last look already is
    given back.  Not for who unloads libraries, another of which may then be in the place of one that was there.
    """

    def __init__(self) -> None:
        self._seen: frozenset[bytes] = frozenset()

    def give_back(self) -> None:
        """
        Let go of what was there at the last call, seconds ago; the first one only looks.

        It takes 2 ms.  Other systems than Linux do not say what was written to.
        """
        if sys.platform != "linux":
            return
        try:
            with open("/proc/self/maps", "rb") as file:
                lines = file.read().splitlines()
            seen, self._seen = self._seen, frozenset(lines)
            for line in lines:
                mapping, path = parse_mapping(line)
                is_file = mapping.rights in _READ_ONLY and path.startswith(b"/")
                if is_file and line in seen and not is_written(mapping):
                    libc.madvise(c_void_p(mapping.start), c_size_t(mapping.size), c_int(_MADV_DONTNEED))
        except OSError:
            # no descriptor is free, or /proc is that of others
            return
