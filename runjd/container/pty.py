"""A pty, as the platform's module makes it: :mod:`runjd.container.pty_linux`, :mod:`runjd.container.pty_freebsd`."""

from __future__ import annotations

from runjd.values import Value


class Pty(Value):
    """Both ends of a pty; ``name`` is the slave's where it was made; ``inside``: the jail can find that name."""

    master: int
    slave: int
    name: str
    inside: bool
