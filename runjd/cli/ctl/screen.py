r"""
What a program did to the terminal's screen, so that it can be undone.

Whoever detaches from an editor must not be left in the alternate screen, with
mouse reports as input and without a cursor; termios(4) knows nothing of these.
Only private modes (``CSI ? n h``, ``CSI ? n l``, xterm's ctlseqs) and the keypad
(``ESC =``, ``ESC >``) are followed, and the colours of text reset.
"""

from __future__ import annotations

#: private modes that may be left switched on, in the order in which they are switched off
_MODES_ON = (9, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004, 2026, 1, 5, 66, 47, 1047, 1049)
#: private modes that are on by default: the cursor, and wrapping of long lines
_MODES_OFF = (25, 7)

_MAX_SEQUENCE = 64


class ScreenModes:
    """Follows the output of a program and knows how to undo what it left."""

    def __init__(self) -> None:
        self._changed: set[int] = set()
        self._keypad = False
        self._is_touched = False
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take a chunk of output."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        position = data.find(b"\x1b")
        while position >= 0:
            self._is_touched = True
            following = data[position + 1 : position + 3]
            if following[:1] in (b"=", b">"):
                self._keypad = following[:1] == b"="
            elif following == b"[?":
                end = position + 3
                while end < len(data) and data[end] in b"0123456789;":
                    end += 1
                if end == len(data):
                    break
                self._note(data[position + 3 : end], data[end : end + 1])
            elif len(following) < 2 and following in (b"", b"["):
                break
            elif following[:1] == b"c":  # full reset
                self._changed.clear()
                self._keypad = False
            position = data.find(b"\x1b", position + 1)
        if position >= 0 and len(data) - position < _MAX_SEQUENCE:
            self._rest = data[position:]

    def undo(self) -> bytes:
        """Return what puts the screen in order; nothing where there is nothing to do."""
        undone = [b"\x1b[?%dl" % mode for mode in _MODES_ON if mode in self._changed]
        undone += [b"\x1b[?%dh" % mode for mode in _MODES_OFF if mode in self._changed]
        if self._keypad:
            undone.append(b"\x1b>")
        if self._is_touched:
            undone.append(b"\x1b[m")
        return b"".join(undone)

    def _note(self, numbers: bytes, final: bytes) -> None:
        if final not in (b"h", b"l"):
            return
        for digits in numbers.split(b";"):
            if not digits or len(digits) > 4:
                continue
            mode = int(digits)
            is_default = (final == b"h") == (mode in _MODES_OFF)
            if is_default:
                self._changed.discard(mode)
            elif mode in _MODES_ON or mode in _MODES_OFF:
                self._changed.add(mode)
