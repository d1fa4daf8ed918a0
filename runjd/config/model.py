"""
What runjd.toml and jails.d say, as values.

How a jail is kept is :class:`runjd.policy.settings.Settings`; here is what it is made of.
"""

from __future__ import annotations

from runjd.config.endpoints import Endpoint
from runjd.policy.access import Rule
from runjd.policy.settings import RestartRule, Settings
from runjd.values import Value

#: the settings of a jail of the configuration, where nothing is said
DEFAULTS = Settings(restart=RestartRule("on-failure"))


class Limits(Value):
    """What a jail may use at most: bytes, CPUs, processes, open files of each process; 0: no limit."""

    memory: int = 0
    cpus: float = 0.0
    processes: int = 0
    files: int = 0


class ShortForm(Value):
    """
    A jail without a bundle: what its ``config.json`` is made of.

    :ivar root: absolute path of the root file system.
    :ivar user: uid and gid.
    :ivar hostname: empty: the name of the jail, where the runtime isolates it.
    :ivar mounts: as they are written, ``SOURCE:TARGET:OPTIONS``.
    :ivar network: none, host, or addresses.
    :ivar interface: what the addresses are added to; empty: they are there.
    """

    root: str = ""
    command: tuple[str, ...] = ()
    user: tuple[int, int] = (0, 0)
    cwd: str = "/"
    environment: tuple[tuple[str, str], ...] = ()
    hostname: str = ""
    readonly: bool = False
    terminal: bool = False
    mounts: tuple[str, ...] = ()
    network: str = "none"
    addresses: tuple[str, ...] = ()
    interface: str = ""
    limits: Limits = Limits()


class Overrides(Value):
    """What a jail with a bundle has besides, or otherwise than the bundle says."""

    environment: tuple[tuple[str, str], ...] = ()
    limits: Limits = Limits()


class ConfiguredJail(Value):
    """
    One jail.

    :ivar file: the file that it stands in.
    :ivar bundle: absolute path; empty where there is a short form.
    :ivar overrides: of a bundle, what its table says besides.
    :ivar runtime: empty: the default of the daemon.
    :ivar stdin: its standard input stays open for who attaches.
    """

    id: str
    file: str
    bundle: str = ""
    short: ShortForm | None = None
    overrides: Overrides = Overrides()
    runtime: str = ""
    stdin: bool = False
    settings: Settings = DEFAULTS


class Tls(Value):
    """
    The listener for clients that come by TLS; all paths are absolute.

    :ivar listen: where; None: nowhere.
    :ivar certificate: of the daemon, and those between it and its authority, in PEM.
    :ivar key: of that certificate.
    :ivar ca: the authorities whose certificates clients may show.
    """

    listen: Endpoint | None = None
    certificate: str = ""
    key: str = ""
    ca: str = ""


class DaemonConfig(Value):
    """
    What the table ``daemon`` says; empty strings where it says nothing.

    :ivar group: whose members may open the control socket; empty: :data:`runjd.config.accesskeys.GROUP`.
    :ivar audit: the file that tells who did what.
    :ivar parallel: so many jails start at a time.
    :ivar shutdown: seconds within which all jails are stopped.
    :ivar metrics: where they are offered; None: nowhere.
    :ivar tls: where clients come by TLS; None: nowhere.
    """

    state: str = ""
    log: str = ""
    data: str = ""
    control: str = ""
    keeper: str = ""
    runtime: str = ""
    group: str = ""
    audit: str = ""
    parallel: int = 8
    shutdown: float = 80.0
    metrics: Endpoint | None = None
    tls: Tls | None = None


class Configuration(Value):
    """
    All of it.

    :ivar file: runjd.toml; empty where there is none.
    :ivar files: all that were read.
    :ivar jails: by id.
    :ivar rules: who may do what.
    :ivar group: of the control socket; None: nobody but the daemon's own user can open it.
    """

    file: str = ""
    files: tuple[str, ...] = ()
    daemon: DaemonConfig = DaemonConfig()
    jails: tuple[ConfiguredJail, ...] = ()
    rules: tuple[Rule, ...] = ()
    group: int | None = None
