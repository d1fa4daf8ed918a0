"""
The requests of one connection: their order, their tags, their answers.

Untagged requests are carried out strictly one after another, tagged ones at
once.  A request is in flight until its last line was given to the transport, so
a client that does not read stops being read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.errors import BadArgument, Cancelled, Denied, RunjdError, SyntaxFault, TooLong, UnknownVerb
from runjd.policy.principal import Principal
from runjd.protocols.control.authority import Permit, authorise
from runjd.protocols.control.call import Call, Connection, Reply
from runjd.protocols.control.hall import Hall
from runjd.protocols.control.outlet import Outlet, Unit
from runjd.protocols.control.reply import format_failure, format_success
from runjd.protocols.control.request import Request, parse_request, split_tag
from runjd.protocols.control.streams import Stream
from runjd.protocols.control.verbs.arguments import Arguments
from runjd.protocols.control.verbs.table import Verb, read_arguments
from runjd.protocols.control.verbs.veil import veiled_error


class Requests:
    """
    Requests in flight.

    :param changed: called when an answer was written.
    :param turned: called when a request for a stream was answered, with the
        stream, or with None where it was refused.
    :ivar unreadable: how many lines in a row made no sense.
    """

    _log = Logger(namespace="runjd.protocols.control")

    def __init__(
        self,
        hall: Hall,
        principal: Principal,
        connection: Connection,
        outlet: Outlet,
        changed: Callable[[], None],
        turned: Callable[[Stream | None], None],
    ) -> None:
        self._hall = hall
        self._principal = principal
        self._connection = connection
        self._outlet = outlet
        self._changed = changed
        self._turned = turned
        self._tagged: dict[str, Deferred[Any] | None] = {}
        self._queue: deque[tuple[Request, Verb] | tuple[str, RunjdError]] = deque()
        self._is_busy = False
        self._untagged_work: Deferred[Any] | None = None
        self._unread = 0
        self._is_over = False
        self._turning: Request | None = None
        self._turning_work: Deferred[Any] | None = None
        #: what was allowed of those that are not answered yet, by tag
        self._permits: dict[str, Permit] = {}
        self._stream_permit: Permit | None = None
        #: of those that were carried out, and whose answer the client has not taken yet
        self._untaken: list[Permit] = []
        self.unreadable = 0

    @property
    def is_turning(self) -> bool:
        """Whether a request for a stream is not answered yet, so that nothing behind it may be read."""
        return self._turning is not None

    @property
    def in_flight(self) -> int:
        """How many requests are not answered yet."""
        return len(self._tagged) + len(self._queue) + self._is_busy + self._unread

    def take(self, line: str | RunjdError) -> None:
        """Carry out a line that is not blank, or queue it."""
        tag = "?"
        try:
            if not isinstance(line, str):
                raise line
            tag = split_tag(line)[0]
            request = parse_request(line)
            verb = self._hall.verbs.find(request.verb)
        except (SyntaxFault, TooLong, UnknownVerb) as error:
            self.unreadable += 1
            self._answer_unread(tag, error)
            return
        except RunjdError as error:
            self.unreadable = 0
            self._answer_unread(tag, error)
            return
        self.unreadable = 0
        if request.tag in self._tagged:
            self._answer_unread("?", BadArgument(f"the tag {request.tag} is in use", tag=request.tag))
            return
        if verb.makes_stream is not None and verb.makes_stream(request):
            self._turning = request
        if request.tag:
            self._tagged[request.tag] = None
            self._carry_out(request, verb)
        elif self._is_busy:
            self._queue.append((request, verb))
        else:
            self._is_busy = True
            self._carry_out(request, verb)

    def cancel(self, tag: str) -> bool:
        """End the request of that tag; False where there is none that waits."""
        work = self._tagged.get(tag)
        if work is None:
            return False
        work.cancel()
        return True

    def other_than(self, tag: str) -> str | None:
        """Return what is in flight beside the request of that tag, for people; None if nothing is."""
        for each in self._tagged:
            if each != tag:
                return f"the request with the tag {each}"
        return "an untagged request" if tag and (self._is_busy or self._queue) else None

    def drop(self) -> None:
        """The client is gone: end what waits; what makes a stream goes on, and finds nobody."""
        self._is_over = True
        self._queue.clear()
        for permit in self._untaken:
            self._write_down(permit, "ok")
        self._untaken.clear()
        for work in (*self._tagged.values(), self._untagged_work):
            if work is not None and work is not self._turning_work:
                work.cancel()

    def reconsider(self) -> str:
        """
        Cancel what other rules do not allow any more.

        :return: why the connection must be closed: it is a stream, which is not allowed; else empty.
        """
        controller = self._hall.controller
        for tag, permit in list(self._permits.items()):
            work = self._tagged.get(tag) if tag else self._untagged_work
            if work is not None and not permit.holds(controller):
                work.cancel()
        stream = self._stream_permit
        is_over = stream is not None and not stream.holds(controller)
        return f"{stream.deed} is not allowed any more" if stream is not None and is_over else ""

    def _carry_out(self, request: Request, verb: Verb) -> None:
        try:
            hall = self._hall
            arguments, permit = self._permit(request, verb)
            self._permits[request.tag] = permit
            result = verb.carry_out(
                Call(
                    verb.name,
                    request.tag,
                    arguments,
                    self._principal,
                    permit,
                    hall.controller,
                    hall.configuration,
                    hall.diagnosis,
                    self._connection,
                    hall.clock,
                    hall.now,
                )
            )
        except Exception:
            self._answer(request, Failure())  # type: ignore[no-untyped-call]
            return
        if isinstance(result, Reply):
            self._answer(request, result)
            return
        work: Deferred[Reply] = Deferred.fromCoroutine(result)
        if not work.called:
            if request is self._turning:
                self._turning_work = work
            if request.tag:
                self._tagged[request.tag] = work
            else:
                self._untagged_work = work
        work.addBoth(lambda outcome: self._answer(request, outcome))

    def _permit(self, request: Request, verb: Verb) -> tuple[Arguments, Permit]:
        """
        Return the arguments of a request, and what is allowed of it.

        :raise Denied: nothing is, whatever else is wrong.
        """
        arguments, problem = None, None
        try:
            arguments = read_arguments(verb, request)
        except BadArgument as error:
            problem = error
        hall = self._hall
        try:
            permit = authorise(hall.guard, self._principal, verb, arguments, hall.controller)
        except Denied as error:
            jail, told = error.details.get("jail"), error.details
            hall.audit.denied(self._principal, str(told["verb"]), [str(jail)] if jail else [], str(told["rule"]))
            raise
        if arguments is None:
            raise problem or BadArgument(f"{verb.name.lower()} cannot be read")
        return arguments, permit

    def _answer(self, request: Request, outcome: Reply | Failure) -> None:
        tag = request.tag
        permit = self._permits.pop(tag, None)
        if isinstance(outcome, Failure):
            error = self._explain(outcome, permit)
            line = format_failure(tag, error)
            self._write_down(permit, error.code)
            self._put(Unit(iter(()), None, lambda _: line, lambda: self._answered(request, None)))
            return
        reply = outcome
        if reply.stream is not None and reply.session is not None:
            reply.stream.take(reply.session)
            self._stream_permit = permit

        def end(problem: Failure | None) -> bytes:
            error = self._explain(problem, permit) if problem is not None else None
            if permit is not None:
                self._untaken.remove(permit)
            self._write_down(permit, error.code if error is not None else "ok")
            return format_success(tag, reply.fields) if error is None else format_failure(tag, error)

        if self._is_over:
            self._write_down(permit, "ok")
        elif permit is not None:
            self._untaken.append(permit)
        self._put(Unit(iter(reply.body), reply.pages, end, lambda: self._answered(request, reply)))
        if reply.then is not None:
            self._put(Unit(iter(reply.then), None, lambda _: b"", lambda: None))

    def _answered(self, request: Request, reply: Reply | None) -> None:
        if request.tag:
            del self._tagged[request.tag]
        else:
            self._is_busy = False
            self._untagged_work = None
        if reply is not None and reply.after is not None:
            reply.after()
        if request is self._turning:
            self._turning = self._turning_work = None
            self._turned(reply.stream if reply is not None else None)
        elif not self._is_over:
            self._next()

    def _answer_unread(self, tag: str, error: RunjdError) -> None:
        """Answer a line that is no request: an untagged one in its turn."""
        if tag and tag != "?":
            self._refuse(tag, error)
        elif self._is_busy or self._queue:
            self._queue.append((tag, error))
        else:
            self._refuse(tag, error)

    def _refuse(self, tag: str, error: RunjdError) -> None:
        def done() -> None:
            self._unread -= 1
            self._next()

        self._unread += 1
        line = format_failure(tag, error)
        self._put(Unit(iter(()), None, lambda _: line, done))

    def _next(self) -> None:
        """Carry out what waited for its turn."""
        while self._queue and not self._is_busy and not self._is_over:
            first, second = self._queue.popleft()
            if isinstance(first, Request):
                self._is_busy = True
                self._carry_out(first, second)  # type: ignore[arg-type]
            else:
                self._refuse(first, second)  # type: ignore[arg-type]
        self._changed()

    def _write_down(self, permit: Permit | None, result: str) -> None:
        """Have it written down what a request that changes something came to."""
        if permit is not None and permit.is_change:
            self._hall.audit.changed(self._principal, permit.deed, permit.jails, result)

    def _put(self, unit: Unit) -> None:
        if not self._is_over:
            self._outlet.put(unit)

    def _explain(self, problem: Failure, permit: Permit | None) -> RunjdError:
        """
        Return what the client is told.

        What nobody foresaw is told in the daemon's log, under a reference; jails that he may not see are not named.
        """
        error = problem.value
        if isinstance(error, RunjdError):
            return veiled_error(error, permit.sees) if permit is not None else error
        if isinstance(error, CancelledError):
            return Cancelled("the request was cancelled")
        reference = self._hall.new_reference()
        if not self._is_over:
            self._log.failure("internal error {ref}", failure=problem, ref=reference)
        return RunjdError(f"an internal error; the daemon's log tells more under {reference}", ref=reference)
