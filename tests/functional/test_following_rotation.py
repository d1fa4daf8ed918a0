"""Logs of each form that are followed, and read back, while they are rotated and compressed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.functional.daemon import PATIENCE, Daemon, wait_until

LINES = 8_000
FORMS = ("raw", "ts", "json", "cri")
JAIL = """
[jail.{form}]
root = "/"
command = ["/bin/sh", "-c", "i=0; while [ $i -lt {lines} ]; do i=$((i+1)); echo line $i of it; done; exec sleep 1000"]
autostart = false

[jail.{form}.log]
format = "{form}"
max-size = "16KiB"
keep = 1000
compress = "gzip"
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """Return a daemon with a jail for each form of a log."""
    made = Daemon()
    made.configure("", **{form: JAIL.format(form=form, lines=LINES) for form in FORMS})
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.mark.parametrize("form", FORMS)
def test_every_line_is_seen_once(daemon: Daemon, form: str) -> None:
    """By who follows from the beginning, and by who reads afterwards; the last lines lie in compressed files, too."""
    every = b"".join(b"line %d of it\n" % number for number in range(1, LINES + 1))
    with daemon.begin("logs", "-f", form, stdout=subprocess.PIPE) as following:
        daemon.runjctl("start", form)
        seen = following.read(len(every))
        following.terminate()
        following.wait(PATIENCE)
    assert seen == every

    wait_until(lambda: daemon.runjctl("logs", form).stdout == every, "not every line is read back")
    for count in (1, 5000, 7999):
        tail = b"".join(every.splitlines(keepends=True)[-count:])
        assert daemon.runjctl("logs", "-n", str(count), form).stdout == tail
    if form != "raw":
        assert daemon.runjctl("logs", "--since", "1h", form).stdout == every
        assert daemon.runjctl("logs", "--until", "1h", form).stdout == b""
