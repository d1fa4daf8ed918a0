"""What a tutorial says is what happens to whoever does it."""

import pytest

from tests.docs.pages import CHECKOUT, answers, steps, typed
from tests.docs.reader import Reader

pytestmark = [pytest.mark.linux, pytest.mark.root]


@pytest.mark.parametrize(
    ("page", "commands"), [("README.md", 10), ("docs/tutorial/linux.md", 15), ("docs/protocol.md", 4)]
)
def test_what_is_typed_does_what_the_page_says(page, commands):
    """Each command of the page is typed, and answers what the page says."""
    told = []
    with Reader() as reader:
        for step in steps(CHECKOUT / page):
            if step.mark == "file":
                reader.write(step.path, step.text)
            elif step.mark == "daemon":
                reader.start_daemon()
            for line in typed(step.text) if step.mark == "try" else []:
                heard = reader.type(line.command)
                told.append(line.command)
                assert answers(line.answer, heard.output), f"{line.command}\n{heard.output}"
                assert heard.status == 0, line.command

    assert len(told) > commands
