"""One value for one file of a control group."""

from __future__ import annotations

from runjd.values import Value


class Write(Value):
    """
    What is written where, and who asked for it.

    :ivar controller: whose hierarchy the file is in.
    :ivar path: JSON path of the property.
    :ivar otherwise: file and value where the kernel does not have ``file``.
    :ivar optional: where the kernel has neither, that is no error.
    :ivar above: a file whose number must be less than the value, which the kernel would enforce by killing.
    :ivar is_exact: the kernel may adjust the value in silence, so it is read back.
    """

    controller: str
    file: str
    value: str
    path: str
    otherwise: tuple[tuple[str, str], ...] = ()
    optional: bool = False
    is_exact: bool = False
    above: str = ""

    def __str__(self) -> str:
        return f"write {self.value} to {self.file}"
