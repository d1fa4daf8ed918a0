"""Somebody who types what a page says, as root, on a machine of his own for as long as it takes."""

import os
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

from runjd.values import Value
from tests.docs.pages import CHECKOUT

PATIENCE = 30.0

# Layers over the host's directories, so that whatever is written there is gone with the last process.
_MACHINE = """
set -e
mount -t tmpfs -o mode=755 layers /mnt
for place in etc var srv; do
    mkdir -p "/mnt/$place/upper" "/mnt/$place/work"
    mount -t overlay -o "lowerdir=/$place,upperdir=/mnt/$place/upper,workdir=/mnt/$place/work" none "/$place"
done
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/programs /etc/runjd /var/run
ip link set lo up
for name in runjctl runj runjd-keeper; do
    {
        echo '#!/bin/sh'
        printf 'exec "%s" -I -S -X utf8 "%s" "%s" "$@"\\n' "$PYTHON" "$CHECKOUT/bin/$name" "$CHECKOUT"
    } > "/run/programs/$name"
done
{
    echo '#!/bin/sh'
    echo "PYTHONPATH='$CHECKOUT' exec '$PYTHON' -c 'from twisted.scripts.twistd import run; run()' \\"\\$@\\""
} > /run/programs/twistd
chmod 755 /run/programs/*
set +e
exec 2>&1
"""
_DAEMON = """
twistd --nodaemon --pidfile= runjd --keeper /run/programs/runjd-keeper </dev/null >>/var/log/daemon.txt 2>&1 &
daemon=$!
until runjctl whoami >/dev/null 2>&1 || ! kill -0 $daemon; do sleep 0.1; done
while runjctl list | grep -qE 'starting|waiting'; do sleep 0.1; done
"""


class Heard(Value):
    """What a command wrote, and its exit status."""

    output: str
    status: int


class Reader:
    """A shell in namespaces of its own, and everything in there ends with it."""

    def __init__(self) -> None:
        isolate = ["unshare", "-mpn", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
        environment = {
            "PATH": "/run/programs:/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHON": sys.executable,
            "CHECKOUT": str(CHECKOUT),
        }
        self._shell = subprocess.Popen(
            [*isolate, "/bin/sh"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",
        )
        assert self._shell.stdin
        assert self._shell.stdout
        self._types, self._hears = self._shell.stdin, self._shell.stdout

    def __enter__(self) -> Self:
        assert self.type(_MACHINE).output == ""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shell.kill()
        self._types.close()
        self._hears.close()
        self._shell.wait()

    def start_daemon(self) -> None:
        """Do what the service manager does."""
        assert self.type(_DAEMON).output == "", self.type("cat /var/log/daemon.txt").output

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        assert self.type(f"cat > {path} <<'the end'\n{text}the end").status == 0

    def type(self, command: str) -> Heard:
        """Run something in the shell, and wait for its end."""
        self._types.write(f'{command}\nprintf "\\0%d\\0" $?\n'.encode())
        self._types.flush()
        heard, deadline = b"", time.monotonic() + PATIENCE
        while heard.count(b"\0") < 2:
            assert time.monotonic() < deadline, f"{command} does not end; so far: {heard!r}"
            read = os.read(self._hears.fileno(), 65536)
            assert read, f"the shell ended at {command}: {heard!r}"
            heard += read
        output, status, _ = heard.split(b"\0")
        return Heard(output.decode(), int(status))
