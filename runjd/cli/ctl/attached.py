"""The verbs that connect us to a program of a jail: run, attach, exec."""

from __future__ import annotations

import os

from runjd.cli.ctl.changes import program_status
from runjd.cli.ctl.returning import StillThere, come_back
from runjd.cli.ctl.session import Ended, Session, Streams
from runjd.cli.ctl.signals import Interrupted, Signals
from runjd.cli.output import to_values
from runjd.cli.terminal import DEFAULT_DETACH_KEYS, DetachKeys, Terminal, parse_keys, window_size
from runjd.errors import BadArgument, Denied, Gone, RunjdError
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Mapping

    from runjd.cli.ctl.call import Call
    from runjd.cli.ctl.client import Client
else:
    import _signal

_ENDING = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGQUIT)
#: so many times ^C is passed on to a program before we leave it alone
_PATIENCE = 2
#: how our input is to reach the program
_INPUTS = {"read-only": "no", "share": "share", "steal": "steal"}
_UNKNOWN = 125
#: what the next daemon answers where the program is not there any more
_ENDED = ("STATE", "NOTFOUND", "NOJAIL")


def is_image(name: str) -> bool:
    """Return whether it is rather the name of an image in a registry, as ``docker.io/library/nginx``."""
    host, slash, _ = name.partition("/")
    return bool(slash) and "." in host.strip(".")


def run(call: Call) -> int:
    """Define a jail and start it; stay with it unless told otherwise."""
    given = call.given
    named = given.argument("BUNDLE")
    if is_image(named) and not os.path.exists(named):
        raise BadArgument(f'"{named}" is an image, and a bundle is a directory: podman makes a root of an image')
    bundle = os.path.abspath(named)
    name = given.value("name", os.path.basename(bundle))
    if not name and not given.flag("name"):
        raise BadArgument(f'"{bundle}" gives the jail no name; give it one by --name')
    options = {key: given.value(key) for key in ("runtime", "restart") if given.flag(key)}
    if given.flag("rm"):
        options["rm"] = "yes"
    if given.flag("interactive"):
        options["stdin"] = "yes"
    options.update(_size(call))
    if given.flag("detach"):
        answer = call.client().ask(Request("", "RUN", (name, bundle), options))
        call.pass_notices(answer.fields)
        if call.is_json:
            call.put_json(to_values({"jail": name, **answer.fields}))
        else:
            call.out.line(name)
        return 0
    request = Request("", "RUN", (name, bundle), {**options, "mode": "frame"})
    attached = _Attached(call, name, sends=given.flag("interactive"), wants_terminal=given.flag("tty"))
    return attached.carry(request, "run")


def attach(call: Call) -> int:
    """See what a jail writes, and type into it."""
    given, name = call.given, call.given.argument("ID")
    options = {"mode": "frame", **_size(call)}
    if given.flag("exec"):
        options["exec"] = given.value("exec")
    if given.flag("lines"):
        options["lines"] = given.value("lines")
    asked = [how for flag, how in _INPUTS.items() if given.flag(flag)]
    if len(asked) > 1:
        raise BadArgument("--read-only, --share and --steal do not go together")
    if asked:
        options["input"] = asked[0]
    attached = _Attached(call, name, sends=not given.flag("read-only"))
    return attached.carry(Request("", "ATTACH", (name,), options), "attach")


