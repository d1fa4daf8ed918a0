"""FIFOs of a client, without a container."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from runjd.container.clientio import LOGGED, OURS, ClientIo, open_client_fifo
from runjd.container.loggers import Logger
from runjd.container.stdio import Streams
from runjd.errors import InputOutput, RuntimeFailure, TimedOut
from runjd.spec.parse import parse_process

PROCESS = parse_process({"args": ["true"], "cwd": "/", "env": [], "user": {"uid": 0, "gid": 0}})


@pytest.fixture
def directory(private_dir):
    """Return a state directory: its path, and a descriptor."""
    fd = os.open(private_dir, os.O_RDONLY | os.O_DIRECTORY)
    yield private_dir, fd
    os.close(fd)


def opened(io: ClientIo, directory) -> Streams:
    """Open it."""
    streams = io.open(directory[1], PROCESS)
    assert streams is not None
    return streams


def test_nothing_is_the_null_device(directory):
    """Three times."""
    io = ClientIo("init", "", "", "")
    streams = opened(io, directory)

    assert all(os.fstat(fd).st_rdev == os.stat("/dev/null").st_rdev for fd in streams)
    assert io.held == {}
    io.close()


def test_a_process_holds_the_fifo_of_its_client(directory):
    """Open for reading, too, so that it gets no SIGPIPE; a reader gets end of file with the last writer."""
    path, _ = directory
    os.mkfifo(f"{path}/out")
    io = ClientIo("init", "", f"{path}/out", "")
    streams = opened(io, directory)
    end = open_client_fifo(f"{path}/out", os.O_RDONLY | os.O_NONBLOCK)
    os.write(streams.stdout, b"hello")

    assert os.read(end, 100) == b"hello"
    with pytest.raises(BlockingIOError):
        os.read(end, 100)
    io.child_opened()
    assert os.read(end, 100) == b""
    os.close(end)
    io.close()


def test_input_stays_open_until_it_is_closed_here(directory):
    """A writer that comes and goes is no end."""
    path, _ = directory
    os.mkfifo(f"{path}/in")
    io = ClientIo("init", f"{path}/in", "", "")
    streams = opened(io, directory)
    client = os.open(f"{path}/in", os.O_WRONLY)
    os.write(client, b"hello")
    os.close(client)

    assert os.read(streams.stdin, 100) == b"hello"
    os.set_blocking(streams.stdin, False)
    with pytest.raises(BlockingIOError):
        os.read(streams.stdin, 100)
    os.close(io.held.pop("in"))
    assert os.read(streams.stdin, 100) == b""
    io.close()


def test_what_is_ours_comes_to_us(directory):
    """By FIFOs of the state directory; what is not is not held."""
    path, _ = directory
    os.mkfifo(f"{path}/out")
    io = ClientIo("init", "", f"{path}/out", OURS)
    streams = opened(io, directory)
    os.write(streams.stderr, b"ours")

    assert list(io.held) == ["err"]
    assert os.read(io.held["err"], 100) == b"ours"
    io.close()
    assert os.listdir(f"{path}/io") == []


def test_what_is_no_fifo_is_refused(directory):
    """Links, too: nobody leads us elsewhere."""
    path, _ = directory
    os.mkfifo(f"{path}/fifo")
    os.symlink(f"{path}/fifo", f"{path}/link")
    for each in ("/dev/null", f"{path}/link", f"{path}/none", path):
        io = ClientIo("init", "", each, "")
        with pytest.raises(InputOutput, match=each):
            io.open(directory[1], PROCESS)
        io.close()


def write_logger(path: str, script: str) -> str:
    """Write a program that logs; return its path."""
    with open(f"{path}/logger", "w") as file:
        file.write(f"#!/bin/sh\n{script}\n")
    os.chmod(f"{path}/logger", 0o755)
    return f"{path}/logger"


@pytest.mark.parametrize("ready", ["exec 5>&-", "echo >&5"])
def test_a_program_reads_what_a_process_writes(directory, ready):
    """Both outputs, to their end; it says that it is ready by a byte or by closing its end."""
    path, _ = directory
    program = write_logger(path, f"{ready}; cat <&3 >{path}/out; cat <&4 >{path}/err; echo $1 $X >{path}/who")
    logger = Logger([program, "word"], {"X": "y"})
    io = ClientIo("init", "", LOGGED, LOGGED, logger)
    streams = opened(io, directory)
    os.write(streams.stdout, b"out")
    os.write(streams.stderr, b"err")
    io.child_opened()
    os.waitpid(logger.pid, 0)

    assert [Path(path, name).read_text() for name in ("out", "err", "who")] == ["out", "err", "word y\n"]
    assert logger.start_time > 0


def test_a_program_that_is_not_there_or_ends_is_told(directory):
    """By its name; nothing is left of it."""
    path, _ = directory
    for argv, words in (([f"{path}/none"], "no such file"), ([write_logger(path, "exit 3")], "with status 3")):
        io = ClientIo("init", "", LOGGED, LOGGED, Logger(argv, {}))
        with pytest.raises(RuntimeFailure, match=words):
            io.open(directory[1], PROCESS)
        io.close()


def test_a_program_that_never_gets_ready_is_killed(directory):
    """After its time."""
    path, _ = directory
    io = ClientIo("init", "", LOGGED, LOGGED, Logger([write_logger(path, "exec sleep 1000")], {}, limit=0.2))

    with pytest.raises(TimedOut, match=r"did not get ready within 0\.2 s"):
        io.open(directory[1], PROCESS)
    io.close()


def test_a_fifo_is_its_readers_in_the_process(directory):
    """A program that is not root can open /dev/stdout again."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    path, _ = directory
    os.mkfifo(f"{path}/out")
    fd = open_client_fifo(f"{path}/out", os.O_RDWR, 1000)

    assert os.fstat(fd).st_uid == 1000
    assert stat.S_ISFIFO(os.fstat(fd).st_mode)
    os.close(fd)
