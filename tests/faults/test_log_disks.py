"""Disks that are full, slow or dead under the logs, with a real daemon."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.faults.logged import LoggedDaemon, SmallDisk
from tests.functional.daemon import wait_until

pytestmark = [pytest.mark.root, pytest.mark.linux]

_COUNTING = "for n in range(%d, %d, 100):\n    os.write(1, b''.join(b'%%06d\\n' %% i for i in range(n, n + 100)))\n"
_GAP = re.compile(rb"\[runjd: (\d+) bytes, (\d+) lines?, were left out here: [^\n]*\]\n")


def counting(begin: int, end: int) -> str:
    """Return a program that writes these numbers, seven bytes each."""
    return _COUNTING % (begin, end)


@pytest.fixture
def logged() -> Iterator[LoggedDaemon]:
    """Return a daemon that is to be described and started."""
    made = LoggedDaemon()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def disk(logged: LoggedDaemon) -> Iterator[SmallDisk]:
    """Return a disk of 1 MiB for the logs, and for what the daemon itself says."""
    made = SmallDisk(logged.logs, 1024)
    logged._words = f"{logged.logs}/daemon.words"
    try:
        yield made
    finally:
        logged.stop()
        made.remove()


def test_a_full_disk_makes_its_jails_wait(logged: LoggedDaemon, disk: SmallDisk) -> None:
    """Nothing is lost, the daemon lives and answers, says what is wrong, and all goes on by itself."""
    for name, begin in (("one", 0), ("two", 500_000)):
        logged.jail(name, counting(begin, begin + 200_000), 'format = "raw"')
    logged.start()
    logged.start_jail("one")
    logged.start_jail("two")
    wait_until(lambda: "log" in str(logged.status("one").get("reason", "")), "no trouble is told")
    wait_until(lambda: "log" in str(logged.status("two").get("reason", "")), "no trouble is told")
    before = logged.cpu()
    logged.runjctl("restart", "--timeout", "0", "--wait", "none", "nobody", ok=False)
    assert logged.answers_in() < 2
    time.sleep(0.5)
    assert logged.cpu() - before < 0.4
    assert "No space left" in str(logged.status("one")["reason"])
    assert logged.status("one")["status"] == "running"

    disk.resize(8192)
    for name in ("one", "two"):
        logged.wait_for_end(name)

    assert logged.files("one") == [b"".join(b"%06d\n" % n for n in range(200_000))]
    assert logged.files("two") == [b"".join(b"%06d\n" % n for n in range(500_000, 700_000))]
    assert "reason" not in {key for key, value in logged.status("one").items() if value}
    words = logged.words()
    assert "Traceback" not in words


def test_a_full_disk_makes_a_jail_lose_lines_that_asked_for_it(logged: LoggedDaemon, disk: SmallDisk) -> None:
    """It ends while the disk is full; what is missing is counted to the byte."""
    logged.jail("loses", counting(0, 700_000), 'format = "raw", pressure = "drop"')
    logged.start()

    logged.run_jail("loses")
    disk.resize(16_384)
    wait_until(lambda: b"were left out" in b"".join(logged.files("loses")), "no gap is told")

    [found] = logged.files("loses")
    lost = sum(int(each[1]) for each in _GAP.finditer(found))
    kept = _GAP.sub(b"", found)
    assert lost > 1_000_000
    assert len(kept) + lost == 700_000 * 7
    numbers = [int(line) for line in kept.splitlines()]
    assert numbers == sorted(set(numbers))
    assert int(str(_shown(logged, "loses")["log_lost"])) == lost
    asked = f"subscribe ev=log since={_run(logged)}:0\nquit\n"
    events = logged.runjctl("raw", stdin=asked.encode(), ok=False).stdout
    assert b"state=dropping" in events


def _shown(logged: LoggedDaemon, name: str) -> dict[str, object]:
    found = json.loads(logged.runjctl("show", "--json", name).stdout)
    assert isinstance(found, dict)
    return found


def _run(logged: LoggedDaemon) -> str:
    return str(logged.runjctl("--json", "ping").stdout.decode().split('"run": "')[1].split('"')[0])


class FrozenDisk:
    """An ext4 on a file, on which everything that writes hangs in the kernel while it is frozen."""

    def __init__(self, path: str, image: str) -> None:
        self.path = path
        with open(image, "wb") as file:
            file.truncate(32 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        os.mkdir(path, 0o755)
        done = subprocess.run(["mount", "-o", "loop", image, path], check=False, capture_output=True)
        if done.returncode != 0:
            pytest.skip(f"no loop device: {done.stderr.decode()}")
        os.chmod(path, 0o755)

    def freeze(self) -> None:
        """Let all that writes hang."""
        subprocess.run(["fsfreeze", "-f", self.path], check=True)

    def thaw(self) -> None:
        """Let it go on."""
        subprocess.run(["fsfreeze", "-u", self.path], check=True)

    def remove(self) -> None:
        """Unmount it."""
        subprocess.run(["fsfreeze", "-u", self.path], check=False, stderr=subprocess.DEVNULL)
        wait_until(lambda: subprocess.run(["umount", self.path], check=False).returncode == 0, "it stays in use")


def test_a_disk_that_hangs_does_not_stop_the_daemon(logged: LoggedDaemon) -> None:
    """As a dead NFS server: writes hang; the socket answers, jails go on that may lose lines, others wait."""
    disk = FrozenDisk(logged.logs, f"{logged.directory}/image")
    try:
        logged.jail("waits", counting(0, 100_000), 'format = "raw"')
        logged.jail("goes", counting(0, 300_000), 'format = "raw", pressure = "drop"')
        logged.start()
        disk.freeze()

        logged.start_jail("waits")
        logged.run_jail("goes")
        times = [logged.answers_in() for _ in range(5)]
        assert sorted(times)[2] < 1
        assert logged.status("waits")["status"] == "running"
        disk.thaw()
        logged.wait_for_end("waits")

        assert logged.files("waits") == [b"".join(b"%06d\n" % n for n in range(100_000))]
        wait_until(lambda: b"were left out" in b"".join(logged.files("goes")), "no gap is told")
    finally:
        subprocess.run(["fsfreeze", "-u", disk.path], check=False, stderr=subprocess.DEVNULL)
        logged.stop()
        disk.remove()
