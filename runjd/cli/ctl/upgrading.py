"""The verb upgrade: have daemon and keeper replaced, and wait until the new ones are there."""

from __future__ import annotations

import time

from runjd.cli.ctl.returning import next_daemon
from runjd.cli.output import to_values
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.ctl.call import Call


def upgrade(call: Call) -> int:
    """Ask for it, and tell what came of it."""
    began = time.monotonic()
    client = call.client()
    run = client.greeting.get("run", "")
    told = client.ask(Request("", "UPGRADE")).fields
    call.pass_notices(told)
    new = next_daemon(call.another_client, run)
    try:
        greeting = new.greeting
    finally:
        new.close()
    made = {**told, "to": greeting.get("server", "").removeprefix("runjd/"), "run": greeting.get("run", "")}
    took = time.monotonic() - began
    if call.is_json:
        call.put_json(to_values({**made, "pid": greeting.get("pid", ""), "took_ms": str(round(took * 1000))}))
        return 0
    call.out.line(f"daemon  {told.get('from')} -> {made['to']}  run {made['run']}, pid {greeting.get('pid')}")
    if "keeper_to" in told:
        call.out.line(f"keeper  {told.get('keeper_from')} -> {told['keeper_to']}")
    call.notice(f"upgraded in {took:.1f} s; no jail was stopped")
    return 0
