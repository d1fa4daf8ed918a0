"""The meter of this system."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.runtime.contract import Held
    from runjd.runtime.meters.contract import Meter


def choose_meter(find: Callable[[str], Held | None]) -> Meter:
    """
    Return what measures jails here.

    :param find: returns the record of a jail, None where there is none that can be read.
    """
    if sys.platform == "linux":
        from runjd.kernel.files import Files
        from runjd.runtime.meters.linux import LinuxMeter

        return LinuxMeter(Files(), find)
    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.runtime.meters.freebsd import FreeBSDMeter

    return FreeBSDMeter(FreeBSDKernel(), find)
