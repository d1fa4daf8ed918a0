"""A system's error, told with the step that failed and the property that asked for it."""

from __future__ import annotations

import errno
import os

from runjd.errors import LimitReached, NoSpace, RuntimeFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.errors import RunjdError


def failure(step: str, error: OSError, path: str = "", hint: str = "") -> RunjdError:
    """
    Return the error for a person.

    :param hint: what to do next, where that is known.
    """
    number = error.errno or 0
    reason = os.strerror(number).lower() if number else str(error)
    if error.strerror and number and error.strerror != os.strerror(number):
        reason = error.strerror
    if hint:
        reason += f"; {hint}"
    details = {"step": step, "path": path} if path else {"step": step}
    if number in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(f"{step}: {reason}", **details)
    if number in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EUSERS):
        return LimitReached(f"{step}: {reason}", **details)
    return RuntimeFailure(step, reason, path, number)
