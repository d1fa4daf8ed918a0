"""
Trying out whether the version that is installed now can take over, before anything is changed.

It runs in a child, with a copy of what it would be handed and with the descriptors,
loads all that it will need, and says by which command it is run: the program itself
may be a script of sh(1), which must not run in our place, as it would wait for
children of ours.
"""

from __future__ import annotations

import os

from runjd.errors import RunjdError, TimedOut, WrongState
from runjd.keeper.handover import set_inheritable
from runjd.keeper.loop import READ
from runjd.spec.lightjson import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from runjd.keeper.loop import Loop
else:
    import _signal

#: seconds that it may take
LIMIT = 30.0
_SAID_MAX = 65536


class Rehearsal:
    """
    One child.

    :param program: how the keeper is run, but for its options.
    :param arguments: the options.
    :param descriptors: that go along.
    :param become: called first in the child.
    :param over: called once: with the command by which the new version is run, but for the options; or with what is
        wrong with it.
    :raise OSError: it cannot be begun.
    """

    def __init__(
        self,
        loop: Loop,
        program: Sequence[str],
        arguments: Sequence[str],
        descriptors: Sequence[int],
        become: Callable[[], None],
        over: Callable[[list[str] | RunjdError], None],
    ) -> None:
        self._loop = loop
        self._program = program[0]
        self._over = over
        self._said = b""
        self._ours, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = os.fork()
        except OSError:
            os.close(self._ours)
            os.close(theirs)
            raise
        if self._pid == 0:
            _rehearse([*program, *arguments], descriptors, theirs, become)
        os.close(theirs)
        os.set_blocking(self._ours, False)
        self._timer = loop.call_later(LIMIT, self._too_late)
        loop.watch(self._ours, READ, lambda _: self._read())

    def end(self) -> None:
        """Nobody wants to know any more."""
        self._timer.cancel()
        self._loop.unwatch(self._ours)
        os.close(self._ours)
        try:
            os.killpg(self._pid, _signal.SIGKILL)
        except OSError:
            return  # it is gone, or does not lead its group yet: then it is of no harm

    def _read(self) -> None:
        try:
            data = os.read(self._ours, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._said = (self._said + data)[-_SAID_MAX:]
        if not data:
            self.end()
            self._over(self._result())

    def _too_late(self) -> None:
        self.end()
        self._over(TimedOut(f"{self._program} did not say within {LIMIT:g} s whether it can take over; {_UNCHANGED}"))

    def _result(self) -> list[str] | RunjdError:
        lines = self._said.decode("utf-8", "replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it said nothing and ended")
        try:
            command = loads(last)["command"]
            if not isinstance(command, list) or not command:
                raise ValueError
        except (ValueError, TypeError, KeyError):
            last = last.strip().removeprefix("runjd-keeper: ")[:300]
            return WrongState(f"{self._program} cannot take over from this keeper: {last}; {_UNCHANGED}")
        return [str(each) for each in command]


def report(software: str, command: Sequence[str]) -> bytes:
    """Return what the new version says, in the child."""
    return dumps({"software": software, "command": command}).encode("ascii") + b"\n"


def _rehearse(command: list[str], descriptors: Sequence[int], theirs: int, become: Callable[[], None]) -> NoReturn:
    """In the child: be the new version."""
    try:
        os.setpgid(0, 0)
        become()
        os.dup2(theirs, 1)
        os.dup2(theirs, 2)
        set_inheritable(descriptors, True)
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"it cannot be run: {error.strerror}\n".encode())
    finally:
        os._exit(1)


_UNCHANGED = "nothing was changed: repair the installation, and upgrade again"
