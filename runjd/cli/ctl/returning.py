"""Coming back to a daemon that went away: it was killed, or another version takes its place."""

from __future__ import annotations

import select
import time

from runjd.errors import Denied, Gone, InputOutput, RunjdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.cli.ctl.client import Client

#: seconds that the next daemon gets to be there: after an upgrade, and where nobody knows whether there will be one
PATIENCE = 30.0
HOPE = 20.0
_PAUSE = 0.05


class StillThere(Gone):
    """The daemon that closed our connection goes on."""


def next_daemon(connect: Callable[[], Client], run: str) -> Client:
    """
    Connect to the daemon behind one that is about to go, once it takes connections.

    :param connect: makes a connection.
    :param run: which life of the daemon goes.
    :raise RunjdError: it does not come, or lets nobody in.
    """
    return _find(connect, run, PATIENCE, None)


def come_back(connect: Callable[[], Client], run: str, tell: Callable[[str], object], lost: RunjdError) -> Client:
    """
    Connect to the daemon behind one that closed our connection.

    :param connect: makes a connection.
    :param run: which life of the daemon that was.
    :param tell: told that it is waited for, where there is none.
    :param lost: raised where none comes, or the same one still is there: what it did was meant for us; which of both
        it was is its cause.
    :raise Busy: one is there that had no room for us all the time.
    """
    try:
        return _find(connect, run, HOPE, tell)
    except RunjdError as error:
        if error.code == "BUSY":
            raise
        raise lost from error


def _find(connect: Callable[[], Client], run: str, patience: float, tell: Callable[[str], object] | None) -> Client:
    """
    Wait for another daemon.

    :param tell: None: the one that is there is known to go.
    """
    deadline = time.monotonic() + patience
    problem: RunjdError = InputOutput(f"no other daemon came within {patience:g} s; see its log")
    is_told = False
    while (left := deadline - time.monotonic()) > 0:
        try:
            client = connect()
        except Denied:
            raise
        except RunjdError as error:
            problem = error
            # one that has no room for us is there, and may be the next one
            if error.code != "BUSY" and tell is not None and not is_told:
                tell("the daemon is gone; waiting for the next one")
                is_told = True
            time.sleep(min(_PAUSE, left))
            continue
        if client.greeting.get("run") != run:
            return client
        if tell is not None:
            client.close()
            raise StillThere("the daemon is still there")
        select.select([client.socket], [], [], left)  # it says goodbye when it goes
        client.close()
    raise problem
