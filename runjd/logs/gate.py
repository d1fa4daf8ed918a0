"""What is left out of a log that cannot be written in time: lines, counted, and a line in their place."""

from __future__ import annotations


class Gate:
    """
    The gate before one stream of one log.

    :ivar lost: bytes left out that the log does not tell of yet.
    :ivar is_in_line: the program has not ended its line.
    """

    __slots__ = ("_is_line_kept", "_lines", "is_in_line", "lost")

    def __init__(self) -> None:
        self.lost = 0
        self._lines = 0
        self.is_in_line = False  # of what the program wrote
        self._is_line_kept = False  # the line that was left out has a beginning in the log

    def admit(self, data: bytes, is_full: bool) -> bytes:
        """
        Return what goes into the log, with the line that tells of a gap before it.

        :param is_full: what came before is still not written.
        """
        if not data:
            return data
        if is_full:
            if not self.lost:
                self._is_line_kept = self.is_in_line
            self._leave_out(data)
            return b""
        if self.lost and self.is_in_line:
            cut = data.find(b"\n") + 1 or len(data)  # the end of a line whose beginning was left out
            self._leave_out(data[:cut])
            data = data[cut:]
            if self.is_in_line:
                return b""
        notice = self.notice()
        self.is_in_line = not data.endswith(b"\n") if data else self.is_in_line
        return notice + data if notice else data

    def notice(self) -> bytes:
        """Return the line that tells of the gap, if there is one that it does not tell of yet."""
        if not self.lost:
            return b""
        lines = f"{self._lines} line{'' if self._lines == 1 else 's'}"
        text = f"[runjd: {self.lost} bytes, {lines}, were left out here: the log could not be written in time]\n"
        self.lost = self._lines = 0
        return b"\n" * self._is_line_kept + text.encode("ascii")

    def _leave_out(self, data: bytes) -> None:
        self.lost += len(data)
        self._lines += data.count(b"\n")
        self.is_in_line = not data.endswith(b"\n")
