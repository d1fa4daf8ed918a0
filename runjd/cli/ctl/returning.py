"""Coming back to a daemon that went away: it was killed, or another version takes its place."""

from __future__ import annotations

import select
import time

from runjd.cli.ctl.client import connect
from runjd.errors import Denied, InputOutput, RunjdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.ctl.client import Client

#: seconds that the next daemon gets to be there
PATIENCE = 30.0
_PAUSE = 0.05


def next_daemon(path: str, run: str, patience: float = PATIENCE) -> Client:
    """
    Connect to the daemon behind another one, once it takes connections.

    :param run: which life of the daemon went, or is about to go.
    :param patience: seconds that are waited at most.
    :raise RunjdError: it does not come, or lets nobody in.
    """
    deadline = time.monotonic() + patience
    problem: RunjdError = InputOutput(f"no other daemon came to {path} within {patience:g} s; see its log")
    while (left := deadline - time.monotonic()) > 0:
        try:
            client = connect(path)
        except Denied:
            raise
        except RunjdError as error:
            problem = error
            time.sleep(min(_PAUSE, left))
            continue
        if client.greeting.get("run") != run:
            return client
        select.select([client.socket], [], [], left)  # it says goodbye when it goes
        client.close()
    raise problem
