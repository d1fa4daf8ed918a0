"""``runj start``, ``runj kill`` and ``runj delete``."""

from __future__ import annotations

from runjd.cli.oci.log import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.oci.call import Call


def start(call: Call) -> int:
    """Execute the program of a created container."""
    state = call.operations().start(call.id)
    call.log.debug(f"started {state.id}, process {state.pid}")
    tell(state.notices)
    return 0


def kill(call: Call) -> int:
    """Send a signal."""
    from runjd.spec.signals import signal_number

    number = signal_number(call.given.argument("SIGNAL", "TERM"))
    call.operations().kill(call.id, number, call.given.flag("all"))
    call.log.debug(f"sent signal {number} to {call.id}")
    return 0


def delete(call: Call) -> int:
    """Take a container away."""
    call.operations().delete(call.id, call.given.flag("force"))
    call.log.debug(f"deleted {call.id}")
    return 0
