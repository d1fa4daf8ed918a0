"""What is in a rotated file of a log, compressed or not."""

from __future__ import annotations

from typing import BinaryIO

from runjd.logs.compression import contents
from runjd.logs.names import Rotated


def open_rotated(file: Rotated) -> BinaryIO:
    """Return the contents of a rotated file, as they were written; read from the beginning on."""
    return contents(open(file.path, "rb"), file.compression)
