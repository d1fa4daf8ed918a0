"""Commands that the pages name are such as the programs take."""

import re
import shlex

import pytest

from runjd.cli.ctl.table import PROGRAM as RUNJCTL
from runjd.cli.oci.table import PROGRAM as RUNJ
from runjd.cli.options import parse
from runjd.config.load import load
from runjd.errors import BadArgument
from tests.docs.pages import CHECKOUT, PAGES

PROGRAMS = {"runjctl": RUNJCTL, "runj": RUNJ}
#: a command in a line of its own, or within one
_COMMAND = re.compile(r"(?:^ {4,}|^[#$] |`|; |\"\$\()((?:sudo )?(?:runjctl|runj) [a-z-][^`\n;|&>#)]*)", re.MULTILINE)


def commands():
    """Return each command of a page, with its page."""
    return [
        pytest.param(found.strip(), id=f"{page.name}: {found.strip()}")
        for page in [CHECKOUT / "README.md", *PAGES]
        for found in dict.fromkeys(_COMMAND.findall(page.read_text()))
    ]


@pytest.mark.parametrize("command", commands())
def test_a_command_can_be_typed(command):
    """Its verb and its options are there; what it is about may be left out where the text says it."""
    program, *words = shlex.split(command)
    error = ""
    try:
        parse(PROGRAMS[program], words)
    except BadArgument as caught:
        error = str(caught)

    assert not error or re.search(" is missing; usage: | needs one more word; | needs a value: ", error), error


def settings():
    """Return what the pages show of a jail's table within a line, with its page."""
    return [
        pytest.param(found, id=f"{page.name}: {found}")
        for page in PAGES
        for found in dict.fromkeys(re.findall(r"`([a-z][a-z.-]* = [^`]+)`", page.read_text()))
        if "..." not in found and not found.startswith("bundle")
    ]


@pytest.mark.parametrize("setting", settings())
def test_a_setting_can_be_written(setting, tmp_path):
    """Beside a root and a command, on either system."""
    base = {"root": 'root = "/"', "command": 'command = ["/bin/true"]'}
    base.pop(setting.partition(" = ")[0], None)
    path = tmp_path / "runjd.toml"
    path.write_text("\n".join(["[jail.web]", *base.values(), setting]) + "\n")

    assert load(str(path), runtimes=("linux", "plain"), platform="linux").jails


def test_there_are_commands_and_settings():
    """They are found."""
    assert len(commands()) > 50
    assert len(settings()) > 8
