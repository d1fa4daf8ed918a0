"""
Gathers the sources of the site: these pages, and the manual pages as mandoc(1) turns them into Markdown.

Where there is dot(1), diagrams are drawn.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from diagram import draw_all

CHECKOUT = Path(__file__).resolve().parent.parent
_REFERENCE = re.compile(r"(?<![\w/\[])((?:runj|runjctl|runjd|containerd-shim)[a-z0-9.-]*)\(([1-9])\)")


def gather(target: Path) -> None:
    """
    Fill a directory, anew.

    :raise subprocess.CalledProcessError: mandoc(1) does not take a page, or dot(1) a diagram.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(CHECKOUT / "docs", target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    if shutil.which("dot"):
        for page in target.rglob("*.md"):
            draw_all(page)
    (target / "comparison.md").write_text(comparison())
    (target / "man").mkdir()
    pages = sorted((CHECKOUT / "man").glob("*.[1-9]"))
    names = {page.name for page in pages}
    for page in pages:
        command = ["mandoc", "-Tmarkdown", "-Ios=runjd", str(page)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        (target / "man" / f"{page.name}.md").write_text(_linked(text, page.name, names))


def comparison() -> str:
    """Return the page that the README has as a section."""
    section = (CHECKOUT / "README.md").read_text().partition("## Beside others\n")[2].partition("\n## ")[0]
    return f"# Beside others\n{section}"


def _linked(text: str, own: str, names: set[str]) -> str:
    """Have references to our other pages lead there."""

    def link(found: re.Match[str]) -> str:
        name = f"{found[1]}.{found[2]}"
        return f"[{found[0]}]({name}.md)" if name in names and name != own else found[0]

    return _REFERENCE.sub(link, text)


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
