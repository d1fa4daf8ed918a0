"""
``delete``: takes away what there is of a container, and tells how it ended.

containerd calls it behind every container, also one that ended in order, and gives it five seconds.  The daemon does it
where there is one; where not, it is done here, with the same code that the daemon has it done by.
"""

from __future__ import annotations

import os
import time

from runjd.cli.shim.site import choose
from runjd.containerd.relay.place import read_address
from runjd.errors import TimedOut
from runjd.protocols.ttrpc.call import Origin
from runjd.protocols.ttrpc.fields import format_bytes, format_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Mapping

    from runjd.cli.shim.flags import Flags
else:
    import _signal

#: seconds that the daemon gets, and all of it; after five containerd kills us
_DAEMON_TIME, _TIME = 2.5, 4.5
#: the exit status of a container of which nobody knows it: that of SIGKILL, as the shim for runc has it
_STATUS = 137
_UNIX = "unix://"


def delete(flags: Flags, environment: Mapping[bytes, bytes]) -> bytes:
    """
    Return the DeleteResponse for containerd; nothing is left then of the container. Where nothing was, that is fine.

    :raise RunjdError: something could not be taken away.
    """
    _signal.signal(_signal.SIGALRM, _late)
    _signal.setitimer(_signal.ITIMER_REAL, _TIME)
    id = flags.value("id")
    bundle = os.path.abspath(flags.values.get("bundle") or os.getcwd())
    origin = Origin(flags.value("address"), f"{flags.value('address')}.ttrpc", flags.value("namespace"))
    # The bundle knows best which daemon has its container; without an address, there never was a container.
    address = read_address(bundle)
    state = choose(environment).state
    if address.startswith(_UNIX):
        state = os.path.dirname(os.path.dirname(address[len(_UNIX) :]))
    from runjd.cli.shim.asking import ask_cleanup

    answer = ask_cleanup(f"{state}/containerd/socket", origin, id, bundle, _DAEMON_TIME)
    if answer is None:
        from runjd.cli.shim.cleaning import clean

        pid = clean(state, origin.jail(id), bundle)
        answer = format_delete_response(pid, _STATUS, time.time())
    return answer


def format_delete_response(pid: int, status: int, at: float) -> bytes:
    """
    Return a containerd.task.v2.DeleteResponse: 1 pid, 2 exit_status, 3 exited_at (1 seconds, 2 nanos).

    :param at: seconds since 1970.
    """
    stamp = format_number(1, int(at)) + format_number(2, int(at % 1 * 1e9))
    return format_number(1, pid) + format_number(2, status) + format_bytes(3, stamp)


def _late(number: int, frame: object) -> None:
    raise TimedOut(f"not all of the container was gone within {_TIME:g} s")
