"""
A thousand connections of the control protocol from one user, each with half a line: what they cost, whom they hinder.

Those beyond the limit of a user are answered BUSY and closed; the others stay, say nothing more, and are paid for in
memory.  Meanwhile new clients come and ask, as often as they can.

    benchmarks/connections.py [--connections 1000] [--seconds 10]
"""

import argparse
import os
import shutil
import socket
import statistics
import tempfile
import time

from crashes import cpu
from start import daemon

_PAGE = os.sysconf("SC_PAGE_SIZE")


def memory(pid: int) -> int:
    """Return how many bytes of memory a process has."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * _PAGE


def connect(directory: str) -> tuple[socket.socket, bool]:
    """Return a connection, and whether the daemon took it."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(f"{directory}/control")
    return connection, connection.recv(8192).startswith(b"! 0 ")


def asked(directory: str) -> float:
    """Return the seconds that a new client needs from connect(2) to its answer."""
    began = time.monotonic()
    connection, is_taken = connect(directory)
    with connection:
        if is_taken:
            connection.sendall(b"ping\n")
            connection.recv(8192)
    return time.monotonic() - began


def main() -> None:
    """Measure, and write a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="runjd-connections-")
    print("load of the machine", " ".join(f"{each:.1f}" for each in os.getloadavg()))
    held: list[socket.socket] = []
    try:
        with daemon(directory) as pid:
            asked(directory)
            before = memory(pid)
            for _ in range(given.connections):
                connection, is_taken = connect(directory)
                if is_taken:
                    connection.sendall(b"stat")
                    held.append(connection)
                else:
                    connection.close()
            held.pop().close()  # room for one more
            time.sleep(0.5)
            print(f"taken {len(held)}, answered BUSY {given.connections - len(held) - 1}")
            print(f"memory of one: {(memory(pid) - before) / len(held) / 1024:.1f} KiB")
            used = sum(cpu(pid))
            time.sleep(given.seconds)
            print(f"processor while nothing happens: {1000 * (sum(cpu(pid)) - used) / given.seconds:.1f} ms a second")
            delays = sorted(asked(directory) for _ in range(100))
            median, most = 1000 * statistics.median(delays), 1000 * delays[-1]
            print(f"a new client is answered in {median:.1f} ms, at most {most:.1f}")
            for each in held:
                each.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
