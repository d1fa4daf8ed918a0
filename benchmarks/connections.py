"""
A thousand connections of the control protocol from one user, each with half a line: what they cost, whom they hinder.

Those beyond the limit of a user are answered BUSY and closed; the others stay, say nothing more, and are paid for in
memory.  Meanwhile new clients come and ask, as often as they can.

    python -m benchmarks.connections
"""

import os
import socket
import time

from benchmarks import host
from benchmarks.daemon import Daemon
from benchmarks.figure import Figure
from benchmarks.measurement import Plan, run
from benchmarks.processes import cpu
from benchmarks.timing import ms_of

_PAGE = os.sysconf("SC_PAGE_SIZE")
_CONNECTIONS = 1000
_CLIENTS = 100


def memory(pid: int) -> int:
    """Return how many bytes of memory a process has."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * _PAGE


def connect(daemon: Daemon) -> tuple[socket.socket, bool]:
    """Return a connection, and whether the daemon took it."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(daemon.socket)
    return connection, connection.recv(8192).startswith(b"! 0 ")


def ask(daemon: Daemon) -> None:
    """Be a new client, from connect(2) to its answer."""
    connection, is_taken = connect(daemon)
    with connection:
        if is_taken:
            connection.sendall(b"ping\n")
            connection.recv(8192)


def measure(plan: Plan) -> list[Figure]:
    """Return what they cost, and how long a new client waits."""
    held: list[socket.socket] = []
    with host.work_directory() as directory, Daemon(plan.installed(directory), directory) as daemon:
        ask(daemon)
        before = memory(daemon.pid)
        for _ in range(_CONNECTIONS):
            connection, is_taken = connect(daemon)
            if is_taken:
                connection.sendall(b"stat")
                held.append(connection)
            else:
                connection.close()
        held.pop().close()  # room for one more
        time.sleep(0.5)
        each = (memory(daemon.pid) - before) / len(held) / 1024
        used = sum(cpu(daemon.pid))
        time.sleep(plan.seconds)
        busy = 1e3 * (sum(cpu(daemon.pid)) - used) / plan.seconds
        delays = tuple(ms_of(lambda: ask(daemon)) for _ in range(_CLIENTS))
        count = len(held)
        for connection in held:
            connection.close()
    what = "connections that say nothing"
    return [
        Figure(f"{what}: taken of a thousand", "runjd", "connections", (float(count),)),
        Figure(f"{what}: memory of each", "runjd", "KiB", (each,)),
        Figure(f"{what}: processor while nothing happens", "runjd", "ms/s", (busy,)),
        Figure(f"{what}: a new client is answered", "runjd", "ms", delays),
    ]


if __name__ == "__main__":
    run(measure, __doc__)
