"""What a program left of the screen, and how it is undone."""

from __future__ import annotations

import pytest

from runjd.cli.ctl.screen import ScreenModes


def undone(*chunks: bytes) -> bytes:
    modes = ScreenModes()
    for chunk in chunks:
        modes.feed(chunk)
    return modes.undo()


def test_plain_output_needs_nothing() -> None:
    """A program that never escaped leaves nothing to be undone."""
    assert undone(b"hello\r\n") == b""


def test_an_editor_that_was_left_is_tidied_up() -> None:
    """Mouse and paste reports are switched off, the screen switched back, the cursor shown, the keypad reset."""
    assert (
        undone(b"\x1b[?1049h\x1b[?1h\x1b=\x1b[?2004h\x1b[?1000;1006h\x1b[?25l")
        == b"\x1b[?1000l\x1b[?1006l\x1b[?2004l\x1b[?1l\x1b[?1049l\x1b[?25h\x1b>\x1b[m"
    )


def test_a_program_that_tidied_up_itself_leaves_the_colours_at_most() -> None:
    """What was switched off again is not switched off twice."""
    assert undone(b"\x1b[?1049h\x1b[?25l\x1b=", b"\x1b[?25h\x1b[?1049l\x1b>") == b"\x1b[m"


@pytest.mark.parametrize("cut", range(1, 16))
def test_sequences_are_found_across_chunks(cut: int) -> None:
    """It does not matter where a read ends."""
    data = b"x\x1b[?1049;2004hyz"
    assert undone(data[:cut], data[cut:]) == b"\x1b[?2004l\x1b[?1049l\x1b[m"


def test_a_full_reset_forgets_everything() -> None:
    """After ESC c the terminal is as new."""
    assert undone(b"\x1b[?1049h\x1b=\x1bc") == b"\x1b[m"


def test_unknown_and_endless_sequences_are_harmless() -> None:
    """Modes nobody knows are left alone, and a sequence without end is not collected."""
    assert undone(b"\x1b[?31337h\x1b[?99999999h\x1b[?h\x1b[?7777s") == b"\x1b[m"
    assert undone(b"\x1b[?" + b"1;" * 1000, b"1049h") == b"\x1b[m"
