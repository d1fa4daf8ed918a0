"""
Documents of ours that another version of runjd may have written.

Each bears a number, ``version``, which is counted up when its shape changes so that
an earlier runjd would misread it; keys that are merely new are no such change.  What
is older is brought up step by step.  What is newer is refused, and left as it is: the
runjd that wrote it can still read it.
"""

from __future__ import annotations

from runjd.errors import WrongState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Document = dict[str, Any]
    #: by version, what makes of such a document one of the next version
    Steps = Mapping[int, Callable[[Document], Document]]


class Newer(WrongState):
    """A document was written by a newer runjd."""


def up_to_date(document: object, version: int, steps: Steps) -> Document:
    """
    Return a document in the shape of this version.

    :param version: that of this runjd.
    :param steps: from version to function; an earlier version without a step cannot be read any more.
    :raise Newer: it is newer than we are.
    :raise ValueError: it is none of ours, or too old.
    """
    if not isinstance(document, dict):
        raise ValueError("it is no object")
    found = document.get("version")
    if type(found) is not int or found < 1:
        raise ValueError("it does not say of which version it is")
    if found > version:
        raise Newer(f"it is of version {found}, written by a newer runjd; this one knows {version}")
    made = document
    for each in range(found, version):
        if each not in steps:
            raise ValueError(f"it is of version {found}, which this runjd does not read any more")
        made = {**steps[each](made), "version": each + 1}
    return made
