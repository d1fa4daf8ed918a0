"""Many jails at once: written into a configuration, and what is asked about all of them."""

import os
import signal
import time

from benchmarks.daemon import Daemon
from runjd.protocols.control.reply import Announcement, parse_reply

_JAIL = (
    '[jail.jail{number:04}]\nroot = "/"\ncommand = ["/bin/sleep", "100000"]\nrestart = "never"\nautostart = {starts}\n'
)
_PATIENCE = 300.0


def write_configuration(directory: str, jails: int, running: int) -> str:
    """Write runjd.toml, with jails that are not isolated and sleep; return its path."""
    path = f"{directory}/runjd.toml"
    with open(path, "w", encoding="utf-8") as file:
        file.write('[daemon]\nruntime = "plain"\n')
        for number in range(jails):
            file.write(_JAIL.format(number=number, starts=str(number < running).lower()))
    return path


def end_all(daemon: Daemon) -> tuple[float, float]:
    """
    Kill all jails that run; return the seconds until each end is told, and until each jail is removed, too.

    :raise SystemExit: an end is not told once, with its signal, and before what follows from it.
    """
    targets = daemon.running()
    with daemon.connect("subscribe ev=exit,state") as connection, connection.makefile("rb") as stream:
        connection.settimeout(_PATIENCE)
        told: dict[str, list[str]] = {id: [] for id in targets}
        began = time.monotonic()
        for pid in targets.values():
            os.kill(pid, signal.SIGKILL)
        left, exits, last = len(targets), 0.0, 0.0
        while left:
            event = parse_reply(stream.readline().decode().rstrip("\n"))
            if not isinstance(event, Announcement) or event.fields.get("jail") not in told:
                continue
            fields = event.fields
            is_exit = fields["ev"] == "exit"
            told[fields["jail"]].append(f"signal {fields.get('signal')}" if is_exit else fields["to"])
            left -= fields.get("to") == "idle"
            last = time.monotonic() - began
            exits = last if is_exit else exits
    wrong = {id: each for id, each in told.items() if each != ["signal 9", "idle"]}
    if wrong:
        raise SystemExit(f"{len(wrong)} ends are not told rightly: {wrong}")
    return exits, last
