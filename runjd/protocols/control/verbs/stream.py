"""The verbs that look into a process: ATTACH EXEC RESIZE SESSIONS."""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from runjd.errors import BadArgument, no_session
from runjd.interfaces import IController, IViewer
from runjd.policy.access import JAIL, JAILS
from runjd.policy.facts import INPUTS, ExitRecord
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.reply import format_record
from runjd.protocols.control.request import Request
from runjd.protocols.control.verbs.arguments import Argument, Arguments
from runjd.protocols.control.verbs.lifecycle import COLUMNS, MODE, ROWS, STDIN, window_size
from runjd.protocols.control.verbs.query import EXEC, ID
from runjd.protocols.control.verbs.render import guest_fields, session_fields
from runjd.protocols.control.verbs.scrollback import MAX_LINES, scrollback
from runjd.protocols.control.verbs.table import Verb
from runjd.protocols.control.verbs.values import (
    absolute_path,
    anything,
    number,
    one_of,
    something,
    user,
    variable,
    yes,
)
from runjd.spec.ids import check_id
from runjd.spec.model import ConsoleSize, Process, User

COMMAND = Argument("CMD", something, is_required=True)
ARGUMENTS = Argument("ARG", anything, is_repeated=True)
TTY = Argument("tty", yes, "yes|no")
DETACH = Argument("detach", yes, "yes|no")
USER = Argument("user", user, "UID[:GID]")
CWD = Argument("cwd", absolute_path, "DIRECTORY")
ENV = Argument("env", variable, "NAME=VALUE", is_repeated=True)
INPUT = Argument("input", one_of(*INPUTS), "|".join(INPUTS))
OF_JAIL = Argument("ID", check_id)
SCROLLBACK = Argument("lines", number(0, MAX_LINES), "N")
CLOSE = Argument("close", number(1, 2**62), "SESSION")


async def attach(call: Call) -> Reply:
    """ATTACH."""
    asked, size = call.arguments, window_size(call)
    jail, mode = asked.need(ID), asked.get(MODE, "raw")
    call.connection.refuse_stream(call.tag)
    exec_id, lines = asked.get(EXEC, ""), asked.get(SCROLLBACK, 0)
    if exec_id and lines:
        raise BadArgument(
            "attach: lines= reads the jail's log, which exec processes have none of", verb="attach", arg="lines"
        )
    stream = call.connection.make_stream(mode)
    session = call.controller.attach(jail, stream, call.by, exec_id, asked.get(INPUT, "free"))
    stream.take(session)
    if size is not None:
        session.resize(*size)
    if lines:
        try:
            stream.show_first(await scrollback(call, call.controller.log(jail), session, lines))
        except BaseException:
            session.detach()
            raise
    return Reply(session_fields(jail, mode, session), stream=stream, session=session)


async def exec_process(call: Call) -> Reply:
    """EXEC."""
    asked = call.arguments
    jail, mode, stdin = asked.need(ID), asked.get(MODE, "raw"), asked.get(STDIN, default=False)
    window_size(call)
    if asked.get(DETACH):
        if asked.get(MODE) is not None:
            raise BadArgument("exec: mode= does not go with detach=yes", verb="exec", arg="mode")
        process = process_of(await call.controller.exec_defaults(jail), asked)
        session = await call.controller.exec(jail, process, _Unwatched(), call.by, stdin, detached=True)
        session.detach()
        return Reply([("jail", jail), ("exec", session.exec_id), ("pid", str(session.pid))])
    call.connection.refuse_stream(call.tag)
    process = process_of(await call.controller.exec_defaults(jail), asked)
    stream = call.connection.make_stream(mode)
    stream.closes_stdin = stdin and not process.terminal
    session = await call.controller.exec(jail, process, stream, call.by, stdin)
    return Reply(session_fields(jail, mode, session), stream=stream, session=session)


def resize(call: Call) -> Reply:
    """RESIZE."""
    jail, size, exec_id = call.arguments.need(ID), window_size(call), call.arguments.get(EXEC, "")
    if size is None:
        raise BadArgument("resize needs rows= and cols=", verb="resize", arg="rows")
    call.controller.resize(jail, exec_id, *size)
    return Reply([("jail", jail), ("rows", str(size[0])), ("cols", str(size[1]))])


