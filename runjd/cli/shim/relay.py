"""``relay``: what ``start`` leaves behind."""

from __future__ import annotations

import os
import sys

from runjd.containerd.relay.main import Settings, serve
from runjd.protocols.ttrpc.call import Origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.cli.shim.flags import Flags


def relay(flags: Flags, script: str) -> None:
    """
    Be the relay of a containerd and a namespace.

    :param script: the path of this program, beside which twistd may be.
    :raise RunjdError: it cannot be.
    """
    origin = Origin(flags.value("address"), flags.value("events"), flags.value("namespace"))
    private = flags.values.get("private", "")
    command = daemon_command(sys.executable, os.path.dirname(script), private) if private else ()
    serve(int(flags.value("listen")), Settings(flags.value("directory"), origin, flags.value("bundle"), command))


def daemon_command(python: str, programs: str, state: str) -> Sequence[str]:
    """
    Return what starts a daemon with directories of its own.

    :param programs: the directory where twistd may be; else the interpreter finds its module.
    """
    twistd = f"{programs}/twistd"
    found = [twistd] if os.access(twistd, os.R_OK) else ["-c", "from twisted.scripts.twistd import run; run()"]
    words = ["--nodaemon", "--pidfile=", f"--logfile={state}/containerd/daemon.log", "runjd"]
    return [python, "-I", "-X", "utf8", *found, *words, "--state", state, "--log", f"{state}/log"]
