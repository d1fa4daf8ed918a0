"""Rotation under load by everybody at once, and the checksum of what comes through it, with a real daemon."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import re
import signal
import time
from collections.abc import Iterator

import pytest

from runjd.logs.formats.table import FORMATS
from runjd.logs.names import rotated
from tests.faults.logged import LoggedDaemon
from tests.functional.daemon import wait_until
from tests.unpacked import open_rotated

#: bytes of random lines for each form; ``make logs`` sends 1 GiB
_BYTES = int(os.environ.get("RUNJD_LOG_BYTES", str(8 << 20)))
_BLOCK = 1 << 20
#: seconds for a daemon that compresses when nobody else wants the processor
_PATIENCE = 50 + _BYTES / 400_000
_RANDOM = f"""
left, source = {_BYTES}, random.Random(7)
while left:
    data = source.randbytes(min(left, {_BLOCK}))
    left -= len(data)
    while data:
        data = data[os.write(1, data):]
"""
_NUMBERED = """
for n in range(0, 200000, 50):
    os.write(1, b''.join(b'line %d\\n' % i for i in range(n, n + 50)))
    time.sleep(0.0005)
"""


@pytest.fixture
def logged() -> Iterator[LoggedDaemon]:
    """Return a daemon that is to be described and started."""
    made = LoggedDaemon()
    try:
        yield made
    finally:
        made.remove()


@pytest.mark.parametrize(("form", "kind"), [*((form, "gzip") for form in FORMATS), ("cri", "zstd")])
def test_every_byte_comes_through_each_form_and_rotation(logged: LoggedDaemon, form: str, kind: str) -> None:
    """Random lines of all lengths and bytes: put together again from all files they have the same checksum."""
    size = max(_BYTES // 16, 300_000)
    logged.jail("random", _RANDOM, f'format = "{form}", max-size = {size}, keep = 1000, compress = "{kind}"')
    logged.start()
    logged.start_jail("random")
    wait_until(lambda: logged.status("random")["status"] == "stopped", "it does not end", _PATIENCE)
    path = logged.log("random")
    wait_until(lambda: all(each.compression == kind for each in rotated(path)), "not all is compressed", _PATIENCE)

    expected, source = hashlib.sha256(), random.Random(7)
    for begin in range(0, _BYTES, _BLOCK):
        expected.update(source.randbytes(min(_BYTES - begin, _BLOCK)))
    found, count = hashlib.sha256(), 0
    decode = FORMATS[form].decode
    files = rotated(path)
    for open_file in (*(lambda each=each: open_rotated(each) for each in files), lambda: open(path, "rb")):
        count += 1
        with open_file() as file:
            for record in file:
                if form == "raw":
                    found.update(record)
                    continue
                line = decode(record.removesuffix(b"\n"))
                assert line.at != "-"
                found.update(line.text if line.partial else line.text + b"\n")
    assert found.digest() == expected.digest()
    assert count > 8


def test_rotations_by_everybody_at_once(logged: LoggedDaemon) -> None:
    """By size, by hand, by newsyslog and by logrotate, while the jail writes: each line is in one file, and whole."""
    logged.jail("turned", _NUMBERED, 'format = "raw", max-size = 50000, keep = 10000, compress = "gzip"')
    logged.start()
    path = logged.log("turned")
    logged.start_jail("turned")

    moved = 0
    while logged.status("turned")["status"] != "stopped":
        try:
            os.rename(path, f"{path}.moved{moved}")
        except FileNotFoundError:
            continue
        moved += 1
        if moved % 3 == 0:
            logged.runjctl("log", "rotate", "turned")
        elif moved % 3 == 1:
            logged.send_signal(signal.SIGUSR1)
    wait_until(lambda: all(each.compression == "gzip" for each in rotated(path)), "not all is compressed")
    contents = logged.files("turned")
    for number in range(moved):
        with open(f"{path}.moved{number}", "rb") as file:
            contents.append(file.read())

    assert moved > 2
    assert all(each.endswith(b"\n") and each.startswith(b"line ") for each in contents if each)
    numbers = [int(line.split()[1]) for each in contents for line in each.splitlines()]
    assert sorted(numbers) == list(range(200_000))


def test_a_daemon_that_is_killed_while_it_rotates(logged: LoggedDaemon) -> None:
    """Whenever it dies, no line is in two files, and each life loses at most what it had read and not yet written."""
    program = "for n in range(40000):\n    os.write(1, b'line %05d\\n' % n)\n    if n % 50 == 0: time.sleep(0.005)\n"
    logged.jail("killed", program, 'format = "raw", max-size = 5000, keep = 10000, compress = "gzip"')
    logged.start()
    logged.start_jail("killed")

    lives = 0
    while logged.status("killed")["status"] != "stopped":
        time.sleep(0.3)
        logged.kill()
        logged.start()
        lives += 1
    path = logged.log("killed")
    logged.runjctl("log", "rotate", "killed")
    wait_until(lambda: all(each.compression == "gzip" for each in rotated(path)), "not all is compressed")

    numbers = []
    for each in logged.files("killed"):
        # what was lost may end within a line, whose rest then stands behind the beginning of another one
        numbers += [int(line[5:]) for line in each.splitlines() if re.fullmatch(rb"line \d{5}", line)]
    assert len(set(numbers)) == len(numbers)
    assert numbers == sorted(numbers)
    gaps = sum(1 for before, after in itertools.pairwise(numbers) if after != before + 1)
    assert gaps <= lives
    assert lives > 1
    assert not [each for each in os.listdir(logged.logs) if each.endswith(".part")]


def test_a_log_that_is_removed_cut_or_exchanged_while_it_is_written(logged: LoggedDaemon) -> None:
    """It is there again, without a hole, and each of its lines is whole; a file in its place is written to, too."""
    logged.jail("cut", "n = 0\nwhile True:\n    os.write(1, b'line %d\\n' % n)\n    n += 1\n    time.sleep(0.0005)\n")
    logged.start()
    path = logged.log("cut")
    logged.start_jail("cut")

    for number in range(20):
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 1000, "it does not grow")
        if number % 3 == 0:
            os.unlink(path)
        elif number % 3 == 1:
            os.truncate(path, 0)
        else:
            with open(f"{path}.other", "wb"):
                os.rename(f"{path}.other", path)
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 1000, "it does not grow")
    logged.runjctl("stop", "--timeout", "0", "cut")

    [found] = logged.files("cut")
    assert b"\0" not in found
    lines = [FORMATS["cri"].decode(record) for record in found.splitlines()]
    numbers = [int(line.text.split()[1]) for line in lines]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_a_program_that_nobody_looks_at_does_not_fill_the_disk(logged: LoggedDaemon) -> None:
    """Where nothing is said of its log, a file has 64 MiB, and one after the other is begun."""
    logged.jail("flood", "for n in range(150): os.write(1, (b'x' * 1023 + b'\\n') * 1024)\n", 'format = "raw"')
    logged.start()
    logged.run_jail("flood")

    sizes = [os.path.getsize(each.path) for each in rotated(logged.log("flood"))]
    assert len(sizes) == 2
    assert all(60 << 20 < size <= (64 << 20) + (128 << 10) for size in sizes)
    assert sum(sizes) + os.path.getsize(logged.log("flood")) == 150 << 20
