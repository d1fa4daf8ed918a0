"""What engines read when runj failed: ``--log``, as text or JSON (runc's shape)."""

from __future__ import annotations

import os
import time

from runjd.spec.lightjson import dumps


def write_error(path: str, format: str, message: str) -> None:
    """
    Append one line.

    :param format: ``json``, else text.
    """
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if format == "json":
        line = dumps({"level": "error", "msg": message, "time": at})
    else:
        line = f'time="{at}" level=error msg={dumps(message)}'
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, f"{line}\n".encode("utf-8", "backslashreplace"))
    finally:
        os.close(fd)
