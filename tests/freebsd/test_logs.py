"""Logs on the system at hand: written, rotated, compressed, and sent to a socket."""

import os
import queue
import socket
import time

from runjd.logs.names import rotated
from runjd.logs.writer import ThreadWriter
from runjd.policy.settings import LogRule
from tests.unpacked import open_rotated


def test_a_log_is_rotated_and_compressed(tmp_path):
    """Each line is in one file, and what is old is small."""
    os.chmod(tmp_path, 0o700)
    path = str(tmp_path / "web.log")
    calls: queue.SimpleQueue = queue.SimpleQueue()
    writer = ThreadWriter(calls.put, lambda path, error: None)
    log = writer.open(path, LogRule(format="raw", max_size=10_000, keep=100, compress="gzip"))
    ends: list = []

    for n in range(10_000):
        log.write([b"line %d\n" % n], ends.append)
    while len(ends) < 10_000:
        calls.get(timeout=10)()
    deadline = time.monotonic() + 20
    while any(each.compression == "none" for each in rotated(path)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    writer.stop()

    found = b""
    for each in rotated(path):
        with open_rotated(each) as file:
            found += file.read()
    with open(path, "rb") as file:
        found += file.read()
    assert found == b"".join(b"line %d\n" % n for n in range(10_000))


def test_a_message_of_syslog_fits_into_a_datagram(tmp_path):
    """FreeBSD takes 2048 bytes (net.local.dgram.maxdgram)."""
    from runjd.logs.formats.syslog import DATAGRAM_LIMIT

    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(str(tmp_path / "log"))
        sender.connect(str(tmp_path / "log"))
        assert sender.send(b"x" * DATAGRAM_LIMIT) == DATAGRAM_LIMIT
        assert len(receiver.recv(9000)) == DATAGRAM_LIMIT