def execute(call: Call) -> int:
    """Run another program in a jail."""
    given = call.given
    name = given.argument("ID")
    options = {option: given.value(option) for option in ("user",) if given.flag(option)}
    if given.flag("workdir"):
        options["cwd"] = given.value("workdir")
    variables = _variables(call)
    if given.flag("tty") and "TERM" in call.environment and not any(each[:5] == "TERM=" for each in variables):
        variables.append(f"TERM={call.environment['TERM']}")
    for number, variable in enumerate(variables, 1):
        options[f"env.{number}"] = variable
    if given.flag("interactive"):
        options["stdin"] = "yes"
    if given.flag("tty"):
        options["tty"] = "yes"
        options.update(_size(call))
    words = (name, *given.words("COMMAND"))
    if given.flag("detach"):
        answer = call.client().ask(Request("", "EXEC", words, {**options, "detach": "yes"}))
        if call.is_json:
            call.put_json(to_values(answer.fields))
        else:
            call.out.line(answer.fields.get("exec", ""))
        return 0
    attached = _Attached(call, name, sends=given.flag("interactive"), wants_terminal=given.flag("tty"))
    return attached.carry(Request("", "EXEC", words, {**options, "mode": "frame"}), "exec")


class _Attached:
    """
    One program on the other side of our descriptors, from the request to the exit status.

    :param sends: whether our standard input is passed on.
    :param wants_terminal: whether the program was asked to have a terminal.
    """

    def __init__(self, call: Call, name: str, sends: bool, wants_terminal: bool = False) -> None:
        self._call = call
        self._name = name
        self._sends = sends
        self._wants_terminal = wants_terminal
        self._exec = self._pid = ""
        self._passed = 0
        self._is_left = False
        self._keys = parse_detach_keys(call.given.value("detach-keys", DEFAULT_DETACH_KEYS))

    def carry(self, request: Request, verb: str) -> int:
        """Ask for the program, carry its bytes, come back to it where the daemon goes, and return its status."""
        client = self._call.client()
        fields, first = client.upgrade(request)
        self._call.pass_notices(fields)
        self._exec, self._pid = fields.get("exec", ""), fields.get("pid", "")
        ended = self._carry(client, fields, first, verb)
        while ended.how == "lost" or (ended.how == "exit" and not ended.fields):
            client.close()
            try:
                run = client.greeting.get("run", "")
                client = come_back(self._call.another_client, run, self._call.notice, Gone("no daemon came"))
                if self._is_another(client):
                    ended = Ended("exit", self._end_of(client))
                    break
                fields, first = client.upgrade(self._again(request))
            except RunjdError as error:
                self._is_left = isinstance(error.__cause__, StillThere)
                if error.code in _ENDED:
                    ended = Ended("exit", self._end_of(client))
                break
            self._call.notice(f"connected again; what {self._name} wrote meanwhile is in its log")
            ended = self._carry(client, fields, first, verb)
        client.close()
        return self._conclude(ended, verb)

    def _again(self, request: Request) -> Request:
        """Return what leads to the same program once more."""
        options = {"mode": "frame", **_size(self._call)}
        if self._exec:
            options["exec"] = self._exec
        if "input" in request.options:
            options["input"] = request.options["input"]
        return Request("", "ATTACH", (self._name,), options)

    def _is_another(self, client: Client) -> bool:
        """Whether the jail runs anew: our program has ended, and nothing that we type is meant for the next one."""
        if self._exec or not self._pid:
            return False
        try:
            told = next(iter(client.ask(Request("", "STATUS", (self._name,))).records), {})
        except Denied:
            return False  # who may only attach is not told
        return told.get("pid", self._pid) != self._pid

    def _end_of(self, client: Client) -> Mapping[str, str]:
        """Return how the program ended while nobody could tell us."""
        try:
            if self._exec:
                told = client.ask(Request("", "WAIT", (self._name,), {"exec": self._exec})).fields
            else:
                told = next(iter(client.ask(Request("", "STATUS", (self._name,))).records), {})
        except RunjdError:
            told = {}
        return {key: told[key] for key in ("exit", "signal") if key in told} or {"exit": "unknown"}

    def _carry(self, client: Client, fields: Mapping[str, str], first: bytes, verb: str) -> Ended:
        """Carry bytes until one side ends that."""
        has_terminal = fields.get("tty") == "yes"
        if self._wants_terminal and not has_terminal:
            self._call.notice('the program has no terminal: the bundle does not ask for one ("process.terminal")')
        is_tty = os.isatty(self._call.stdin)
        # a program on a terminal can be typed into whenever we have one, too
        sends = self._sends or (verb == "run" and has_terminal and is_tty)
        if sends and fields.get("input") == "no" and fields.get("typist"):
            self._call.notice(
                f"{fields['typist']} types into {self._name}, and you look on; "
                "--steal takes that place, --share types beside"
            )
        terminal = Terminal(self._call.stdin) if has_terminal and is_tty and sends else None
        keys = DetachKeys(self._keys) if terminal else None
        streams = Streams(self._call.stdin if sends else None, self._call.out.fd, self._call.err.fd)
        passes_signals = verb != "attach" and terminal is None
        with Signals((*_ENDING, _signal.SIGWINCH, _signal.SIGCONT)) as signals:
            on_signal = self._pass_signal if passes_signals else None
            session = Session(client.socket, first, streams, signals, terminal, keys, on_signal)
            return _in_raw_mode(terminal, session)

    def _conclude(self, ended: Ended, verb: str) -> int:
        which = f"--exec {self._exec} {self._name}" if self._exec else self._name
        again = f"runjctl attach {which} comes back to it"
        if ended.how == "exit" and not ended.fields and self._is_left:
            raise Gone(
                f"the daemon hears no more of {self._name}, as its keeper ended; see how it is: "
                f"runjctl status {self._name}"
            )
        if ended.how == "exit" and not ended.fields:
            raise Gone(f"the daemon ended and left {self._name} to itself; see how it is: runjctl status {self._name}")
        if ended.how == "exit" and "closed" in ended.fields:
            raise Gone(f"{ended.fields['closed']} closed this session; {again}")
        if ended.how == "exit":
            status = program_status(ended.fields)
            if status is None:
                self._call.notice("the program ended, and nobody saw how")
            return _UNKNOWN if status is None else status
        if ended.how == "detached":
            self._call.notice(f"detached from {self._name}" + (f"; {again}" if verb != "exec" else ""))
            return 0
        if ended.how == "lost":
            raise Gone(f"the connection was lost; {again}")
        if ended.how == "signal":
            if self._passed:
                self._call.notice(f"{self._name} may still run; runjctl stop {self._name} stops it")
            raise Interrupted(ended.signum)
        raise Interrupted(_signal.SIGPIPE)

    def _pass_signal(self, signum: int) -> bool:
        """Send a signal that was meant for the program on to it; False: we are to end ourselves."""
        if self._passed >= _PATIENCE:
            return False
        self._passed += 1
        options = {"exec": self._exec} if self._exec else {}
        try:
            client = self._call.another_client()
            try:
                client.ask(Request("", "KILL", (self._name, str(signum)), options))
            finally:
                client.close()
        except RunjdError:
            return False
        return True


def parse_detach_keys(text: str) -> bytes:
    """Return the bytes of the keys. :raise BadArgument: they are none."""
    try:
        return parse_keys(text)
    except ValueError as error:
        raise BadArgument(f"--detach-keys: {error}") from None


def _in_raw_mode(terminal: Terminal | None, session: Session) -> Ended:
    if terminal is None:
        return session.run()
    with terminal:
        return session.run()


def _size(call: Call) -> dict[str, str]:
    size = window_size(call.stdin)
    return {"rows": str(size[0]), "cols": str(size[1])} if size else {}


def _variables(call: Call) -> list[str]:
    """Return NAME=VALUE for each --env; a NAME alone takes our own value, or nothing where we have none."""
    found = []
    for text in call.given.values("env"):
        name, equals, _ = text.partition("=")
        if not name:
            raise BadArgument(f'--env: "{text}" names no variable')
        if equals:
            found.append(text)
        elif name in call.environment:
            found.append(f"{name}={call.environment[name]}")
    return found
