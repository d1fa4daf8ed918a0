"""An installation of runjd that a test can replace by another version."""

from __future__ import annotations

import os
import shutil
import sys

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_KEEPER = """#!{python} -IS
import sys
sys.path.append({packages!r})
from runjd.keeper.main import main
sys.exit(main(sys.argv[1:]))
"""
_TWISTD = """#!{python}
import sys
sys.path.insert(0, {packages!r})
from twisted.scripts.twistd import run
run()
"""


class Installation:
    """
    The package, and the programs that run it.

    :param directory: private, and empty or not there yet.
    :ivar keeper: the program runjd-keeper.
    :ivar twistd: the program twistd.
    """

    def __init__(self, directory: str, version: str = "1.0") -> None:
        self.packages = os.path.join(directory, "packages")
        self.keeper = os.path.join(directory, "runjd-keeper")
        self.twistd = os.path.join(directory, "twistd")
        os.makedirs(directory, exist_ok=True)
        self.install(version)
        for path, text in ((self.keeper, _KEEPER), (self.twistd, _TWISTD)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.format(python=sys.executable, packages=self.packages))
            os.chmod(path, 0o755)

    def install(self, version: str, **changes: str) -> None:
        """
        Replace what is installed by another version, which is this checkout under another number.

        :param changes: by module with underscores for dots, what is appended to its source.
        """
        made = self.packages + ".new"
        for package in ("runjd", "twisted"):
            # with the times of the sources, so that their bytecode is good
            shutil.copytree(os.path.join(_ROOT, package), os.path.join(made, package), ignore=_not_ours)
        _append(f"{made}/runjd/__init__.py", f'\n__version__ = "{version}"\n')
        for name, text in changes.items():
            _append(f"{made}/{name.replace('__', '/')}.py", text)
        if os.path.exists(self.packages):
            shutil.rmtree(self.packages)
        os.rename(made, self.packages)


def _not_ours(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if name in ("dropin.cache",) or name.endswith(".pack")]


def _append(path: str, text: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write("\n" + text)
