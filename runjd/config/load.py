"""
The configuration of a daemon: runjd.toml and the files of jails.d beside it.

All of it is read, and all that is wrong with any of it is told at once; nothing is used
where anything is wrong.
"""

from __future__ import annotations

import os
import sys

from runjd.config.accesskeys import group_of_socket, read_access
from runjd.config.daemonkeys import DAEMON
from runjd.config.faults import ConfigError, Faults
from runjd.config.files import DIRECTORY, jail_files, read_toml
from runjd.config.jailkeys import DEFAULTS
from runjd.config.jails import Base, Host, check_runtime, read_defaults, read_jail
from runjd.config.model import Configuration, DaemonConfig
from runjd.config.order import check_order
from runjd.config.sections import mismatch, read_keys, refuse_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.config.faults import Fault
    from runjd.config.model import ConfiguredJail
    from runjd.policy.access import Rule

_TABLES = ("daemon", "access", "defaults", "jail")


def load(
    file: str,
    runtimes: Sequence[str] = (),
    platform: str = sys.platform,
    *,
    needs_directory: bool = False,
    settle: float = 0.0,
) -> Configuration:
    """
    Return the configuration.

    :param file: runjd.toml.
    :param runtimes: names of those that jails may ask for; empty: any.
    :param needs_directory: that there is no jails.d is an error: it was there before.
    :param settle: seconds for which nobody has written to a file; it is waited for that, see :func:`read_toml`.
    :raise ConfigError: with all that is wrong.
    """
    loading = _Loading(Host(platform, tuple(runtimes)), settle)
    configuration = loading.run(file, needs_directory)
    faults = loading.faults()
    if faults:
        raise ConfigError(faults)
    return configuration


def daemon_of(file: str) -> DaemonConfig:
    """Return what is right of what a file says of the daemon itself, whatever else is wrong."""
    return _Loading(Host(sys.platform), 0.0).read_main(file)


class _Loading:
    def __init__(self, host: Host, settle: float) -> None:
        self._host = host
        self._settle = settle
        self._base = Base()
        self._files: list[Faults] = []
        self._rules: tuple[Rule, ...] = ()
        self._group: int | None = None
        self._jails: dict[str, ConfiguredJail] = {}
        self._of: dict[str, Faults] = {}

    def run(self, file: str, needs_directory: bool) -> Configuration:
        daemon = self.read_main(file)
        directory = Faults(os.path.join(os.path.dirname(file), DIRECTORY))
        self._files.append(directory)
        others = jail_files(file, directory, needs_directory)
        for each in others:
            table, faults = read_toml(each, self._settle)
            self._files.append(faults)
            self._refuse_tables(table, faults)
            self._read_jails(table, faults)
        check_order(self._jails, self._of)
        jails = tuple([self._jails[id] for id in sorted(self._jails)])
        return Configuration(file, (file, *others), daemon, jails, self._rules, self._group)

    def faults(self) -> Sequence[Fault]:
        return [fault for each in self._files for fault in each.all()]

    def read_main(self, file: str) -> DaemonConfig:
        """Read runjd.toml itself."""
        table, faults = read_toml(file, self._settle)
        self._files.append(faults)
        refuse_unknown(table, _TABLES, (), faults)
        daemon = DaemonConfig()
        asked = table.get("daemon", {})
        if isinstance(asked, dict):
            refuse_unknown(asked, [key.name for key in DAEMON], ("daemon",), faults)
            check_runtime(asked, self._host, ("daemon",), faults)
            daemon = read_keys(DAEMON, asked, daemon, ("daemon",), faults)
        else:
            faults.add(("daemon",), mismatch(asked, "a table"))
        self._rules = read_access(table.get("access", []), faults)
        self._group = group_of_socket(daemon.group, self._rules, faults)
        defaults = table.get("defaults", {})
        if isinstance(defaults, dict):
            refuse_unknown(defaults, [key.name for key in DEFAULTS], ("defaults",), faults)
            self._base = read_defaults(defaults, self._host, faults)
        else:
            faults.add(("defaults",), mismatch(defaults, "a table"))
        self._read_jails(table, faults)
        return daemon

    def _refuse_tables(self, table: dict[str, object], faults: Faults) -> None:
        """Refuse all but jails in a file of jails.d."""
        for name in table:
            if name in _TABLES[:3]:
                faults.add((name,), f"belongs into runjd.toml; a file of {DIRECTORY} has jails only")
        refuse_unknown({name: None for name in table if name not in _TABLES[:3]}, ("jail",), (), faults)

    def _read_jails(self, table: dict[str, object], faults: Faults) -> None:
        jails = table.get("jail", {})
        if not isinstance(jails, dict):
            faults.add(("jail",), mismatch(jails, "a table for each jail, as [jail.web]"))
            return
        for id, asked in jails.items():
            other = self._of.get(id)
            if other is not None:
                place = f"{other.file}:{other.line(('jail', id))}"
                faults.add(("jail", id), f"is there already, in {place}")
                continue
            jail = read_jail(id, asked, self._base, self._host, faults)
            self._of[id] = faults
            if jail is not None:
                self._jails[id] = jail
