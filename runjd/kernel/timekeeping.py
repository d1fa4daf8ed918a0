"""Whether the clock is kept by something: ntp_adjtime(2) of FreeBSD, adjtimex(2) of Linux."""

from __future__ import annotations

from runjd.kernel.libc import check, create_string_buffer, libc

#: TIME_ERROR of sys/timex.h: the clock is not synchronised
_ERROR = 5
#: more than any ``struct timex`` takes; of zeros, it asks and changes nothing
_ROOM = 512


def is_synchronised() -> bool:
    """Return whether the kernel takes its clock for right. :raise OSError: it does not say."""
    asked = create_string_buffer(_ROOM)
    return check(libc.ntp_adjtime(asked), "ntp_adjtime") != _ERROR
