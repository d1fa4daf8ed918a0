"""The output of a jail goes to syslog and to a program, too, with a real daemon."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from tests.faults.logged import LoggedDaemon
from tests.functional.daemon import wait_until


@pytest.fixture
def logged() -> Iterator[LoggedDaemon]:
    """Return a daemon that is to be described and started."""
    made = LoggedDaemon()
    try:
        yield made
    finally:
        made.remove()


def test_lines_go_to_the_log_to_syslog_and_to_a_program(logged: LoggedDaemon) -> None:
    """Each has all of them, in its form."""
    path, out = f"{logged.directory}/devlog", f"{logged.directory}/out"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(path)
        syslog.settimeout(10)
        places = f'syslog = "unix:{path}", program = ["/bin/sh", "-c", "cat > {out}"]'
        logged.jail("web", "for n in range(100): os.write(1 + n % 2, b'line %d\\n' % n)\n", f'format = "raw", {places}')
        logged.start()

        logged.run_jail("web")
        messages = [syslog.recv(9000) for _ in range(100)]

    expected = sorted(b"line %d" % n for n in range(100))
    assert sorted(each.split(b" - ")[2] for each in messages) == expected
    assert all(each.startswith((b"<30>1 2", b"<27>1 2")) and b" web - " in each for each in messages)
    assert sorted(b"".join(logged.files("web")).splitlines()) == expected
    wait_until(lambda: os.path.exists(out) and os.path.getsize(out) == os.path.getsize(logged.log("web")), "no program")


def test_a_program_that_is_not_there_is_in_the_status(logged: LoggedDaemon) -> None:
    """The jail waits, and says for what; another rule lets it go on."""
    logged.jail("web", "os.write(1, b'x\\n' * 100000)\n", 'format = "raw", program = ["/nowhere/logger"]')
    logged.start()
    logged.start_jail("web")
    wait_until(lambda: "/nowhere/logger" in str(logged.status("web").get("reason")), "no trouble is told")

    with open(logged.config, encoding="utf-8") as file:
        text = file.read()
    logged.configure(text.replace(', program = ["/nowhere/logger"]', ""))
    logged.runjctl("reload")
    logged.wait_for_end("web")

    assert b"".join(logged.files("web")) == b"x\n" * 100_000
    assert not logged.status("web").get("reason")
