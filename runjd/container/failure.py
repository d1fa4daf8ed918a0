"""From the system's errors to ours, once, with the step that failed."""

from __future__ import annotations

import os

from runjd.runtime.failing import failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class Step:
    """
    What is being done; an OSError inside becomes an error that says so.

    :param name: as ``chdir to "/srv"``.
    :param path: JSON path of the property that asked for it.
    """

    __slots__ = ("_name", "_path")

    def __init__(self, name: str, path: str = "") -> None:
        self._name = name
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            raise failure(self._name, error, self._path) from error


def words(number: int) -> str:
    """Return the system's words for an error number, as in the middle of a sentence."""
    return os.strerror(number).lower()
