"""LOG rotate and LOG reopen: the files of logs, not their lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import DeferredList

from runjd.errors import BadArgument
from runjd.interfaces import IController
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.verbs.arguments import Argument, Arguments
from runjd.protocols.control.verbs.query import ID
from runjd.spec.ids import check_id

JAILS = Argument("JAIL", check_id, is_repeated=True)
DEEDS = ("rotate", "reopen")
_ROLE = "operator"


def is_deed(arguments: Arguments) -> bool:
    """
    Return whether a request is about files; a jail that is called like a deed is read where any key is given.

    :raise BadArgument: it is about lines, and names more than one jail.
    """
    first, jails = arguments.need(ID), arguments.all(JAILS)
    if first in DEEDS and (jails or arguments.names == {ID.name}):
        return True
    if jails:
        raise BadArgument(f'log takes no such argument: "{jails[0]}"', verb="log", arg=jails[0])
    return False


def deed_of(arguments: Arguments) -> tuple[str, str] | None:
    """Return ``log-rotate`` or ``log-reopen`` with its role, where a request is about files."""
    return (f"log-{arguments.need(ID)}", _ROLE) if is_deed(arguments) else None


def jails_of(arguments: Arguments, controller: IController) -> Sequence[str]:
    """Return the jails whose logs are meant; none: all."""
    return arguments.all(JAILS) if is_deed(arguments) else [arguments.need(ID)]


async def tend(call: Call) -> Reply:
    """LOG rotate, LOG reopen."""
    deed = call.arguments.need(ID)
    jails = call.arguments.all(JAILS) or [facts.id for facts in call.jails()]
    logs = [call.controller.log(each) for each in jails]  # all of them are there, or nothing is done
    work = [each.tend(deed) for each in logs]
    if deed == "reopen" and not call.arguments.all(JAILS):
        work.append(call.connection.reopen_audit())
    # all of them, as whoever is cancelled meanwhile leaves none whose failure nobody takes
    results: list[tuple[bool, Any]] = await DeferredList(work, consumeErrors=True)
    for is_tended, result in results:
        if not is_tended:
            result.raiseException()
    return Reply([("n", str(len(jails)))])
