"""
What is measured, as pip installs it: the package with its bytecode, the programs, twistd.

A checkout would be another thing: an editable installation is looked for by site, and its
bytecode may be missing or not be writable.
"""

import compileall
import os
import shutil
import sys
import sysconfig
import venv

import twisted
from runjd.values import Value

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = ("runj", "runjctl", "runjd-keeper", "containerd-shim-runj-v1")
_TWISTD = """\
#!{python}
import sys
from twisted.scripts.twistd import run
sys.exit(run())
"""


class Installation(Value):
    """The programs of an installation, below a prefix."""

    prefix: str

    @property
    def python(self) -> str:
        """The interpreter."""
        return f"{self.prefix}/bin/python3"

    def program(self, name: str) -> str:
        """Return the path of a program."""
        return f"{self.prefix}/bin/{name}"

    @property
    def packages(self) -> str:
        """Where Python's packages are."""
        return packages_of(self.prefix)


def packages_of(prefix: str) -> str:
    """Return where Python's packages are below a prefix."""
    return sysconfig.get_path("purelib", "venv", {"base": prefix})


def install(prefix: str) -> Installation:
    """Install this checkout; Twisted, and what else there is, is that of the interpreter that runs."""
    venv.create(prefix, symlinks=True)
    packages = packages_of(prefix)
    ignored = shutil.ignore_patterns("__pycache__", "dropin.cache")
    shutil.copytree(f"{CHECKOUT}/runjd", f"{packages}/runjd", ignore=ignored)
    shutil.copytree(f"{CHECKOUT}/twisted", f"{packages}/twisted", ignore=ignored)
    for name in PROGRAMS:
        shutil.copy(f"{CHECKOUT}/bin/{name}", f"{prefix}/bin/{name}")
    # This adds directories to the path; .pth files in those, which would let the checkout in, are not read.
    others = {os.path.dirname(os.path.dirname(os.path.abspath(twisted.__file__)))}
    others |= {path for path in sys.path if path.endswith("-packages")}
    with open(f"{packages}/others.pth", "w", encoding="utf-8") as file:
        file.writelines(f"{path}\n" for path in sorted(others))
    with open(f"{prefix}/bin/twistd", "w", encoding="utf-8") as file:
        file.write(_TWISTD.format(python=f"{prefix}/bin/python3"))
    os.chmod(f"{prefix}/bin/twistd", 0o755)
    compileall.compile_dir(packages, quiet=1)
    return Installation(prefix)
