"""Rights of a process on FreeBSD: no capabilities, but no new privileges by procctl(2)."""

from __future__ import annotations

from runjd.runtime.privileges import Privileges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.freebsd.kernel import FreeBSDKernel


class FreeBSDPrivileges(Privileges):
    """Root of FreeBSD, whose rights in a jail are the jail's."""

    def __init__(self, kernel: FreeBSDKernel) -> None:
        self._kernel = kernel

    def no_new_privs(self) -> None:
        self._kernel.set_no_new_privileges()
