"""
Being replaced by another version, in place: the same process, with all that it holds.

Nobody must be at work for us meanwhile, as a report would have nobody to go to; so
what a daemon asks for behind ``upgrade`` waits, unread, and is carried out by the
version that comes.  A child that ends waits as a zombie.
"""

from __future__ import annotations

import os

from runjd.errors import Busy, RunjdError, WrongState
from runjd.keeper import messages
from runjd.keeper.handover import Handover, set_inheritable, write_file
from runjd.keeper.rehearsal import Rehearsal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runjd.keeper.loop import Loop, Timer
    from runjd.keeper.process import OwnProcess
    from runjd.keeper.server import Session
    from runjd.keeper.workers import Workers

#: seconds that operations which have begun may take before the upgrade is given up
PATIENCE = 20.0
#: seconds between looks whether they are done, and whether the daemon has heard all
_LOOK = 0.01

RESUME, REHEARSE = "--resume", "--rehearse"


class Upgrade:
    """
    Carries out one at a time.

    :param own: our process.
    :param program: how this keeper was run, but for its options; the first word is a path.
    :param arguments: its options.
    :param hand_over: returns all that there is, for a daemon and the number of its request.
    :param make_file: makes a file without a name.
    """

    def __init__(
        self,
        loop: Loop,
        own: OwnProcess,
        workers: Workers,
        program: Sequence[str],
        arguments: Sequence[str],
        hand_over: Callable[[Session, int], Handover],
        make_file: Callable[[], int],
        log: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._own = own
        self._workers = workers
        self._program = tuple(program)
        self._arguments = tuple(arguments)
        self._hand_over = hand_over
        self._make_file = make_file
        self._log = log
        self._session: Session | None = None
        self._req = 0
        self._rehearsal: Rehearsal | None = None
        self._timer: Timer | None = None
        self._looks = 0

    def begin(self, session: Session, req: int) -> None:
        """
        Be replaced, and leave the answer to the other version; where that cannot be, answer why.

        :raise Busy: somebody is at it.
        """
        if self._session is not None:
            raise Busy("the keeper is being upgraded already", retry_ms=1000)
        self._session, self._req = session, req
        self._looks = 0
        session.hold()
        self._when_idle(self._rehearse)

    def lost(self, session: Session) -> None:
        """A daemon is gone: nobody wants it any more."""
        if session is self._session:
            self._end()
            self._log("the upgrade is given up: the daemon that wanted it is gone")

    def _when_idle(self, then: Callable[[Session], None]) -> None:
        """Go on once no operation is under way and the daemon was told all."""
        self._timer = None
        session = self._session
        if session is None:
            return
        if self._workers.is_idle and not session.queued:
            self._looks = 0
            try:
                then(session)
            except OSError as error:
                self._refuse(WrongState(f"the keeper cannot be upgraded: {error.strerror}; nothing was changed"))
        elif self._looks * _LOOK > PATIENCE:
            count = self._workers.unfinished
            reason = f"{count} operations on jails are under way" if count else "the daemon does not listen"
            self._refuse(Busy(f"{reason} for {PATIENCE:g} s; nothing was changed, upgrade again later", retry_ms=5000))
        else:
            self._looks += 1
            self._timer = self._loop.call_later(_LOOK, lambda: self._when_idle(then))

    def _rehearse(self, session: Session) -> None:
        fd, handover = self._write(session)
        try:
            self._rehearsal = Rehearsal(
                self._loop,
                self._program,
                [*self._arguments, REHEARSE, str(fd)],
                [fd, *handover.descriptors()],
                self._own.become_another,
                self._rehearsed,
            )
        finally:
            os.close(fd)

    def _rehearsed(self, result: list[str] | RunjdError) -> None:
        self._rehearsal = None
        if isinstance(result, RunjdError):
            self._refuse(result)
        else:
            self._when_idle(lambda session: self._execute(session, result))

    def _execute(self, session: Session, command: list[str]) -> None:
        """Become the other version; come back only where that cannot be."""
        fd, handover = self._write(session)  # anew: processes may have ended since
        descriptors = [fd, *handover.descriptors()]
        self._log(f"executes {command[0]}, with {len(handover.children)} processes and {len(descriptors)} descriptors")
        self._own.block(True)
        try:
            set_inheritable(descriptors, True)
            os.execv(command[0], [*command, *self._arguments, RESUME, str(fd)])
        finally:
            set_inheritable(descriptors, False)
            self._own.block(False)
            os.close(fd)

    def _write(self, session: Session) -> tuple[int, Handover]:
        handover = self._hand_over(session, self._req)
        fd = self._make_file()
        try:
            write_file(fd, handover)
        except OSError:
            os.close(fd)
            raise
        return fd, handover

    def _refuse(self, error: RunjdError) -> None:
        self._log(f"not upgraded: {error}")
        session, req = self._session, self._req
        if session is not None:
            session.say(messages.tell_failed(req, error))
        self._end()

    def _end(self) -> None:
        session, self._session = self._session, None
        if self._timer is not None:
            self._timer.cancel()
        if self._rehearsal is not None:
            self._rehearsal.end()
        self._timer = self._rehearsal = None
        if session is not None:
            session.release()
