"""Processes of FreeBSD, by the offsets that were seen on 13.2."""

from __future__ import annotations

import struct

import pytest

from runjd.kernel.freebsd import processes


def record(**changes: int) -> bytes:
    """Return a struct kinfo_proc."""
    made = bytearray(1088)
    struct.pack_into("<i", made, 0, 1088)
    struct.pack_into("<5i", made, 72, 812, 1, 811, 0, 810)
    struct.pack_into("<I", made, 168, 65534)
    struct.pack_into("<H", made, 304, 9)
    struct.pack_into("<q", made, 264, 12)
    struct.pack_into("<Q", made, 328, 1_500_000)
    struct.pack_into("<qq", made, 352, 2, 250_000)
    struct.pack_into("<qq", made, 336, changes.get("start", 1_700_000_100), 250_000)
    made[388] = changes.get("state", 3)
    made[447:452] = b"cron\0"
    struct.pack_into("<i", made, 592, 7)
    return bytes(made)


def test_kinfo_proc_is_read_by_its_offsets() -> None:
    """Records give pid, parent, group, session, user, jail, start, state, name, exit status, time and memory."""
    found = processes.parse(record() + record(state=5), 1_700_000_000_000_000)

    assert found[0] == processes.KernelProcess(812, 1, 811, 810, 65534, 7, 100_250_000, True, "cron", 9, 3.75, 12)
    assert found[1] == found[0]._replace(alive=False)


def test_another_kinfo_proc_is_refused() -> None:
    """A kernel whose structure has another size is not guessed at."""
    with pytest.raises(OSError, match="another size"):
        processes.parse(bytes(1088), 0)


def test_stepping_the_clock_does_not_change_a_start() -> None:
    """FreeBSD moves both the start and the boot time when the clock is set; their difference stays."""
    starts = {
        processes.parse(record(start=1_700_000_100 + step), (1_700_000_000 + step) * 1_000_000)[0].start_time
        for step in (0, 1000, -86400)
    }

    assert len(starts) == 1
