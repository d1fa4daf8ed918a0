"""Read ``runj.ext.json`` of a bundle, once, as its ``config.json`` is."""

from __future__ import annotations

import os
import stat

from runjd.errors import SpecError
from runjd.spec.jail_extension import NAME, parse_extension

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.spec.model import FreeBSDJail

#: bytes
_LIMIT = 1 << 20


def read_extension(bundle: str) -> FreeBSDJail | None:
    """
    Return what a bundle's ``runj.ext.json`` says of its jail, None where it has none.

    :param bundle: absolute path.
    :raise SpecError: it cannot be read, or is wrong.
    """
    file = os.path.join(bundle, NAME)
    try:
        # non-blocking, as it may be a FIFO
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SpecError("", f"cannot be opened: {os.strerror(error.errno or 0).lower()}", file) from error
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LIMIT:
            raise SpecError("", f"is not a regular file of less than {_LIMIT >> 20} MiB", file)
        data = b""
        while part := os.read(fd, 1 << 16):
            data += part
    except OSError as error:
        raise SpecError("", f"cannot be read: {os.strerror(error.errno or 0).lower()}", file) from error
    finally:
        os.close(fd)
    return parse_extension(data, file)
