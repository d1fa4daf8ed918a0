"""
What the service manager that started the daemon is told, as sd_notify(3) has it.

One datagram for each message, ``KEY=VALUE`` in lines.  A watchdog (WatchdogSec= of
systemd.service(5)) gets a sign of life at half its time, from the reactor: one that is stuck sends none.
What names the socket is taken out of the environment, so that no child of ours speaks for us.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, MutableMapping
from time import monotonic_ns

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class ServiceManager:
    """
    The service manager.

    :param address: of its socket, with @ in front of one that is no file; empty: there is none, and nothing is told.
    :param watchdog: seconds without a sign of life after which it ends us; 0: never.
    :param status: returns how the daemon is, in a line for people.
    """

    _log = Logger()

    def __init__(self, address: str, watchdog: float, clock: IReactorTime, status: Callable[[], str]) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog = watchdog
        self._clock = clock
        self._status = status
        self._call: IDelayedCall | None = None
        self._is_ready = False
        self._is_told = False
        self._last_status = ""

    def start(self) -> None:
        """Give signs of life from now on, if that is asked for."""
        if self._address and self._watchdog > 0:
            self._live()

    def stop(self) -> None:
        """Give none any more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def ready(self) -> None:
        """Clients can come."""
        self._is_ready = True
        self._tell("READY=1", *self._new_status())

    def reloading(self, is_reloading: bool) -> None:
        """The configuration is being read again, or that is over."""
        if self._is_ready:
            begun = ("RELOADING=1", f"MONOTONIC_USEC={monotonic_ns() // 1000}")
            self._tell(*(begun if is_reloading else ("READY=1", *self._new_status())))

    def stopping(self) -> None:
        """The daemon ends."""
        self._tell("STOPPING=1")

    def tell_status(self) -> None:
        """Tell how the daemon is, if that changed."""
        if self._address and self._is_ready and (news := self._new_status()):
            self._tell(*news)

    def _live(self) -> None:
        self._call = self._clock.callLater(self._watchdog / 2, self._live)
        self._tell("WATCHDOG=1")

    def _new_status(self) -> tuple[str, ...]:
        status = self._status().replace("\n", " ")
        if status == self._last_status:
            return ()
        self._last_status = status
        return (f"STATUS={status}",)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        kind = socket.SOCK_DGRAM | getattr(socket, "SOCK_CLOEXEC", 0) | getattr(socket, "SOCK_NONBLOCK", 0)
        try:
            with socket.socket(socket.AF_UNIX, kind) as sender:
                sender.sendto("\n".join(lines).encode("utf-8", "surrogateescape"), self._address)
        except OSError as error:
            if not self._is_told:
                self._log.warn("the service manager cannot be told: {error}", error=error.strerror)
            self._is_told = True
        else:
            self._is_told = False


def service_manager(
    environment: MutableMapping[str, str], clock: IReactorTime, status: Callable[[], str]
) -> ServiceManager:
    """Return the service manager that an environment names, and leave nothing of that in it."""
    address, watchdog, pid = (environment.pop(name, "") for name in _VARIABLES)
    if pid not in ("", str(os.getpid())) or not watchdog.isascii() or not watchdog.isdigit():
        watchdog = "0"
    return ServiceManager(address, int(watchdog) / 1e6, clock, status)
