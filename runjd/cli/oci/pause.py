"""``runj pause`` and ``runj resume``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.oci.call import Call


def pause(call: Call) -> int:
    """Stop all processes."""
    call.operations().pause(call.id)
    call.log.debug(f"paused {call.id}")
    return 0


def resume(call: Call) -> int:
    """Let them go on."""
    call.operations().resume(call.id)
    call.log.debug(f"resumed {call.id}")
    return 0
