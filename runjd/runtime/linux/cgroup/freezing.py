"""
Stop all processes of a group at once, and let them go on.

Version 1: ``freezer.state``, which needs several attempts where processes are
being forked or traced; a frozen process does not even die.  Version 2:
``cgroup.freeze``.
"""

from __future__ import annotations

import time

from runjd.errors import RuntimeFailure, Unsupported
from runjd.runtime.failing import failure
from runjd.runtime.linux.cgroup.files import exists, read_file, write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: seconds
_PATIENCE = 5.0
_KICK = 50


def freeze(kernel: Any, group: str, patience: float = _PATIENCE) -> None:
    """
    Stop all processes, and return when they are stopped.

    :param kernel: a :class:`runjd.kernel.linux.LinuxKernel`.
    :param group: the directory of the jail's group.
    :param patience: seconds.
    :raise RunjdError: they do not stop, and go on.
    """
    try:
        if exists(kernel, f"{group}/freezer.state"):
            stopped = _freeze_old(kernel, group, patience)
        elif exists(kernel, f"{group}/cgroup.freeze"):
            stopped = _freeze_new(kernel, group, patience)
        else:
            raise Unsupported("", f"the host has no control group that can be frozen, as {group} cannot")
    except OSError as error:
        thaw(kernel, group)
        raise failure(f"freeze {group}", error) from error
    if not stopped:
        thaw(kernel, group)
        raise RuntimeFailure(f"freeze {group}", f"its processes do not stop within {patience:.1f} s; they go on")


def begin(kernel: Any, group: str) -> None:
    """Let processes stop as they come into a group; wait for none."""
    for name, word in (("freezer.state", "FROZEN"), ("cgroup.freeze", "1")):
        try:
            write_file(kernel, f"{group}/{name}", word)
            return
        except FileNotFoundError:
            continue
        except OSError as error:
            raise failure(f"freeze {group}", error) from error


def thaw(kernel: Any, group: str) -> None:
    """Let them go on; where they never stopped, or are gone, there is nothing to do."""
    for name, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
        try:
            write_file(kernel, f"{group}/{name}", word)
            return
        except FileNotFoundError:
            continue
        except OSError as error:
            raise failure(f"thaw {group}", error) from error


def _freeze_old(kernel: Any, group: str, patience: float) -> bool:
    deadline = time.monotonic() + patience
    attempt = 0
    while True:
        write_file(kernel, f"{group}/freezer.state", "FROZEN")
        if read_file(kernel, f"{group}/freezer.state").strip() == "FROZEN":
            return True
        if time.monotonic() > deadline:
            return False
        attempt += 1
        if attempt % _KICK == 0:
            # some processes stop only if they run for a moment
            write_file(kernel, f"{group}/freezer.state", "THAWED")
            time.sleep(0.01)
        elif attempt > 2:
            time.sleep(0.001)


def _freeze_new(kernel: Any, group: str, patience: float) -> bool:
    write_file(kernel, f"{group}/cgroup.freeze", "1")
    deadline = time.monotonic() + patience
    pause = 0.0005
    while "frozen 1" not in read_file(kernel, f"{group}/cgroup.events"):
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, 0.02)
    return True
