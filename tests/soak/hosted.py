"""The jails of a soak: their bundles, and the files of the configuration."""

from __future__ import annotations

import json
import os
import sys

from tests.functional.daemon import Daemon
from tests.soak import jailed
from tests.soak.model import Jail, Model

#: never touched; ended and started again; operated by hand; on a terminal
STEADY, CRASH, HAND, TTY = 3, 3, 4, 1
_DEFAULTS = """\
[defaults]
restart = "always"
backoff = {{ first = "{first}ms", factor = 1.0, cap = "10s", jitter = 0.5, reset-after = "1d" }}
stop = {{ timeout = "60s" }}
log = {{ max-size = "{size}KiB", keep = 10000, compress = "{compress}" }}
"""


class Hosted:
    """
    What there is to be run, on the daemon's directories.

    :param seed: of the plans that the programs follow.
    """

    def __init__(self, daemon: Daemon, model: Model, seed: int) -> None:
        self._daemon = daemon
        self._model = model
        self._seed = seed
        self._jobs = 0
        self._settings = {"first": 400, "size": 256, "compress": "none"}
        self._tables: dict[str, str] = {}
        kinds = (("steady", STEADY), ("crash", CRASH), ("hand", HAND), ("tty", TTY))
        for kind, count in kinds:
            for number in range(count):
                self._configure(f"{kind}{number}", is_terminal=kind == "tty")
        self.write(())

    def bundle(self, name: str, is_terminal: bool = False) -> str:
        """Make the bundle of a jail; return its path."""
        directory = self.directory(name)
        os.makedirs(directory)
        words = [sys.executable, "-IS", jailed.__file__, directory, name, str(self._seed)]
        return self._daemon.bundle(name, words, terminal=is_terminal)

    def directory(self, name: str) -> str:
        """Return where the program of a jail keeps its book."""
        return os.path.join(self._daemon.directory, "books", name)

    def new_job(self, rule: str, ends_for_good: bool) -> tuple[Jail, str]:
        """Return a jail to be run that does not exist yet, and its bundle."""
        self._jobs += 1
        name = f"job{self._jobs}"
        bundle = self.bundle(name)
        jail = Jail(name, self.directory(name), "up", rule, is_configured=False)
        jail.ends_for_good = ends_for_good
        jail.is_there = None
        self._model.jails[name] = jail
        return jail, bundle

    def new_extra(self) -> str:
        """Make one more jail for the configuration; return its name."""
        name = f"extra{sum(each.startswith('extra') for each in self._tables)}"
        self._configure(name)
        return name

    def write(self, extras: tuple[str, ...], **settings: object) -> None:
        """Write the configuration: the standing jails, these extras, and settings of all."""
        self._settings |= settings
        standing = [self._tables[name] for name in self._tables if not name.startswith("extra")]
        self._daemon.configure(
            _DEFAULTS.format(**self._settings) + "".join(standing),
            extras="".join(self._tables[name] for name in extras),
        )

    def _configure(self, name: str, is_terminal: bool = False) -> None:
        path = self.bundle(name, is_terminal)
        self._tables[name] = f"[jail.{name}]\nbundle = {json.dumps(path)}\n"
        self._model.jails[name] = Jail(name, self.directory(name), "up", "always", is_configured=True)
