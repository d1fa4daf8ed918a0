"""Dispositions of signals are as at the start of the world."""

import ctypes
import os
import signal

import pytest

from runjd.kernel.signals import reset_signals


@pytest.mark.linux
def test_everything_is_reset_also_what_the_c_library_keeps_for_itself() -> None:
    """Signals 32 and 33, which no function of the C library changes, are default again."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            number = {"x86_64": 13, "aarch64": 134}[os.uname().machine]
            ignored = b"\1" + bytes(31)
            for each in (32, 33):
                ctypes.CDLL(None).syscall(number, each, ignored, None, ctypes.c_size_t(8))
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGRTMIN, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
            reset_signals()
            with open("/proc/self/status", "rb") as file:
                os.write(writer, b"".join(line for line in file if line[:6] in (b"SigBlk", b"SigIgn")))
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as file:
        found = [line.split()[1] for line in file]
    os.waitpid(pid, 0)

    assert found == ["0" * 16] * 2
