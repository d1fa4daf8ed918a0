"""What the keeper does with the daemon's requests."""

from __future__ import annotations

import os

from runjd.errors import (
    AlreadyExists,
    BadArgument,
    Busy,
    LimitReached,
    NoSuchJail,
    NotFound,
    RunjdError,
    WrongState,
    from_record,
)
from runjd.keeper import messages
from runjd.keeper.channel import Parcel
from runjd.keeper.children import Child, Children
from runjd.keeper.jobs import CLAIMED
from runjd.keeper.once import Once
from runjd.keeper.workers import Order
from runjd.spec.ids import check_id
from runjd.spec.lightjson import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Mapping
    from functools import partial

    from runjd.keeper.orphans import Orphans
    from runjd.keeper.reaping import Reaping
    from runjd.keeper.server import Session
    from runjd.keeper.spooling import Spooling
    from runjd.keeper.upgrade import Upgrade
    from runjd.keeper.workers import Workers

    Message = Mapping[str, object]
else:
    import _signal
    from _functools import partial

_PER_CHILD = 3
#: descriptors for the keeper itself, for reports on their way, and for a worker's beginning
RESERVE = 64


class Keeper:
    """
    Carries out requests.

    :param root: the state directory, to see whether a jail was there before.
    :param boot: identifies this boot of the host.
    :param descriptors_max: how many descriptors this process may have.
    :param upgrade: has another version take our place.
    :param current: returns the daemon that is connected, if there is one.
    :param stop: called once the keeper was asked to end, and may.
    """

    def __init__(
        self,
        root: str,
        boot: str,
        descriptors_max: int,
        children: Children,
        workers: Workers,
        reaping: Reaping,
        orphans: Orphans,
        spooling: Spooling,
        upgrade: Upgrade,
        current: Callable[[], Session | None],
        stop: Callable[[], None],
        log: Callable[[str], None],
    ) -> None:
        self._root = root
        self._boot = boot
        self._descriptors_max = descriptors_max
        self._children = children
        self._workers = workers
        self._reaping = reaping
        self._orphans = orphans
        self._spooling = spooling
        self._upgrade = upgrade
        self._current = current
        self._stop = stop
        self._log = log
        self._once = Once()
        self._requests: dict[str, Callable[[Session, int, Message], None]] = {
            "run": self._run,
            "create": self._run,
            "start": self._change,
            "pause": self._change,
            "resume": self._change,
            "update": self._change,
            "exec": self._exec,
            "signal": self._signal,
            "delete": self._delete,
            "close_stdin": self._close_stdin,
            "stdin": self._stdin,
            "process": self._process,
            "shutdown": self._shutdown,
            "upgrade": lambda session, req, _: self._upgrade.begin(session, req),
        }

    def received(self, session: Session, parcel: Parcel) -> None:
        """Take a message of a daemon; what is unknown is skipped."""
        message = parcel.message
        kind = message.get("m")
        if kind == "hold" and session.run:
            self._hold(parcel)
            return
        parcel.drop()  # nothing else brings descriptors
        if kind == "hello" and not session.run:
            self._greet(session, message)
        elif not session.run:
            session.close("it did not say hello first")
        elif kind == "ack":
            self._ack(message)
        elif kind == "settle":
            self._settle(message)
        elif request := self._requests.get(str(kind)):
            self._carry_out(request, session, message)

    def lost(self, session: Session) -> None:
        """Nobody wants any more what this daemon asked for, unless it has begun."""
        self._upgrade.lost(session)
        self._workers.withdraw(session)
        if session.takes_spools:
            self._spooling.begin()

    def tell_exit(self, child: Child) -> None:
        """Tell how a process ended, if a daemon is there."""
        session = self._current()
        if session is not None and session.run:
            session.say_json(_exit_message(child))

    def tell_trouble(self, reason: str) -> None:
        """Tell that exits cannot be written down, or can be again, if a daemon is there; the next one is told, too."""
        session = self._current()
        if session is not None and session.run:
            session.say(messages.tell_trouble(reason))

    @property
    def may_end(self) -> bool:
        """Whether nothing would be lost if the keeper ended now."""
        return self._children.living == 0 and self._workers.is_idle

    def _greet(self, session: Session, message: Message) -> None:
        run = message.get("run")
        session.run = run if isinstance(run, str) and run else "?"
        session.takes_spools = message.get("spool") is True
        self._spooling.end()
        if not session.takes_spools and any(child.spools for child in self._children):
            self._log("this daemon cannot read what was spooled; it is kept for one that can")
        leftovers = self._orphans.find(self._workers.jails())
        self._log(f"daemon {session.run} is here, {self._children.living} processes live")
        session.say(messages.tell_hello(os.getpid(), self._boot))
        for child in self._children:
            session.send(partial(_found, child, session))
            if child.exit is not None:
                session.say_json(_exit_message(child))
        for jail in leftovers:
            session.say(messages.tell_leftover(jail))
        if self._reaping.trouble:
            session.say(messages.tell_trouble(self._reaping.trouble))
        session.say(messages.tell_ready())

    def _carry_out(self, request: Callable[[Session, int, Message], None], session: Session, message: Message) -> None:
        req = message.get("req")
        if not isinstance(req, int):
            session.close(f"a request {message.get('m')} without a number")
            return
        try:
            request(session, req, message)
        except RunjdError as error:
            session.say(messages.tell_failed(req, error))
        except OSError as error:
            session.say(messages.tell_failed(req, RunjdError(f"{message.get('m')} failed: {error}")))

    def _run(self, session: Session, req: int, message: Message) -> None:
        jail = check_id(_text(message, "jail"))
        child = Child(jail, "", 0, 0, note=_note(message))
        _text(message, "bundle"), _text(message, "runtime")
        if message["m"] == "create":
            self._check_alone(jail)
        self._check_room()
        # where it was there before, what a worker leaves is not ours to remove, but for what it claimed
        path = os.path.join(self._root, jail)
        is_new = not os.path.lexists(path)

        def has_left(report: Parcel, is_its_own: bool) -> bool:
            error = report.message.get("error")
            if not isinstance(error, dict) or CLAIMED in report.message:
                return CLAIMED in report.message
            if not is_new or error.get("code") == AlreadyExists.code:  # somebody else was faster
                return False
            # whatever kept a worker from undoing what it had done, as want of memory, may be over
            return not is_its_own or os.path.lexists(path)

        def finished(report: Parcel, is_its_own: bool) -> None:
            if not has_left(report, is_its_own):
                self._launched(session, req, child, report)
            else:
                self._log(f"{message['m']} of {jail} came to no end; removing what it left")
                removal = {"m": "delete", "jail": jail, "force": True}
                if message["m"] == "create":
                    removal["bundle"] = message["bundle"]
                self._order(removal, lambda _: self._fail(session, req, report))

        self._submit(_job(message), finished, session)

    def _exec(self, session: Session, req: int, message: Message) -> None:
        jail, name = check_id(_text(message, "jail")), check_id(_text(message, "exec"))
        child = Child(jail, name, 0, 0, note=_note(message))
        init = self._children.find(jail, "")
        if init is not None and init.exit is not None:
            raise WrongState(f'cannot exec in "{jail}": it has ended', jail=jail)
        namesake = self._children.find(jail, name)
        if namesake is not None and namesake.exit is None:
            raise WrongState(f'"{jail}" has a process named "{name}" already', jail=jail)
        if message.get("stdio") is not None and self._workers.is_executing(jail, name):
            raise Busy(f'somebody is at work on "{name}" of "{jail}"', retry_ms=50)
        self._check_room()
        self._order(_job(message), lambda report: self._launched(session, req, child, report), session)

    def _launched(self, session: Session, req: int, child: Child, report: Parcel) -> None:
        """Take in what a worker made; ours from here on, whether its daemon still is there or not."""
        made = report.message
        if "error" in made:
            self._fail(session, req, report)
            return
        child.pid, child.start, child.jid = _int(made, "pid"), _int(made, "start"), _int(made, "jid")
        child.terminal = made["terminal"] is True
        names, notices, logger, groups = (made.get(key, []) for key in ("streams", "notices", "logger", "groups"))
        assert isinstance(names, list)
        assert isinstance(notices, list)
        assert isinstance(logger, list)
        assert isinstance(groups, list)
        child.hold(dict(zip(names, report.descriptors, strict=True)))
        self._children.add(child)
        if session.is_open:
            session.send(lambda: _launched(req, child, notices, logger, groups))
        elif (now := self._current()) is not None and now.run:
            now.send(lambda: _found(child, now))
        else:
            self._spooling.take_in(child)
        self._reaping.claim(child)

    def _signal(self, session: Session, req: int, message: Message) -> None:
        jail, name, signum = _text(message, "jail"), _text(message, "exec"), _int(message, "signal")
        if not 0 < signum < _signal.NSIG:
            raise BadArgument(f"there is no signal {signum}")
        once = str(message.get("once", ""))
        if once in self._once:
            session.say(messages.tell_done(req))
            return
        child = self._children.find(jail, name)
        is_ours = child is not None and child.is_ours
        if message.get("everyone") is True or (not is_ours and not name):

            def finished(report: Parcel) -> None:
                if "error" in report.message:
                    self._once.discard(once)
                self._answer(session, req, report)

            # not our child: the operations know whether it is the one that is meant
            self._order(_job(message), finished, session)
        else:
            child = self._living(jail, name)
            # ours and not reaped, so nobody else can have the pid
            os.kill(child.pid, signum)
            session.say(messages.tell_done(req))
        self._once.add(once)

    def _change(self, session: Session, req: int, message: Message) -> None:
        _text(message, "jail")
        self._order(_job(message), lambda report: self._answer(session, req, report), session)

    def _delete(self, session: Session, req: int, message: Message) -> None:
        jail = _text(message, "jail")
        self._children.release_terminals(jail)

        def finished(report: Parcel) -> None:
            if "error" not in report.message:
                self._bury(jail)
            self._answer(session, req, report)

        self._order(_job(message), finished, session)

    def _bury(self, jail: str) -> None:
        """A jail was removed: tell the ends of its processes before that is told."""
        self._orphans.turn()
        for child in self._children.living_of(jail):
            if child.is_ours:
                self._reaping.reap(child)
            if child.is_ours and child.exit is None:
                # entered by an exec, where nothing isolates; gone with its jail all the same
                os.kill(child.pid, _signal.SIGKILL)

    def _close_stdin(self, session: Session, req: int, message: Message) -> None:
        child = self._known(message)
        if child.terminal:
            raise WrongState("a terminal has no standard input that could be closed; send its end-of-file character")
        child.close_input()
        session.say(messages.tell_done(req))

    def _stdin(self, session: Session, req: int, message: Message) -> None:
        child = self._known(message)
        if not child.takes_input:
            raise WrongState(f'the standard input of "{child.jail}" is closed', jail=child.jail)

        def give() -> Parcel:
            if child.input < 0:  # closed before its turn came
                return Parcel(messages.tell_failed(req, WrongState("the standard input was closed")))
            return Parcel(messages.tell_stdin(req), (child.input,))

        session.send(give)

    def _hold(self, parcel: Parcel) -> None:
        """Keep the terminal of an orphan, so that it outlives the daemon, too."""
        child = self._children.find(str(parcel.message.get("jail")), "")
        is_meant = child is not None and child.exit is None and child.pid == parcel.message.get("pid")
        if child is None or not is_meant or not child.lacks_terminal or len(parcel.descriptors) != 1:
            parcel.drop()
            return
        child.hold({"tty": parcel.descriptors[0]})
        child.notices = ()

    def _process(self, session: Session, req: int, message: Message) -> None:
        def finished(report: Parcel) -> None:
            if "error" in report.message:
                self._fail(session, req, report)
            else:
                session.say(messages.tell_process_json(req, report.message["process"]))

        _text(message, "jail")
        self._order(_job(message), finished, session)

    def _ack(self, message: Message) -> None:
        jail, name, pid = message.get("jail"), message.get("exec"), message.get("pid")
        if isinstance(jail, str) and isinstance(name, str) and isinstance(pid, int):
            self._reaping.forget(jail, name, pid)

    def _settle(self, message: Message) -> None:
        child = self._children.find(str(message.get("jail")), "")
        if child is not None and child.pid == message.get("pid"):
            child.settle()

    def _shutdown(self, session: Session, req: int, message: Message) -> None:
        if not self.may_end:
            raise WrongState(f"the keeper cannot end: {self._children.living} processes of jails live")
        session.say(messages.tell_done(req))
        self._stop()

    def _order(self, job: Message, finished: Callable[[Parcel], None], asker: Session | None = None) -> None:
        self._submit(job, lambda report, _: finished(report), asker)

    def _submit(self, job: Message, finished: Callable[[Parcel, bool], None], asker: Session | None) -> None:
        def heard(report: Parcel, is_its_own: bool) -> None:
            warnings = report.message.get("warnings")
            for each in warnings if isinstance(warnings, list) else ():
                self._log(f"{job['m']} of {job['jail']}: {each}")
            finished(report, is_its_own)

        self._workers.submit(Order(job, heard, asker))

    def _answer(self, session: Session, req: int, report: Parcel) -> None:
        if "error" in report.message:
            self._fail(session, req, report)
        else:
            session.say(messages.tell_done(req))

    def _fail(self, session: Session, req: int, report: Parcel) -> None:
        report.drop()
        record = report.message["error"]
        assert isinstance(record, dict)
        session.say(messages.tell_failed(req, from_record(record)))

    def _check_alone(self, jail: str) -> None:
        """:raise RunjdError: it is there, or an earlier daemon's order to make it is not done: its root is in use."""
        if jail in self._workers.jails():
            raise Busy(f'somebody is at work on "{jail}"', retry_ms=50)
        child = self._children.find(jail, "")
        if child is not None and child.exit is None:
            raise AlreadyExists(jail)

    def _check_room(self) -> None:
        """:raise LimitReached: another process would leave us without descriptors."""
        if self._workers.queued >= _QUEUE_MAX:
            raise Busy("the keeper has too much to do", retry_ms=200)
        needed = RESERVE + _PER_CHILD * (len(self._children) + self._workers.unfinished + 1)
        if needed > self._descriptors_max:
            raise LimitReached(
                f"the keeper may open {self._descriptors_max} files (RLIMIT_NOFILE), needs {_PER_CHILD} a process"
            )

    def _known(self, message: Message) -> Child:
        jail, name = _text(message, "jail"), _text(message, "exec")
        child = self._children.find(jail, name)
        if child is None:
            raise NotFound(f'"{jail}" has no process named "{name}"', jail=jail) if name else NoSuchJail(jail)
        return child

    def _living(self, jail: str, name: str) -> Child:
        child = self._known({"jail": jail, "exec": name})
        if child.exit is not None:
            raise WrongState(f'"{jail}" has ended' if not name else f'"{name}" of "{jail}" has ended', jail=jail)
        return child


