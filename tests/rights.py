"""What it is like not to be root."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

from runjd.kernel.credentials import set_user

_NOBODY = 65534


def without_rights(call: Callable[..., object], *words: object) -> None:
    """Call a function as an ordinary user, also where the tests run as root."""
    if os.geteuid() != 0:
        call(*words)
    elif sys.platform == "linux":
        _in_thread(call, *words)
    else:
        os.seteuid(_NOBODY)
        try:
            call(*words)
        finally:
            os.seteuid(0)


def _in_thread(call: Callable[..., object], *words: object) -> None:
    """On Linux a user belongs to a thread; the C library would change all others, too, those of the test runner."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            set_user(_NOBODY)
            call(*words)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
