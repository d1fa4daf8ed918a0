"""Verbs of other runtimes that no runtime of ours has."""

from __future__ import annotations

from runjd.errors import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from runjd.cli.oci.call import Call


def checkpoint(call: Call) -> NoReturn:
    """Say that a container cannot be frozen into files, nor be made of them."""
    raise Unsupported("", f"{call.given.verb} is not supported: runj does not work with CRIU")