def _found(child: Child, session: Session) -> Parcel:
    streams = {**child.streams(), **(child.spooled() if session.takes_spools else {})}
    message = messages.tell_process(
        child.jail,
        child.exec,
        child.pid,
        child.start,
        child.jid,
        child.terminal,
        list(streams),
        child.takes_input,
        loads(child.note),
        child.notices,
    )
    return Parcel(message, tuple(streams.values()))


def _launched(req: int, child: Child, notices: list[str], logger: list[int], groups: list[str]) -> Parcel:
    streams = child.streams()
    message = messages.tell_launched(
        req, child.pid, child.start, child.jid, child.terminal, list(streams), notices, logger, groups
    )
    return Parcel(message, tuple(streams.values()))


def _exit_message(child: Child) -> str:
    assert child.exit is not None
    status, signal, at, core, recorded = child.exit
    return messages.tell_exit(child.jail, child.exec, child.pid, status, signal, at, core, recorded)


def _job(message: Message) -> Message:
    return {key: value for key, value in message.items() if key not in ("note", "req")}


def _note(message: Message) -> str:
    note = message.get("note")
    return dumps(note) if isinstance(note, dict) else "{}"


def _text(message: Message, key: str) -> str:
    value = message.get(key)
    if not isinstance(value, str):
        raise BadArgument(f"{key} is no string")
    return value


def _int(message: Message, key: str) -> int:
    value = message.get(key)
    if not isinstance(value, int):
        raise BadArgument(f"{key} is no number")
    return value


#: jobs that may wait for a worker
_QUEUE_MAX = 4096
