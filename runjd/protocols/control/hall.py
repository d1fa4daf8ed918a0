"""What all connections of the control protocol share: the controller, the configuration, the limits, the events."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from runjd.errors import Busy, Denied
from runjd.interfaces import IConfiguration, IController, IDiagnosis, ISubscription
from runjd.policy.access import NO_RULE
from runjd.policy.facts import Event
from runjd.policy.principal import Principal
from runjd.protocols.control.authority import Guard
from runjd.protocols.control.lines import MAX_LINE
from runjd.protocols.control.verbs.render import event_line, who_fields
from runjd.protocols.control.verbs.table import VerbTable
from runjd.values import Value

#: refused connections that may stay open for a moment
MAX_LINGERING = 16
#: connections that are kept for those who have the role admin, as long as there are many: others cannot lock them out
KEPT = 16
#: requests of one connection that are carried out or wait; then it is not read
MAX_IN_FLIGHT = 64
#: what this server can do beyond asking and answering
CAPABILITIES = ("attach", "exec", "follow", "frame", "subscribe", "replay")


class Limits(Value):
    """How many connections there may be, in all and for each user."""

    connections: int = 256
    connections_of_user: int = 128


class Member(Protocol):
    """A connection, as the hall knows it."""

    def announce(self, event: Event, line: Callable[[], bytes]) -> None:
        """Show an event, if it was asked for."""

    def say_goodbye(self, reason: str) -> None:
        """Close, saying why."""

    def reconsider(self) -> None:
        """Other rules are in force: end what is not allowed any more."""


class Audit(Protocol):
    """Writes down who changed what, and who was not allowed to."""

    def changed(self, principal: Principal, verb: str, jails: Sequence[str], result: str) -> None:
        """Somebody did, or tried, what he may do."""

    def denied(self, principal: Principal, verb: str, jails: Sequence[str], rule: str) -> None:
        """Somebody was not allowed something."""

    def reopen(self) -> Deferred[None]:
        """Let go of the file, because somebody else moved it."""

    def stop(self) -> None:
        """Write down what is left to tell."""


class Hall:
    """
    What connections share.

    :param guard: says who may do what.
    :param audit: is told who did what.
    :param now: wall time in seconds.
    :param server: name and version, as ``runjd/0.1.0``.
    """

    def __init__(
        self,
        controller: IController,
        configuration: IConfiguration,
        diagnosis: IDiagnosis,
        verbs: VerbTable,
        clock: IReactorTime,
        now: Callable[[], float],
        guard: Guard,
        audit: Audit,
        server: str,
        limits: Limits,
    ) -> None:
        self.controller = controller
        self.configuration = configuration
        self.diagnosis = diagnosis
        self.verbs = verbs
        self.clock = clock
        self.now = now
        self.guard = guard
        self.audit = audit
        self._server = server
        self._limits = limits
        self._members: dict[Member, Principal] = {}
        self._lingering: set[Member] = set()
        self._users: Counter[str] = Counter()
        self._listeners: dict[Member, None] = {}
        self._subscription: ISubscription | None = None
        self._problems = 0

    @property
    def members(self) -> int:
        """How many connections there are."""
        return len(self._members)

    def admit(self, member: Member, principal: Principal) -> None:
        """
        Take in a connection.

        :raise Denied: no rule allows anything to who connected.
        :raise Busy: there are too many connections.
        """
        if self.guard.is_stranger(principal):
            self.audit.denied(principal, "connect", (), NO_RULE)
            raise Denied(
                f"no rule of the configuration allows {principal.name} anything", role="none", who=principal.name
            )
        kept = 0 if self.guard.role_of(principal) == "admin" else min(KEPT, self._limits.connections // 4)
        if len(self._members) >= self._limits.connections - kept:
            raise Busy(f"there are {len(self._members)} connections already", retry_ms=1000)
        name = principal.name
        if self._users[name] >= self._limits.connections_of_user:
            raise Busy(f"{name} has {self._users[name]} connections already", retry_ms=1000)
        self._members[member] = principal
        self._users[name] += 1

    def linger(self, member: Member) -> bool:
        """Return whether a connection that was refused may stay open for a moment."""
        if len(self._lingering) >= MAX_LINGERING:
            return False
        self._lingering.add(member)
        return True

    def leave(self, member: Member) -> None:
        """Forget a connection."""
        self._lingering.discard(member)
        self.unlisten(member)
        principal = self._members.pop(member, None)
        if principal is not None:
            self._users[principal.name] -= 1
            if not self._users[principal.name]:
                del self._users[principal.name]

    def listen(self, member: Member) -> None:
        """Show this connection the events from now on."""
        self._listeners[member] = None
        if self._subscription is None:
            self._subscription = self.controller.events.subscribe(self._announce)

    def unlisten(self, member: Member) -> None:
        """Show this connection no more events."""
        self._listeners.pop(member, None)
        if not self._listeners and self._subscription is not None:
            self._subscription.cancel()
            self._subscription = None

    def close(self, reason: str) -> None:
        """Close all connections, saying why."""
        for member in list(self._members):
            member.say_goodbye(reason)
        self.audit.stop()

    def reconsider(self) -> None:
        """Other rules are in force: end what they do not allow, and send strangers away."""
        for member, principal in list(self._members.items()):
            if self.guard.is_stranger(principal):
                member.say_goodbye(f"no rule of the configuration allows {principal.name} anything any more")
            else:
                member.reconsider()

    def new_reference(self) -> str:
        """Return a name for a problem that is told in the daemon's log."""
        self._problems += 1
        return f"{self.controller.run_id}-{self._problems}"

    @property
    def capabilities(self) -> Sequence[tuple[str, str]]:
        """The protocol's version, its limits, and what this server can do."""
        return [
            ("proto", "1"),
            ("server", self._server),
            ("max_line", str(MAX_LINE)),
            ("max_in_flight", str(MAX_IN_FLIGHT)),
            ("caps", ",".join(CAPABILITIES)),
        ]

    def greeting(self, principal: Principal) -> Sequence[tuple[str, str]]:
        """Return what the server says first."""
        return [
            ("ev", "hello"),
            ("proto", "1"),
            ("server", self._server),
            ("run", self.controller.run_id),
            ("pid", str(os.getpid())),
            ("role", self.guard.role_of(principal)),
            *who_fields(principal)[:1],
            ("max_line", str(MAX_LINE)),
            ("caps", ",".join(CAPABILITIES)),
        ]

    def _announce(self, event: Event) -> None:
        written: list[bytes] = []

        def line() -> bytes:
            if not written:
                written.append(event_line(event))
            return written[0]

        for member in list(self._listeners):
            member.announce(event, line)
