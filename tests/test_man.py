"""The manual pages are well-formed, and say all that the programs can do."""

import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from runjd.cli.shim import flags

CHECKOUT = Path(__file__).parent.parent
PAGES = sorted((CHECKOUT / "man").glob("*.[1-9]"))
TWISTD = "from twisted.scripts.twistd import run; import sys; sys.argv = ['twistd', 'runjd', '--help']; run()"
KEEPER = "import sys; from runjd.keeper.main import main; sys.exit(main(['--help']))"


def source_of(program):
    """Return the page of a program, as it was written, with hyphens as they are typed."""
    return (CHECKOUT / f"man/{program}.8").read_text().replace("\\-", "-")


def has_option(page, name):
    """Return whether a long option is an mdoc flag of the page."""
    return re.search(rf"\bFl -{name}\b(?!-)", page) is not None


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_well_formed(page):
    """mandoc has nothing to warn of."""
    command = ["mandoc", "-Tlint", "-W", "warning", str(page)]

    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == ""


@pytest.mark.parametrize("program", ["runjd", "runj", "runjctl", "runjd-keeper", "containerd-shim-runj-v1"])
def test_every_program_has_a_page(program):
    """Whatever is installed is documented in section 8."""
    assert f".Nm {program}\n" in source_of(program)


@pytest.mark.parametrize(("program", "module"), [("runj", "runjd.cli.oci.table"), ("runjctl", "runjd.cli.ctl.table")])
def test_every_verb_and_option_has_an_entry(program, module):
    """The table of a command line and its page agree, both ways."""
    table = import_module(module).PROGRAM
    page = source_of(program)
    verbs = {name for verb in table.verbs for name in (verb.name, *verb.aliases)}
    options = {option.name for each in (table, *table.verbs) for option in each.options} | {"help"}

    assert {name for name in verbs if not re.search(rf"\bCm {name}\b", page)} == set()
    part = page.partition(".Sh VERBS\n")[2].partition("\n.Sh ")[0]
    headings = re.findall(r"^\.It Cm ([a-z-]+(?: [a-z-]+)?)", part, re.MULTILINE)
    assert {name for name in headings if not verbs & {name, name.split()[0]}} == set()
    assert {name for name in options if not has_option(page, name)} == set()
    assert set(re.findall(r"\bFl -([a-z][a-z-]+)", page)) - options == set()


@pytest.mark.parametrize(
    ("program", "script"), [("runjd", TWISTD), ("runjd-keeper", KEEPER)], ids=["runjd", "runjd-keeper"]
)
def test_every_option_of_the_help_has_an_entry(program, script):
    """What --help lists as a long option stands in the page, as an mdoc flag, and no other has an entry."""
    said = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    options = set(re.findall(r"(?:^|[\s,\[])--([a-z][a-z-]+)", said.stdout))

    assert options, said.stderr
    assert {name for name in options if not has_option(source_of(program), name)} == set()
    entries = " ".join(re.findall(r"^\.It (Fl .*)$", source_of(program), re.MULTILINE))
    assert set(re.findall(r"\bFl -([a-z-]+)", entries)) - options <= {"help"}


def test_every_flag_of_the_shim_has_an_entry():
    """And none that it does not know."""
    known = {*flags._VALUES, *flags._SWITCHES}
    lines = re.findall(r"^\.It (Fl .*)$", source_of("containerd-shim-runj-v1"), re.MULTILINE)

    assert set(re.findall(r"\bFl ([a-z-]+)", " ".join(lines))) == known


def test_a_page_names_only_pages_that_exist():
    """A reference to one of our own pages is not broken."""
    ours = {page.name for page in PAGES}
    named = {
        f"{name}.{section}"
        for page in PAGES
        for name, section in re.findall(r"^\.Xr (runj\S*) (\d)", page.read_text(), re.MULTILINE)
    }

    assert named - ours == set()
