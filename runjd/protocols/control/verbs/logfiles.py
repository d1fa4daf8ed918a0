"""LOG rotate and LOG reopen: the files of logs, not their lines."""

from __future__ import annotations

from twisted.internet.defer import DeferredList

from runjd.errors import BadArgument, Denied
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.roles import is_allowed
from runjd.protocols.control.verbs.arguments import Argument
from runjd.protocols.control.verbs.query import ID
from runjd.spec.ids import check_id

JAILS = Argument("JAIL", check_id, is_repeated=True)
DEEDS = ("rotate", "reopen")
_ROLE = "operator"


def is_deed(call: Call) -> bool:
    """
    Return whether a request is about files; a jail that is called like a deed is read where any key is given.

    :raise BadArgument: it is about lines, and names more than one jail.
    """
    first, jails = call.arguments.need(ID), call.arguments.all(JAILS)
    if first in DEEDS and (jails or call.arguments.names == {ID.name}):
        return True
    if jails:
        raise BadArgument(f'log takes no such argument: "{jails[0]}"', verb="log", arg=jails[0])
    return False


async def tend(call: Call) -> Reply:
    """LOG rotate, LOG reopen."""
    deed = call.arguments.need(ID)
    if not is_allowed(call.principal.role, _ROLE):
        raise Denied(f"log {deed} needs the role {_ROLE}", verb="log", role=call.principal.role)
    jails = call.arguments.all(JAILS) or [facts.id for facts in call.controller.jails()]
    logs = [call.controller.log(each) for each in jails]  # all of them are there, or nothing is done
    work = [each.tend(deed) for each in logs]
    await DeferredList(work)
    for tended in work:
        await tended
    return Reply([("n", str(len(jails)))])
