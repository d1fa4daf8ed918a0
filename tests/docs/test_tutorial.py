"""What a tutorial says is what happens to whoever does it."""

import pytest

from tests.docs.pages import CHECKOUT, answers, steps, typed
from tests.docs.reader import Reader

pytestmark = [pytest.mark.linux, pytest.mark.root]


def test_the_first_jail_on_linux():
    """Each command of the page is typed, and answers what the page says."""
    told = []
    with Reader() as reader:
        for step in steps(CHECKOUT / "docs/tutorial/linux.md"):
            if step.mark == "file":
                reader.write(step.path, step.text)
            elif step.mark == "daemon":
                reader.start_daemon()
            elif step.mark == "kill the daemon":
                reader.kill_daemon()
            for line in typed(step.text) if step.mark == "try" else []:
                heard = reader.type(line.command)
                told.append(line.command)
                assert answers(line.answer, heard.output), f"{line.command}\n{heard.output}"
                assert heard.status == 0, line.command

    assert len(told) > 15
