"""
What is wanted of a jail, and what of that a reboot leaves.

want is ``up``, ``down``, ``once``, or empty where nobody ever said.  ENABLE and DISABLE
speak of boots only, and count more there than what was wanted: who disabled a jail and
then started it has it now, and not after the next boot.
"""

from __future__ import annotations

from runjd.policy.settings import Settings

#: kinds of restart with which a jail of RUN outlasts a reboot
LASTING = ("always", "unless-stopped")


def wanted(want: str, settings: Settings) -> str:
    """Return up, down or once: what was said, else what the settings say."""
    return want or ("up" if settings.autostart else "down")


def at_boot(want: str, enabled: bool | None, settings: Settings) -> str:
    """
    Return what is wanted after a reboot.

    :param want: what was wanted before it; empty: nobody ever said.
    :param enabled: what ENABLE or DISABLE said; None: nothing.
    """
    if enabled is not None:
        return "up" if enabled else "down"
    if not want:
        return wanted(want, settings)
    if want == "down" and settings.restart.kind == "always" and settings.autostart:
        return "up"
    return "up" if want == "up" else "down"


def is_lasting(enabled: bool | None, settings: Settings) -> bool:
    """Return whether a jail of RUN is there after a reboot; else it is a job of this boot."""
    return enabled is True or settings.restart.kind in LASTING
