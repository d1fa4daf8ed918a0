"""What a service manager is told, on a real socket."""

import os
import socket
import time

import pytest
from twisted.internet.task import Clock

from runjd.protocols.servicemanager import service_manager


class Systemd:
    """The other end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(address.replace("@", "\0"))
        self.environment = {"NOTIFY_SOCKET": address, "LANG": "C"}

    def heard(self) -> list[str]:
        """Return the datagrams that came."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        """Be gone."""
        self._socket.close()


@pytest.fixture(params=["file", "abstract"])
def systemd(request, private_dir):
    """Return a service manager, on both kinds of sockets."""
    made = Systemd(f"{private_dir}/notify" if request.param == "file" else f"@runjd-test-{os.getpid()}")
    yield made
    made.close()


def test_a_life_is_told(systemd):
    """Ready with a status, a reload with the time at which it began, its end, and the end of all."""
    clock = Clock()
    status = ["2 jails"]
    manager = service_manager(systemd.environment, clock, lambda: status[0])
    manager.start()
    manager.reloading(True)
    assert systemd.heard() == []

    manager.ready()
    assert systemd.heard() == ["READY=1\nSTATUS=2 jails"]

    before = time.monotonic_ns() // 1000
    manager.reloading(True)
    (said,) = systemd.heard()
    first, second = said.splitlines()
    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000

    status[0] = "3 jails"
    manager.reloading(False)
    manager.tell_status()
    manager.stopping()
    manager.stop()
    assert systemd.heard() == ["READY=1\nSTATUS=3 jails", "STOPPING=1"]
    assert clock.getDelayedCalls() == []


def test_a_status_is_told_when_it_changes(systemd):
    """Once; line ends in it would be another assignment."""
    status = ["a"]
    manager = service_manager(systemd.environment, Clock(), lambda: status[0])
    manager.ready()
    systemd.heard()

    manager.tell_status()
    assert systemd.heard() == []
    status[0] = "b\nREADY=0"
    manager.tell_status()
    assert systemd.heard() == ["STATUS=b READY=0"]


def test_a_watchdog_gets_signs_of_life_at_half_its_time(systemd):
    """From the clock of the reactor: no turn, no sign."""
    clock = Clock()
    systemd.environment |= {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    manager = service_manager(systemd.environment, clock, str)
    manager.start()

    assert systemd.heard() == ["WATCHDOG=1"]
    clock.advance(14.9)
    assert systemd.heard() == []
    clock.advance(0.1)
    assert systemd.heard() == ["WATCHDOG=1"]
    manager.stop()
    assert clock.getDelayedCalls() == []


def test_the_watchdog_of_another_process_is_not_ours(systemd):
    """What it says is for its own pid, and it is told nothing."""
    systemd.environment |= {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}
    manager = service_manager(systemd.environment, Clock(), str)
    manager.start()

    assert systemd.heard() == []


def test_children_do_not_speak_for_us(systemd):
    """What names the socket is taken out of the environment, and nothing else."""
    systemd.environment |= {"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}
    service_manager(systemd.environment, Clock(), str)

    assert systemd.environment == {"LANG": "C"}


def test_without_a_service_manager_nobody_is_told():
    """And a manager that went away stops nobody, either."""
    service_manager({}, Clock(), str).ready()
    service_manager({"NOTIFY_SOCKET": "/nonexistent/notify"}, Clock(), str).ready()
