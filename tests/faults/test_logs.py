"""What programs do to their logs, with a real daemon: bursts, endless lines, all bytes, sudden ends, closed outputs."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator

import pytest

from tests.faults.logged import LoggedDaemon, written
from tests.functional.daemon import wait_until

#: MiB of a line without a newline
_ENDLESS = int(os.environ.get("RUNJD_ENDLESS_LINE", "64"))


@pytest.fixture
def logged() -> Iterator[LoggedDaemon]:
    """Return a daemon that is to be described and started."""
    made = LoggedDaemon()
    try:
        yield made
    finally:
        made.remove()


@pytest.mark.linux
def test_a_burst_of_lines_and_of_single_bytes(logged: LoggedDaemon) -> None:
    """A million short lines, and as many writes of one byte, are all there; another jail's lines come in time."""
    lines = "os.set_blocking(1, True)\nfor n in range(0, 1000000, 1000):\n"
    lines += "    os.write(1, b''.join(b'%d\\n' % i for i in range(n, n + 1000)))\n"
    logged.jail("lines", lines)
    logged.jail("bytes", "for n in range(1000000): os.write(1, b'x' if n % 100 else b'\\n')\n", 'format = "raw"')
    logged.jail("calm", "for n in range(100):\n    os.write(1, b'%.6f\\n' % time.time())\n    time.sleep(0.02)\n")
    logged.start()

    for name in ("calm", "lines", "bytes"):
        logged.start_jail(name)
    for name in ("lines", "bytes", "calm"):
        logged.wait_for_end(name)

    [found] = logged.files("lines")
    assert written("cri", found) == b"".join(b"%d\n" % n for n in range(1_000_000))
    assert logged.files("bytes") == [b"".join(b"x" if n % 100 else b"\n" for n in range(1_000_000))]
    delays = []
    for record in logged.files("calm")[0].splitlines():
        at, _, _, text = record.split(b" ")
        seconds = time.mktime(time.strptime(at[:19].decode(), "%Y-%m-%dT%H:%M:%S")) - time.timezone
        delays.append(seconds + float(at[19:29]) - float(text))
    assert len(delays) == 100
    # whoever waited for the others would wait for seconds; what is usual is measured in benchmarks/log.py
    assert sorted(delays)[95] < 1


@pytest.mark.linux
@pytest.mark.parametrize("form", ["raw", "cri", "json"])
def test_a_line_that_does_not_end(logged: LoggedDaemon, form: str) -> None:
    """It is written in parts as it comes, all of it, and takes no memory."""
    program = f"for n in range({_ENDLESS}): os.write(1, bytes([n % 7 + 65]) * 1048576)\n"
    logged.jail("warm", "os.write(1, b'x' * 4000000)\n", f'format = "{form}"')
    logged.jail("endless", program, f'format = "{form}", max-size = 0')
    logged.start()
    logged.run_jail("warm")
    before, most = logged.memory(), 0

    logged.start_jail("endless")
    while logged.status("endless")["status"] != "stopped":
        most = max(most, logged.memory())

    assert most - before < 8 << 20
    with open(logged.log("endless"), "rb") as log:
        found = hashlib.sha256(written(form, log.read())).digest()
    expected = hashlib.sha256()
    for n in range(_ENDLESS):
        expected.update(bytes([n % 7 + 65]) * (1 << 20))
    assert found == expected.digest()


@pytest.mark.parametrize("form", ["raw", "ts", "json", "cri"])
def test_any_bytes_survive(logged: LoggedDaemon, form: str) -> None:
    """NUL, ESC, lone CR and what is no UTF-8: runjctl shows the bytes that were written, a terminal none of them."""
    program = "os.write(1, bytes(range(256)) + b'\\n\\xc3\\n\\r\\x00\\x1b[2J\\xed\\xa0\\x80\\\\udc80 \"no end')\n"
    logged.jail("bytes", program, f'format = "{form}"')
    logged.start()
    logged.run_jail("bytes")
    expected = bytes(range(256)) + b'\n\xc3\n\r\x00\x1b[2J\xed\xa0\x80\\udc80 "no end'

    assert b"".join(written(form, each) for each in logged.files("bytes")) == expected
    assert logged.runjctl("logs", "bytes").stdout.removesuffix(b"\n") == expected
    assert b"\x1b" not in logged.runjctl("status", "bytes").stdout


def test_what_was_written_right_before_the_end_is_logged_before_it_is_told(logged: LoggedDaemon) -> None:
    """A mebibyte and the end: whoever hears of the end finds all of it, every time."""
    logged.jail("sudden", "os.write(1, (b'x' * 127 + b'\\n') * 8192)\nos._exit(0)\n", 'format = "raw"')
    logged.start()

    for _ in range(10):
        if os.path.exists(logged.log("sudden")):
            os.unlink(logged.log("sudden"))
        logged.run_jail("sudden")
        assert os.path.getsize(logged.log("sudden")) == 1 << 20


def test_a_grandchild_that_holds_the_output(logged: LoggedDaemon) -> None:
    """The end is told at once; what comes within the drain limit is logged, and nothing waits for the rest."""
    program = "os.write(1, b'parent\\n')\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(0.3)\n"
    program += "    os.write(1, b'child\\n')\n    time.sleep(3)\n"
    logged.jail("family", program)
    logged.start()
    began = time.monotonic()

    logged.start_jail("family")
    events = logged.begin("--json", "events", "--since", f"{_run(logged)}:0", "--type", "exit")
    wait_until(lambda: logged.status("family")["status"] == "stopped", "it does not end")

    assert time.monotonic() - began < 2.5
    wait_until(lambda: b"child" in logged.files("family")[0], "the child is not heard")
    events.kill()
    events.wait()


def _run(logged: LoggedDaemon) -> str:
    fields = logged.runjctl("--json", "ping").stdout
    return fields.decode().split('"run": "')[1].split('"')[0]


@pytest.mark.linux
@pytest.mark.parametrize(
    "program",
    [
        "os.close(1)\nos.write(2, b'goes on\\n')\n",
        "os.close(1)\nos.close(2)\n",
        "fd = os.open('/dev/stdout', os.O_WRONLY)\nos.close(1)\nos.write(fd, b'goes on\\n')\nos.close(fd)\n",
        (
            "if os.fork() == 0:\n    os.close(1)\n    fd = os.open(f'/proc/{os.getppid()}/fd/1', os.O_WRONLY)\n"
            "    os.write(fd, b'goes on\\n')\n    os._exit(0)\n"
        ),
        "os.write(1, b'goes on\\n')\n",
    ],
    ids=["out closed", "all closed", "out reopened", "opened from beside", "silent"],
)
def test_an_output_that_is_closed_costs_nothing(logged: LoggedDaemon, program: str) -> None:
    """The jail runs on, and the daemon sleeps."""
    logged.jail("closing", program + "time.sleep(100)\n", 'format = "raw"')
    logged.start()
    logged.start_jail("closing")
    if "goes on" in program:
        wait_until(lambda: logged.files("closing") == [b"goes on\n"], "nothing is logged")
    before = logged.cpu()

    time.sleep(1)

    assert logged.cpu() - before < 0.2
    assert logged.status("closing")["status"] == "running"
    logged.runjctl("stop", "--timeout", "0", "closing")
