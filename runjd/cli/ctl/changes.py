"""The verbs that change jails, or wait for them: start, stop, restart, enable, reset, kill, delete, wait and others."""

from __future__ import annotations

from runjd.cli.ctl.waiting import Waiting
from runjd.cli.output import to_values, visible
from runjd.cli.terminal import window_size
from runjd.errors import BadArgument, NoSuchJail, RunjdError
from runjd.protocols.control.request import Request
from runjd.spec.signals import signal_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runjd.cli.ctl.call import Call
    from runjd.cli.ctl.client import Answer


#: what to do about a jail that was just written down
_ADDED = '; "runjctl reload" takes what was added to the configuration'
_STARTING = frozenset({"START", "RESTART"})


def start(call: Call) -> int:
    """Start jails."""
    once = {"once": "yes"} if call.given.flag("once") else {}
    return _each(call, "START", {**once, **_options(call, "wait", "timeout")})


def stop(call: Call) -> int:
    """Stop jails."""
    return _each(call, "STOP", _options(call, "wait", timeout="grace"))


def restart(call: Call) -> int:
    """Stop jails and start them again."""
    return _each(call, "RESTART", _options(call, "wait", timeout="grace"))


def try_restart(call: Call) -> int:
    """Stop jails that are not down, and start them again."""
    return _each(call, "TRY-RESTART", _options(call, "wait", timeout="grace"))


def pause(call: Call) -> int:
    """Have the processes of jails stand still."""
    return _each(call, "PAUSE", _options(call, "timeout"))


def resume(call: Call) -> int:
    """Let the processes of paused jails go on."""
    return _each(call, "RESUME", _options(call, "timeout"))


def reset(call: Call) -> int:
    """Forget the failures of jails."""
    return _each(call, "RESET", {})


def enable(call: Call) -> int:
    """Have jails come up at boots."""
    return _each(call, "ENABLE", {})


def disable(call: Call) -> int:
    """Have jails stay down at boots."""
    return _each(call, "DISABLE", {})


def kill(call: Call) -> int:
    """Send a signal."""
    number = signal_number(call.given.value("signal", "TERM"))
    return _each(call, "KILL", {"all": "yes"} if call.given.flag("all") else {}, words=(str(number),))


def delete(call: Call) -> int:
    """Forget jails."""
    return _each(call, "DELETE", {"force": "yes"} if call.given.flag("force") else {})


def wait(call: Call) -> int:
    """Wait for jails, and write the exit status of each that stopped."""
    until = call.given.value("until", "stopped")
    options = {"until": until, **_options(call, "timeout", "exec")}
    return _each(call, "WAIT", options, shows_status=until == "stopped")


def resize(call: Call) -> int:
    """Set the size of a jail's terminal to the one that is given, or to ours."""
    given = (call.given.argument("ROWS"), call.given.argument("COLUMNS"))
    if all(given):
        rows, columns = given
    elif any(given):
        raise BadArgument("COLUMNS is missing; usage: runjctl resize ID [ROWS COLUMNS]")
    else:
        size = window_size(call.out.fd) or window_size(call.stdin)
        if size is None:
            raise BadArgument("we have no terminal whose size could be taken; give ROWS and COLUMNS")
        rows, columns = str(size[0]), str(size[1])
    options = {"rows": rows, "cols": columns, **_options(call, "exec")}
    call.client().ask(Request("", "RESIZE", (call.given.argument("ID"),), options))
    return 0


def program_status(fields: Mapping[str, str]) -> int | None:
    """Return the exit status of a process as a shell has it, None where nobody saw it."""
    signal, status = fields.get("signal", ""), fields.get("exit", "")
    if signal.isdigit():
        return 128 + int(signal)
    return int(status) if status.isdigit() else None


def _options(call: Call, *names: str, **renamed: str) -> dict[str, str]:
    """Return the options that were given, as keys of the protocol."""
    keys = {**{name: name for name in names}, **renamed}
    return {key: call.given.value(name) for name, key in keys.items() if call.given.flag(name)}


def _each(
    call: Call, verb: str, options: dict[str, str], words: tuple[str, ...] = (), shows_status: bool = False
) -> int:
    """Ask for each of the jails, all at once; the exit status is that of the first failure in the order given."""
    jails = list(dict.fromkeys(call.given.words("ID")))
    outcomes: dict[str, Answer | RunjdError] = {}
    with Waiting(call, verb, jails) as waiting:
        for request, found in call.client().ask_all([Request("", verb, (jail, *words), options) for jail in jails]):
            jail = request.words[0]
            waiting.ended(jail)
            outcomes[jail] = found
            if isinstance(found, RunjdError):
                _tell(call, jail, found, _ADDED if verb in _STARTING else "")
                continue
            call.pass_notices(found.fields)
            if call.is_json:
                call.put_json(to_values({"jail": jail, **_merged(found)}))
            elif shows_status:
                number = program_status(_merged(found))
                text = "unknown" if number is None else str(number)
                call.out.line(f"{jail} {text}" if len(jails) > 1 else text)
    failures = [found for jail in jails if isinstance(found := outcomes[jail], RunjdError)]
    return failures[0].exit_status if failures else 0


def _merged(answer: Answer) -> dict[str, str]:
    fields: dict[str, str] = {}
    for each in (*answer.records, answer.fields):
        fields.update(each)
    return fields


def _tell(call: Call, jail: str, error: RunjdError, unknown: str) -> None:
    """Tell a failure; ``unknown`` is added where the jail is not known, and none has such a name."""
    if call.is_json:
        call.put_json({"jail": jail, "error": error.to_record()})
        return
    hint = unknown if error.code == NoSuchJail.code and "; " not in error.message else ""
    call.err.write(f"{call.err.styled('runjctl:', 'bad')} {visible(error.message)}{hint}\n")
