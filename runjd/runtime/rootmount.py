"""What a caller asks to be mounted on a container's root before it is made."""

from __future__ import annotations

from runjd.values import Value


class RootMount(Value):
    """
    One file system.

    :ivar type: as mount(8) knows it.
    :ivar source: a directory, a device, a data set.
    :ivar options: as of mount(8).
    """

    type: str
    source: str
    options: tuple[str, ...] = ()
