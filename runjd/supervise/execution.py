"""Running one more process in a jail."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from runjd.errors import Cancelled, InputOutput, LimitReached, NoSuchJail, RunjdError, RuntimeFailure, WrongState
from runjd.interfaces import ISession, IViewer
from runjd.policy.facts import ExitRecord
from runjd.protocols.keeperreplies import Launched
from runjd.spec.model import Process
from runjd.spec.parse_process import process_to_json
from runjd.supervise.events import exit_details
from runjd.supervise.exec import ExecProcess
from runjd.supervise.jail import Jail
from runjd.supervise.sessions import Session, Visit
from runjd.supervise.site import Site
from runjd.supervise.watched import connect

#: codes of the errors of whoever is on his way into a jail that ends: he is killed, or finds it gone, or its pid
#: namespace takes nobody any more, which the kernel calls want of memory
_OF_AN_END = (RuntimeFailure.code, NoSuchJail.code, LimitReached.code, InputOutput.code)
#: says of an error that whoever was on his way into a jail was killed
_KILLED = str(errno.ESRCH)
#: seconds in which the end of a jail is told that killed him
_MOMENT = 0.2


def execute(
    site: Site, jail: Jail, exec_id: str, process: Process, viewer: IViewer, by: str, stdin: bool, detached: bool
) -> Deferred[ISession]:
    """
    Run a process in a running jail.

    :return: the viewer's session; cancelled, the process runs without a viewer (one with a terminal is hung up).
    """
    is_abandoned = False

    def abandon(result: Deferred[ISession]) -> None:
        nonlocal is_abandoned
        is_abandoned = True
        result.errback(Cancelled("no longer waited for"))

    def launched(launched: Launched) -> None:
        site.events.emit(jail.id, "exec", {"exec": exec_id, "pid": launched.pid, "by": by})
        protocol = watch(site, jail, exec_id, launched)
        if is_abandoned:
            if not detached:
                protocol.hang_up()
            return
        visit = Visit(
            "exec",
            jail.id,
            launched.pid,
            launched.terminal,
            by,
            site.now(),
            exec_id,
            input="yes" if stdin or launched.terminal else "no",
            lossless=True,
            owner=not detached,
        )
        result.callback(Session(site.guests, protocol.viewers, protocol, viewer, visit))

    def failed(failure: Failure) -> None:
        if not (is_abandoned or isinstance(failure.value, CancelledError)):
            result.errback(failure)

    pid = jail.pid
    result: Deferred[ISession] = Deferred(abandon)
    size = None if process.console_size is None else (process.console_size.height, process.console_size.width)
    note: Mapping[str, object] = {"exec": exec_id, "at": site.now(), "run": site.run_id, "detached": detached}
    asked = site.spawner.exec(jail.id, exec_id, process_to_json(process), stdin=stdin, size=size, note=note)
    asked.addErrback(partial(explained_by_end, site, jail, pid))
    asked.addCallbacks(launched, failed).addErrback(_broken(result))
    return result


def explained_by_end(site: Site, jail: Jail, pid: int, failure: Failure) -> Any:
    """
    Return why the keeper could do nothing for an exec: of a jail that is gone the step that failed says little.

    :param pid: of the init process of the run that it was for.
    """

    def runs() -> bool:
        return jail.is_running and jail.pid == pid

    def judged() -> Failure:
        if runs():
            return failure
        why = f'jail "{jail.id}" ended, or was being ended, before the program ran in it; it is {jail.phase} now'
        return Failure(WrongState(why, jail=jail.id))  # type: ignore[no-untyped-call]

    error = failure.value
    if not isinstance(error, RunjdError) or error.code not in _OF_AN_END:
        return failure
    if runs() and (error.code != RuntimeFailure.code or error.details.get("errno") == _KILLED):
        # The kernel kills all of a jail before it lets go of its init process: the news of that comes next.
        return deferLater(site.reactor, _MOMENT, judged)
    return judged()


def watch(site: Site, jail: Jail, exec_id: str, launched: Launched) -> ExecProcess:
    """Listen to an exec process from the reactor's next turn on."""

    def ended(record: ExitRecord) -> None:
        jail.execs.pop(exec_id, None)
        site.exec_ends.remember(jail.id, exec_id, record)
        site.acks.give(jail.id, exec_id, launched.pid, launched.start)
        site.events.emit(jail.id, "exit", exit_details(record, exec_id), at=record.at)

    protocol = ExecProcess(ended, lambda: site.is_leaving)
    jail.execs[exec_id] = protocol
    connect(site, protocol, jail.id, launched, exec_id)
    return protocol


def _broken(result: Deferred[ISession]) -> Callable[[Failure], None]:
    def broken(failure: Failure) -> None:
        if result.called:
            failure.raiseException()
        result.errback(failure)

    return broken
