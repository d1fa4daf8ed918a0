"""logrotate(8) on the logs of a running daemon, with the sample of etc/ and by the signal."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import command
from tests.faults.logged import LoggedDaemon

LOGROTATE = shutil.which("logrotate", path="/usr/sbin:/usr/bin:/sbin:/bin") or ""
SAMPLE = Path(__file__).parent.parent.parent / "etc" / "logrotate.d" / "runjd"
PROGRAM = """
for n in range(0, 100000, 25):
    os.write(1, b''.join(b'line %d\\n' % i for i in range(n, n + 25)))
    time.sleep(0.0005)
"""

pytestmark = [
    pytest.mark.root,  # it renames and compresses for nobody else without much ado
    pytest.mark.skipif(not LOGROTATE, reason="logrotate is not installed (as root, make test installs it)"),
]


@pytest.fixture
def logged() -> Iterator[LoggedDaemon]:
    """Return a daemon that is to be described and started."""
    made = LoggedDaemon()
    try:
        yield made
    finally:
        made.remove()


def _sample(logged: LoggedDaemon) -> str:
    """Return the sample of etc/, for this daemon."""
    told = shlex.join(command("--socket", logged.path, "log", "reopen"))
    text = SAMPLE.read_text().replace("/var/log/runjd/", f"{logged.logs}/").replace("runjctl log reopen", told)
    assert told in text
    return text


def _signal(logged: LoggedDaemon) -> str:
    """Return another configuration: by the signal, which is not answered: files are compressed a turn later."""
    kill = f"kill -USR1 {logged.pid}"
    return re.sub(r"(postrotate\n).*\n", rf"\1        {kill}\n", _sample(logged)).replace(
        "    compress\n", "    compress\n    delaycompress\n"
    )


@pytest.mark.parametrize("configuration", [_sample, _signal], ids=["log reopen", "SIGUSR1"])
def test_each_line_is_in_one_file(logged: LoggedDaemon, configuration) -> None:
    """While the jail writes it rotates six times: each line is in exactly one file, whole, and none is missing."""
    logged.jail("turned", PROGRAM, 'format = "raw", max-size = 0')
    logged.start()
    path, file = logged.log("turned"), os.path.join(logged.directory, "logrotate.conf")
    with open(file, "w", encoding="utf-8") as text:
        text.write(configuration(logged))
    os.chmod(file, 0o644)
    logged.start_jail("turned")

    turns = 0
    while turns < 6:
        if os.path.exists(path) and os.path.getsize(path):
            words = [LOGROTATE, "--force", "--state", f"{file}.state", file]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
            turns += 1
    logged.wait_for_end("turned")

    names = sorted(name for name in os.listdir(logged.logs) if name.startswith("turned.log"))
    assert sum(name.endswith(".gz") for name in names) >= 5
    contents = [
        subprocess.run(["gzip", "-dcf", f"{logged.logs}/{name}"], capture_output=True, check=True).stdout
        for name in names
    ]
    assert all(each.startswith(b"line ") and each.endswith(b"\n") for each in contents if each)
    numbers = [int(line.split()[1]) for each in contents for line in each.splitlines()]
    assert sorted(numbers) == list(range(100_000))
