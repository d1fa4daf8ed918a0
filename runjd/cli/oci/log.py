"""
What runj says of itself: one line on standard error, and what engines read in ``--log``.

The file gets one object where a call fails and none where it succeeds, in the
shape of runc's; only who asks for ``debug`` gets more, in the file, or on
standard error where none is named.
"""

from __future__ import annotations

import os
import time

from runjd.spec.lightjson import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.cli.options import Given


class Log:
    """
    Where failures go, as far as the command line said so yet.

    :ivar failed: the exit status of a failure.
    :ivar is_debugging: whether more is wanted than failures.
    """

    def __init__(self) -> None:
        self.failed = 1
        self.is_debugging = False
        self._path = ""
        self._is_json = False

    def take(self, given: Given) -> None:
        """Learn what the command line says."""
        self._path = given.value("log")
        self._is_json = given.value("log-format") == "json"
        self.is_debugging = given.flag("debug") or given.value("log-level") == "debug"

    def debug(self, message: str) -> None:
        """Tell, where it is wanted, what is done."""
        if not self.is_debugging:
            return
        if not self._path:
            tell([message])
            return
        try:
            self._write("debug", message)
        except OSError:
            # told when there is something to fail for
            pass

    def fail(self, message: str) -> int:
        """Tell of the failure, and return the exit status."""
        if self._path:
            try:
                self._write("error", message)
            except OSError as error:
                message += f" (nor can the log {self._path} be written: {os.strerror(error.errno or 0).lower()})"
        tell([message])
        return self.failed

    def _write(self, level: str, message: str) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self._is_json:
            line = dumps({"level": level, "msg": message, "time": at})
        else:
            line = f'time="{at}" level={level} msg={dumps(message)}'
        # non-blocking, as it may be a FIFO that nobody reads
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        fd = os.open(self._path, flags, 0o600)
        try:
            os.write(fd, f"{line}\n".encode("utf-8", "backslashreplace"))
        finally:
            os.close(fd)


def tell(notices: Sequence[str]) -> None:
    """
    Say on standard error what the operator must know; where nobody listens, that is no reason to fail.

    Names in it may be a bundle's or an image's: nothing in them commands the operator's terminal.
    """
    for each in notices:
        line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in " ".join(each.splitlines()))
        try:
            os.write(2, f"runj: {line}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            return
