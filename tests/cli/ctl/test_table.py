"""What runjctl knows of words that are no verbs of its own."""

from __future__ import annotations

import pytest

from runjd.cli.ctl.table import PROGRAM
from tests.cli.program import runjctl


@pytest.mark.parametrize(("word", "here"), PROGRAM.elsewhere.items())
def test_a_word_of_another_program_is_told_with_the_verb_that_is_meant(word: str, here: str) -> None:
    """It is no verb of ours, and what it is here is one."""
    told = f'runjctl: unknown verb "{word}"; here that is "runjctl {here}"\n'

    assert runjctl(word).stderr == told.encode()
    assert here.startswith("--") or PROGRAM.verb(here.split()[0])


def test_there_are_such_words() -> None:
    """Those of podman and supervisorctl, for example."""
    assert {"ps", "stats", "reread"} <= set(PROGRAM.elsewhere)
