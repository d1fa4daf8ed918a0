"""``runj help``."""

from __future__ import annotations

import sys

from runjd.cli.oci.table import PROGRAM
from runjd.cli.options import usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.oci.call import Call


def show(call: Call) -> int:
    """Print the help of the program, or of a verb."""
    sys.stdout.write(usage(PROGRAM, " ".join(call.given.words("VERB"))))
    return 0
