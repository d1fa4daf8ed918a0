"""The site of the documentation is whole, and what it has the reader write is right."""

import re
import shutil
import subprocess
import sys

import pytest

from runjd.config.load import load
from runjd.supervise.machine import transitions
from tests.docs.pages import CHECKOUT, PAGES, steps

EXAMPLES = [
    (page, step) for page in PAGES for step in steps(page) if step.mark == "check" or step.path.endswith(".toml")
]


@pytest.mark.skipif(None in map(shutil.which, ("mandoc", "dot")), reason="mandoc or dot is not installed")
def test_it_is_built_without_a_warning(tmp_path):
    """Also a page that nothing leads to, and a link that leads nowhere, is one."""
    pytest.importorskip("mkdocs")
    config = re.sub(r"build/docs(-source)?$", rf"{tmp_path}/site\1", (CHECKOUT / "mkdocs.yml").read_text(), flags=re.M)
    (tmp_path / "mkdocs.yml").write_text(config)
    subprocess.run([sys.executable, CHECKOUT / "docs/build.py", tmp_path / "site-source"], check=True)

    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-f", tmp_path / "mkdocs.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    built = (tmp_path / "site/man/runjctl.8.html").read_text()
    assert '<a href="runjd-control.7.html">runjd-control(7)</a>' in built
    assert 'src="machine-0.svg"' in (tmp_path / "site/machine.html").read_text()
    drawn = (tmp_path / "site/machine-0.svg").read_text()
    assert set(re.findall(r"<title>(\w+)</title>", drawn)) >= {state for state, _, _ in transitions()}


@pytest.mark.parametrize(("page", "step"), EXAMPLES, ids=[f"{page.stem}-{n}" for n, (page, _) in enumerate(EXAMPLES)])
def test_a_configuration_that_is_shown_is_right(page, step, tmp_path):
    """Nothing is wrong with it on the system that the page is about."""
    path = tmp_path / "runjd.toml"
    path.write_text(step.text)

    assert load(str(path), platform="freebsd14" if page.stem == "freebsd" else "linux").jails


def test_there_are_examples():
    """The marks are found."""
    assert {page.name for page, _ in EXAMPLES} >= {"compose.md", "freebsd.md", "linux.md"}


def test_every_page_is_in_the_navigation():
    """Whoever reads the site finds it."""
    config = (CHECKOUT / "mkdocs.yml").read_text()

    assert [page.name for page in PAGES if f": {page.relative_to(CHECKOUT / 'docs')}\n" not in config] == []


def test_what_is_told_of_installing_is_told_once():
    """The README and the page have the same commands."""
    page = (CHECKOUT / "docs/install.md").read_text()
    section = (CHECKOUT / "README.md").read_text().partition("## Install\n")[2].partition("\n## ")[0]
    commands = [line for line in section.splitlines() if line.startswith("    ") and "doctor" not in line]

    assert len(commands) > 8
    assert [line for line in commands if line not in page.splitlines()] == []
