"""Logs that are collected are whole."""

from __future__ import annotations

import gzip
import os

import pytest

from runjd.logs.names import name, rotated
from tests.faults.logged import LoggedDaemon
from tests.soak.archive import Archive


def _write(daemon: LoggedDaemon, jail: str, files: int) -> list[bytes]:
    """Write so many rotated files, and the one that is written now; return their contents."""
    path = daemon.log(jail)
    paths = [*(name(path, number) for number in range(1, files + 1)), path]
    contents = [b"%d of %s" % (place, jail.encode()) for place in range(len(paths))]
    os.makedirs(daemon.logs, exist_ok=True)
    for each, text in zip(paths, contents, strict=True):
        with open(each, "wb") as file:
            file.write(text)
    return contents


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_log_is_whole_however_often_it_was_collected(times: int) -> None:
    """Of a jail that is there the newest stay, of one that is gone nothing does; what was moved comes first."""
    daemon = LoggedDaemon()
    try:
        archive = Archive(daemon)
        web, job = _write(daemon, "web", 30), _write(daemon, "job1", 2)
        for _ in range(times):
            archive.collect(["web", "job1", "job2"], {"web"})

        assert len(rotated(daemon.log("web"))) == (20 if times else 30)
        assert os.path.exists(daemon.log("job1")) is (times == 0)
        assert [archive.files(jail) for jail in ("web", "job1", "job2")] == [web, job, []]
        assert archive.has_dropped("web", 30) is False
    finally:
        daemon.remove()


def test_what_was_moved_while_it_was_compressed_is_there_once() -> None:
    """The daemon, which had it open, puts the compressed file where it was."""
    daemon = LoggedDaemon()
    try:
        archive = Archive(daemon)
        job = _write(daemon, "job1", 2)
        archive.collect(["job1"], ())
        with gzip.open(name(daemon.log("job1"), 2, "gzip"), "wb") as file:
            file.write(job[1])

        assert archive.files("job1") == job
        assert archive.has_dropped("job1", 2) is False
    finally:
        daemon.remove()
