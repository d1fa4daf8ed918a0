"""
Rights of a process beyond its user: capabilities, no_new_privs and the keys of its session.

Three providers: root of Linux, its users, and a system that has none to give.
"""

from __future__ import annotations

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class Privileges:
    """
    Where there are no capabilities: nothing to drop, nothing to hold.

    :ivar available: names of the capabilities that can be given.
    """

    available: Collection[str] = ()

    def leave_keyring(self) -> None:
        """Let go of the keys of the session that we were started in."""

    def bound(self, names: Sequence[str]) -> None:
        """Let no program that is executed from now on have more than these."""

    def keep_over_setuid(self) -> None:
        """Keep the capabilities while the user changes."""

    def hold(
        self, effective: Sequence[str], permitted: Sequence[str], inheritable: Sequence[str], ambient: Sequence[str]
    ) -> None:
        """Have exactly these."""

    def wield(self, names: Sequence[str]) -> None:
        """Use capabilities that we have and do not use."""

    def shed(self, names: Sequence[str], effective: Sequence[str]) -> None:
        """Have these no longer, and use none but ``effective``."""

    def no_new_privs(self) -> None:
        """Let no execve give more rights."""
        raise OSError(errno.ENOSYS, "this system has no no_new_privs")


class UserPrivileges(Privileges):
    """An ordinary user of Linux: no capabilities, but no_new_privs."""

    def __init__(self) -> None:
        from runjd.kernel import prctl

        self._prctl = prctl

    def no_new_privs(self) -> None:
        self._prctl.set_no_new_privs()


class LinuxPrivileges(UserPrivileges):
    """
    Root of Linux.

    :param new_keyring: False: the keys of the session that we were started in stay.
    """

    def __init__(self, *, new_keyring: bool = True) -> None:
        super().__init__()
        self._new_keyring = new_keyring
        from runjd.kernel import capabilities, keyring

        self._capabilities = capabilities
        self._keyring = keyring
        ours = capabilities.capget()[1]
        self.available = frozenset([name for name, number in capabilities.NUMBERS.items() if ours >> number & 1])

    def leave_keyring(self) -> None:
        if self._new_keyring:
            self._keyring.leave_session_keyring()

    def bound(self, names: Sequence[str]) -> None:
        kept = set(self._numbers(names))
        drop = self._prctl.drop_bounding
        for number in range(64):
            if number in kept:
                continue
            try:
                drop(number)
            except OSError as error:
                # Beyond the last one that this kernel has.
                if error.errno == errno.EINVAL:
                    break
                raise

    def keep_over_setuid(self) -> None:
        self._prctl.set_keep_capabilities()

    def hold(
        self, effective: Sequence[str], permitted: Sequence[str], inheritable: Sequence[str], ambient: Sequence[str]
    ) -> None:
        self._capabilities.capset(self._mask(effective), self._mask(permitted), self._mask(inheritable))
        self._prctl.clear_ambient()
        for number in self._numbers(ambient):
            self._prctl.raise_ambient(number)

    def wield(self, names: Sequence[str]) -> None:
        effective, permitted, inheritable = self._capabilities.capget()
        self._capabilities.capset(effective | self._mask(names), permitted, inheritable)

    def shed(self, names: Sequence[str], effective: Sequence[str]) -> None:
        _effective, permitted, inheritable = self._capabilities.capget()
        self._capabilities.capset(self._mask(effective), permitted & ~self._mask(names), inheritable)

    def _mask(self, names: Sequence[str]) -> int:
        return self._capabilities.mask(self._numbers(names))

    def _numbers(self, names: Sequence[str]) -> tuple[int, ...]:
        return tuple(self._capabilities.NUMBERS[name] for name in names)
