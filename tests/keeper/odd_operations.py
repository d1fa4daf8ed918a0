"""A keeper whose operations behave badly in workers: they hang, die and babble, as their jail's name says."""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from runjd.container.operations import Operations
from runjd.container.state import State
from runjd.container.stdio import Io
from runjd.errors import BadArgument
from runjd.keeper.main import main as keeper_main
from runjd.runtime.choose import RUNTIMES
from runjd.spec.model import Process


class OddOperations(Operations):
    """The real ones, but for some names."""

    def __init__(self, root: str, expect: Callable[[float], None], scopes: bool) -> None:
        super().__init__(root, RUNTIMES, time.time, expect=expect)

    def create(self, id: str, bundle: str, io: Io, **options: Any) -> State:
        state = super().create(id, bundle, io, **options)
        _misbehave(id)
        return state

    def become(self, id: str, process: Process, io: Io, name: str, leave: Callable[..., None]) -> NoReturn:
        _misbehave(name)
        super().become(id, process, io, name, leave)

    def process(self, id: str) -> Process:
        _misbehave(id)
        process = super().process(id)
        return process._replace(env=("X=" + "x" * (2 << 20),)) if id == "babbles" else process


def main(arguments: list[str]) -> int:
    return keeper_main(arguments, OddOperations)


def _misbehave(name: str) -> None:
    if name.startswith("hangs"):
        time.sleep(1000)
    if name.startswith("dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("leaves"):
        sys.exit("nobody reads this")
    if name.startswith("raises"):
        raise ValueError("odd")
    if name.startswith("refuses"):
        raise BadArgument("not today")
