"""The verbs that make certificates: certs init, certs client."""

from __future__ import annotations

import os

from runjd.cli.ctl.packages import find_packages
from runjd.errors import BadArgument, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from runjd.cli.ctl.call import Call

#: days for which certificates are good, where nothing is said
_DAYS = 730


def init(call: Call) -> int:
    """Make an authority, and the certificate of the daemon."""
    names = call.given.values("name") or (os.uname().nodename, "localhost", "127.0.0.1")
    directory = call.given.argument("DIR")
    return _tell(call, _certificates().make_authority(directory, names, _days(call)))


def client(call: Call) -> int:
    """Make the certificate of a client."""
    directory, name = call.given.argument("DIR"), call.given.argument("NAME")
    return _tell(call, _certificates().make_client(directory, name, _days(call)))


def _tell(call: Call, paths: list[str]) -> int:
    if call.is_json:
        call.put_json(paths)
    else:
        for each in paths:
            call.out.line(each)
    return 0


def _days(call: Call) -> int:
    days = call.given.value("days", str(_DAYS))
    if not days.isascii() or not days.isdigit() or not 1 <= len(days) <= 5 or not 1 <= int(days) <= 36_500:
        raise BadArgument(f"--days is a number from 1 to 36500, not {days}")
    return int(days)


def _certificates() -> ModuleType:
    find_packages()
    try:
        from runjd.access import certificates
    except ImportError as error:
        from runjd.runtime.packages import missing

        raise Unsupported(
            "",
            missing("certs", error),
        ) from None
    return certificates
