"""The meter of Linux, on real processes and on a line of proc(5)."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from runjd.kernel.files import Files
from runjd.kernel.process import boot_id, start_time
from runjd.runtime.contract import Held
from runjd.runtime.meters.linux import LinuxMeter, parse_stat, read_processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="this is about proc(5) of Linux")

_BUSY = "import os\nif os.fork() == 0:\n    os.setsid()\nwhile True: pass\n"


def test_the_name_of_a_process_may_look_like_anything() -> None:
    """Only the last parenthesis ends it; time of awaited children counts; a zombie is none."""
    numbers = " ".join(["7", "7", "5", "0", "0", "0", "0", "0", "0", "0", "100", "50", "30", "20", "20", "0", "1", "0"])
    line = f"12 (a) S (b) S {numbers} 4711 0 2 0 0\n"

    found = parse_stat(12, line)

    tick = os.sysconf("SC_CLK_TCK")
    assert found is not None
    assert (found.parent, found.session, found.start_time) == (7, 5, 4711)
    assert found.cpu == pytest.approx(200 / tick)
    assert found.memory == 2 * os.sysconf("SC_PAGE_SIZE")
    assert parse_stat(12, line.replace(") S 7", ") Z 7")) is None


def test_a_jail_without_groups_is_the_sum_of_its_processes() -> None:
    """Its child in a session of its own counts, a jail whose pid is another's now is left out."""
    program = subprocess.Popen([sys.executable, "-c", _BUSY], start_new_session=True)
    try:
        held = Held("web", program.pid, start_time(program.pid), boot_id(), "")
        records = {"web": held, "old": held._replace(id="old", start_time=held.start_time - 1)}
        meter = LinuxMeter(Files(), records.get)
        deadline = time.monotonic() + 10
        found = {}
        while time.monotonic() < deadline:
            found = meter.measure({"web": program.pid, "old": program.pid, "none": 1})
            if found["web"].processes == 2 and found["web"].cpu > 0:
                break
        assert found.keys() == {"web"}
        assert found["web"].processes == 2
        assert found["web"].cpu > 0
        assert found["web"].memory > 1 << 20
        assert found["web"].read is not None
    finally:
        for each in [each for each in read_processes(Files()) if each.parent == program.pid]:
            os.kill(each.pid, 9)
        program.kill()
        program.wait()


def test_a_record_of_another_boot_counts_nothing() -> None:
    """The pid is somebody else's."""
    held = Held("web", os.getpid(), start_time(os.getpid()), "another boot", "")

    assert LinuxMeter(Files(), lambda id: held).measure({"web": os.getpid()}) == {}
