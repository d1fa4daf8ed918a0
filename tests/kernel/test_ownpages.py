"""See :mod:`runjd.kernel.ownpages`."""

import os
import resource
import subprocess
import sys

import pytest

from runjd.kernel.ownpages import own_pages, private_ranges
from tests.cli.program import ROOT

_MAPS = """\
55d0c8a00000-55d0c8a2f000 r--p 00000000 fe:00 1234                       /usr/bin/python3.11
55d0c9000000-55d0c9001000 rw-p 00300000 fe:00 1234                       /usr/bin/python3 .11
55d0ca000000-55d0ca196000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000100000 rw-s 00000000 00:01 99                         /memfd:shared
7f0000200000-7f0000300000 rw-p 00000000 00:00 0
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
"""


def test_what_is_private_and_can_be_written() -> None:
    """Memory that others share, and what cannot be written, is left alone."""
    assert private_ranges(_MAPS) == [
        (0x55D0C9000000, 0x55D0C9001000),
        (0x55D0CA000000, 0x55D0CA196000),
        (0x7F0000200000, 0x7F0000300000),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="MADV_POPULATE_WRITE is Linux's")
def test_a_child_copies_nothing_any_more() -> None:
    """After a fork pages that are written cost no fault each, and hold what they held."""
    # an interpreter of its own: one that holds more than one of ours ever does is left alone
    script = (
        f"import sys; sys.path.insert(0, {ROOT!r}); from tests.kernel.test_ownpages import tell_faults; tell_faults()"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    faults = [int(each) for each in told.split()]
    assert faults[0] > 2000
    assert faults[1] < 500


def test_it_stops_where_there_is_something_better_to_do() -> None:
    """It asks before each part."""
    asked: list[bool] = []
    own_pages(lambda: asked.append(True) is None)
    assert len(asked) <= 1


def tell_faults() -> None:
    """Write how many faults a child takes as it is, and with pages of its own."""
    pages = [bytearray(b"x" * 4096) for _ in range(2000)]
    sys.stdout.write(f"{_child_faults(pages, False)} {_child_faults(pages, True)}")


def _child_faults(pages: list[bytearray], owns: bool) -> int:
    """Return how many faults a child takes to write all pages."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if owns:
                own_pages(lambda: False)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            for page in pages:
                page[17] = 65
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
            is_whole = all(page == b"x" * 17 + b"A" + b"x" * 4078 for page in pages)
            os.write(theirs, b"%d" % (faults if is_whole else 1 << 30))
        finally:
            os._exit(0)
    os.close(theirs)
    told = os.read(ours, 100)
    os.close(ours)
    os.waitpid(pid, 0)
    return int(told)
