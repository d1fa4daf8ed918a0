"""What a verb is given, and what it gives back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from runjd.errors import TimedOut
from runjd.interfaces import IConfiguration, IController, IDiagnosis, ISession
from runjd.policy.facts import Event, Facts
from runjd.policy.principal import Principal

if TYPE_CHECKING:
    from runjd.protocols.control.authority import Permit
    from runjd.protocols.control.streams import Stream
    from runjd.protocols.control.verbs.arguments import Arguments
    from runjd.protocols.control.verbs.table import VerbTable

T = TypeVar("T")


class Connection(Protocol):
    """What the verbs that are about the connection itself may do with it."""

    @property
    def is_subscribed(self) -> bool:
        """Whether a subscription is open."""

    def subscribe(self, shown: Callable[[Event], Event | None]) -> None:
        """Show events as they are returned, where they are."""

    def unsubscribe(self) -> None:
        """Show no more events."""

    def cancel(self, tag: str) -> bool:
        """End the request of that tag, or return False."""

    def refuse_stream(self, tag: str) -> None:
        """:raise WrongState: the connection cannot become a stream now."""

    def make_stream(self, mode: str) -> Stream:
        """Return what the connection would become. :raise Closing: the client is gone."""

    async def follow(self, pages: AsyncGenerator[Sequence[bytes]]) -> None:
        """Write pages between the replies, each when the one before is on its way."""

    def reopen_audit(self) -> Deferred[None]:
        """Let go of the file that tells who did what, because somebody else moved it."""

    def close(self) -> None:
        """Close, once all that was said is sent."""

    @property
    def capabilities(self) -> Sequence[tuple[str, str]]:
        """The protocol's version, its limits, and what this server can do."""

    @property
    def greeting(self) -> Sequence[tuple[str, str]]:
        """What the server said first."""

    @property
    def verbs(self) -> VerbTable:
        """What can be asked."""


class Call:
    """
    One request on its way through a verb.

    :ivar by: who asks, for the controller.
    :ivar permit: what is allowed of it.
    """

    __slots__ = (
        "arguments",
        "by",
        "clock",
        "configuration",
        "connection",
        "controller",
        "diagnosis",
        "now",
        "permit",
        "principal",
        "tag",
        "verb",
    )

    def __init__(
        self,
        verb: str,
        tag: str,
        arguments: Arguments,
        principal: Principal,
        permit: Permit,
        controller: IController,
        configuration: IConfiguration,
        diagnosis: IDiagnosis,
        connection: Connection,
        clock: IReactorTime,
        now: Callable[[], float],
    ) -> None:
        self.verb = verb
        self.tag = tag
        self.arguments = arguments
        self.principal = principal
        self.by = principal.name
        self.permit = permit
        self.controller = controller
        self.configuration = configuration
        self.diagnosis = diagnosis
        self.connection = connection
        self.clock = clock
        self.now = now

    def jails(self) -> list[Facts]:
        """Return all jails with which this is allowed."""
        return self.permit.among(self.controller.jails())

    async def within(self, work: Deferred[T], seconds: float | None, what: str) -> T:
        """
        Wait for the work, which goes on when the waiting ends.

        :raise TimedOut: after so many seconds.
        """
        if seconds is None:
            return await work
        is_late = False

        def give_up() -> None:
            nonlocal is_late
            is_late = True
            work.cancel()

        timer = self.clock.callLater(seconds, give_up)
        try:
            return await work
        except Exception:
            if is_late:
                raise TimedOut(f"{what} took longer than {seconds:g} seconds; it goes on") from None
            raise
        finally:
            if timer.active():
                timer.cancel()


class Reply:
    """
    An answer: text or records, then the fields of the ``+`` line.

    :param fields: read when the body is at its end, which may have added to them.
    :param body: lines, made one by one as the client takes them.
    :param pages: lines that have to be waited for; in place of ``body``.
    :param stream: the connection becomes this, once the reply is written.
    :param session: the process that the stream shows.
    :param then: lines right behind the reply that are not of it.
    :param after: called once the reply is written.
    """

    __slots__ = ("after", "body", "fields", "pages", "session", "stream", "then")

    def __init__(
        self,
        fields: list[tuple[str, str]],
        *,
        body: Iterable[bytes] = (),
        pages: AsyncGenerator[Sequence[bytes]] | None = None,
        stream: Stream | None = None,
        session: ISession | None = None,
        then: Iterable[bytes] | None = None,
        after: Callable[[], None] | None = None,
    ) -> None:
        self.fields = fields
        self.body = body
        self.pages = pages
        self.stream = stream
        self.session = session
        self.then = then
        self.after = after