def sessions(call: Call) -> Reply:
    """SESSIONS."""
    jail, number = call.arguments.get(OF_JAIL, ""), call.arguments.get(CLOSE)
    if number is None:
        seen = {facts.id for facts in call.jails()}
        lines = [
            format_record(call.tag, guest_fields(each)) for each in call.controller.sessions(jail) if each.jail in seen
        ]
        return Reply([("n", str(len(lines)))], body=lines)
    if jail:
        raise BadArgument("sessions: close= takes the number of a session, and no jail", verb="sessions", arg="close")
    found = next((each.jail for each in call.controller.sessions() if each.number == number), "")
    if found and not call.permit.sees(found):
        raise no_session(number)
    closed = call.controller.close_session(number, call.by)
    return Reply([("session", str(number)), ("jail", closed.jail)])


def process_of(defaults: Process, asked: Arguments) -> Process:
    """Return the process to run: the jail's own user, environment, directory and rights, but for what is asked."""
    rows, columns = asked.get(ROWS), asked.get(COLUMNS)
    terminal = asked.get(TTY, default=False)
    who = asked.get(USER)
    owner = defaults.user
    if who is not None:
        owner = User(who[0], owner.gid if who[1] is None else who[1], owner.umask)
    return defaults._replace(
        args=(asked.need(COMMAND), *asked.all(ARGUMENTS)),
        cwd=asked.get(CWD, defaults.cwd),
        env=merge_environment(defaults.env, tuple(asked.all(ENV))),
        terminal=terminal,
        console_size=ConsoleSize(rows, columns) if rows and columns and terminal else None,
        user=owner,
    )


def merge_environment(base: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Return the variables of both; what stands in ``more`` replaces what has the same name."""
    found = {text.partition("=")[0]: text for text in base}
    found.update((text.partition("=")[0], text) for text in more)
    return tuple(found.values())


def _jails_of_session(arguments: Arguments, controller: IController) -> Sequence[str]:
    """Return the jail that is named."""
    return arguments.all(OF_JAIL)


def _jail_of_number(arguments: Arguments, controller: IController) -> Sequence[str]:
    """Return the jail of the session that is to be closed."""
    number = arguments.get(CLOSE)
    return [facts.jail for facts in controller.sessions() if facts.number == number]


def _always(request: Request) -> bool:
    return True


def _exec_makes_stream(request: Request) -> bool:
    return request.options.get(DETACH.name) != "yes"


@implementer(IViewer)
class _Unwatched:
    """Nobody looks at the process from its first moment on."""

    def out(self, data: bytes) -> None:
        pass

    def err(self, data: bytes) -> None:
        pass

    def gap(self, lost: int) -> None:
        pass

    def ended(self, exit: ExitRecord | None) -> None:
        pass

    def input_changed(self, types: bool, by: str) -> None:
        pass

    def dismissed(self, by: str) -> None:
        pass


_EXEC_KEYS = (MODE, TTY, STDIN, USER, CWD, ENV, ROWS, COLUMNS, DETACH)

VERBS = (
    Verb(
        "ATTACH",
        "operator",
        "Look at a jail's output and type into it.",
        attach,
        (ID,),
        (MODE, EXEC, INPUT, SCROLLBACK, ROWS, COLUMNS),
        _always,
        about=JAIL,
    ),
    Verb(
        "EXEC",
        "operator",
        "Run a program in a jail.",
        exec_process,
        (ID, COMMAND, ARGUMENTS),
        _EXEC_KEYS,
        _exec_makes_stream,
        about=JAIL,
    ),
    Verb("RESIZE", "operator", "Set the size of a terminal.", resize, (ID,), (ROWS, COLUMNS, EXEC), about=JAIL),
    Verb(
        "SESSIONS",
        "operator",
        "Who is attached; or close a session.",
        sessions,
        (OF_JAIL,),
        (CLOSE,),
        about=JAILS,
        jails=_jails_of_session,
        finds=_jail_of_number,
    ),
)
