"""``runj help``."""

from __future__ import annotations

import sys

from runjd.cli.options import usage
from runjd.cli.runj_table import PROGRAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.runj_call import Call


def show(call: Call) -> int:
    """Print the help of the program, or of a verb."""
    sys.stdout.write(usage(PROGRAM, " ".join(call.given.words("VERB"))))
    return 0
