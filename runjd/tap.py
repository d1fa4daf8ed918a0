"""
``twistd runjd``: the only place that wires the rooms together.

Options, configuration and directories are checked before anything is touched; what
is wrong with them is a line each and an exit status.  The rooms are imported when they are
wired, and the reactor with them, so that TLS can be kept out.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.python import usage

import runjd
from runjd.config.endpoints import Endpoint
from runjd.config.faults import ConfigError
from runjd.config.files import default_file
from runjd.config.load import daemon_of, load
from runjd.config.model import Configuration
from runjd.errors import InputOutput, RunjdError
from runjd.kernel.opening import leave_missing, open_missing
from runjd.runtime.choose import RUNTIMES, available, wardens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from twisted.application.service import IService
    from twisted.python.failure import Failure

    from runjd.access.audit import Audit
    from runjd.access.credentialing import Credentials
    from runjd.access.porters import Rights
    from runjd.config.model import Tls
    from runjd.containerd.late import LateSide
    from runjd.containerd.side import ContainerdSide
    from runjd.protocols.control.hall import Hall
    from runjd.protocols.servicemanager import ServiceManager
    from runjd.supervise.configuration import LiveConfiguration
    from runjd.supervise.controller import Controller
    from runjd.supervise.daemon import Door
    from runjd.supervise.definitions import Definitions
    from runjd.supervise.door import SideDoor
    from runjd.supervise.filethreads import FileThreads
    from runjd.supervise.threads import Threads

_STATE = "/var/run/runjd"
_LOG = "/var/log/runjd"
_DATA = "/var/db/runjd" if sys.platform.startswith("freebsd") else "/var/lib/runjd"
#: threads at once that remove jails; elsewhere only a process may, as it enters them
_REMOVALS_MAX = 2 if sys.platform == "linux" else 0
#: seconds for which nobody has written to a file of the configuration that is used
_SETTLE = 0.1
#: seconds that the answer to a shutdown, or an upgrade, has to reach its client
_FAREWELL = 0.1


class Options(usage.Options):
    """Where the daemon lives, and what it runs jails with."""

    longdesc = "Supervise jails and OCI containers. See runjd(8)."
    optFlags = [["check", None, "Only say whether a daemon could start with all that it would find, and exit."]]
    optParameters = [
        ["config", "f", None, f"The configuration (default: {default_file()}; none where --state is given)."],
        ["state", "s", None, f"Directory of the control socket and of all volatile state (default: {_STATE})."],
        ["log", "l", None, f"Directory of the jails' logs (default: {_LOG})."],
        ["data", "d", None, f"Directory of what outlasts a reboot (default: {_DATA}, or STATE/data)."],
        ["runtime", "r", None, f"What jails are made with where nothing else is asked: {', '.join(available())}."],
        ["control", "c", None, "The control socket (default: STATE/control)."],
        ["keeper", "k", None, "The program runjd-keeper (default: the one beside twistd)."],
    ]
    compData = usage.Completions(
        optActions={
            "config": usage.CompleteFiles("*.toml"),  # type: ignore[no-untyped-call]
            "state": usage.CompleteDirs(),  # type: ignore[no-untyped-call]
            "log": usage.CompleteDirs(),  # type: ignore[no-untyped-call]
            "data": usage.CompleteDirs(),  # type: ignore[no-untyped-call]
            "runtime": usage.CompleteList(list(RUNTIMES)),  # type: ignore[no-untyped-call]
        }
    )

    def opt_version(self) -> None:
        """Show the version of runjd and exit."""
        sys.stdout.write(f"runjd {runjd.__version__}\n")
        sys.exit(0)

    def postOptions(self) -> None:
        """Complete what was not said, by the configuration or by default, and refuse what makes no sense."""
        open_missing()
        leave_missing()
        self["first"] = self._read_configuration()
        is_wrong = isinstance(self["first"], ConfigError)
        daemon = daemon_of(self["config"]) if is_wrong else self["first"].daemon
        self["metrics"], self["tls"], self["credentials"] = daemon.metrics, daemon.tls, None
        for name in ("state", "log", "data", "control", "keeper", "runtime"):
            if self[name] is None:
                self[name] = getattr(daemon, name) or None
        for name, default in (("state", _STATE), ("log", _LOG)):
            self[name] = default if self[name] is None else self[name]
            if not self[name]:
                raise usage.UsageError(f"--{name} needs a directory")
            self[name] = os.path.abspath(self[name])
        data = self["data"] or (_DATA if self["state"] == _STATE else f"{self['state']}/data")
        self["data"] = os.path.abspath(data)
        self["control"] = os.path.abspath(self["control"]) if self["control"] else f"{self['state']}/control"
        if len(os.fsencode(self["control"])) > 103:
            raise usage.UsageError(f"the path of the control socket is too long for a socket: {self['control']}")
        self["audit"] = daemon.audit or f"{self['log']}/audit/audit.log"
        self["runtimes"] = runtimes_here(sys.platform, os.geteuid(), self["runtime"])
        if self["keeper"]:
            self["keeper"] = os.path.abspath(self["keeper"])
            if not os.access(self["keeper"], os.X_OK):
                raise usage.UsageError(f"--keeper: {self['keeper']} is not a program")

    def _read_configuration(self) -> Configuration | ConfigError:
        """Read the file that is named, or that of the system; a daemon with directories of its own has none."""
        named = self["config"]
        self["config"] = os.path.abspath(named or default_file())
        if named is None and (self["state"] is not None or not os.path.lexists(self["config"])):
            return Configuration()
        try:
            return load(self["config"], runtimes_here(sys.platform, os.geteuid(), None), settle=_SETTLE)
        except ConfigError as error:
            return error


def runtimes_here(platform: str, uid: int, wanted: str | None) -> tuple[str, ...]:
    """
    Return the runtimes that work here, the default first.

    :raise usage.UsageError: the wanted one does not.
    """
    isolated = [name for name in available(platform) if name != "plain"]
    known = (*(isolated if uid == 0 else ()), "plain")
    if wanted is None:
        return known
    if wanted in isolated and wanted not in known:
        raise usage.UsageError(f"the runtime {wanted} needs root; without it there is plain, which isolates nothing")
    if wanted not in known:
        raise usage.UsageError(f'no runtime named "{wanted}" here; there is {", ".join(known)}')
    return (wanted, *(each for each in known if each != wanted))


def makeService(options: Options) -> IService:
    """Return the daemon; called by twistd."""
    from runjd.supervise.journal import logged
    from runjd.supervise.ownprocess import without_tls

    # What is made until all jails are adopted stays: to look for garbage among it, now or ever, finds nothing.
    gc.disable()
    try:
        with without_tls():
            from twisted.internet import reactor

            options["credentials"] = _credentials(options)
            made = logged(make_service(options, reactor), options.parent, options["state"])
    except RunjdError as error:
        lines = error.faults if isinstance(error, ConfigError) else [error]
        sys.stderr.write("".join(f"runjd: {line}\n" for line in lines))
        sys.exit(error.exit_status)
    if options["check"]:
        from runjd.supervise.rehearsal import SAID

        sys.stdout.write(runjd.__version__.join(SAID) + "\n")
        sys.exit(0)
    return made


def make_service(options: Options, reactor: Any) -> IService:
    """
    Return the daemon on a reactor.

    :raise RunjdError: the directories are in use, or cannot be used; or the configuration is wrong, and no jail
        of an earlier one is known.
    """
    from random import random

    from twisted.internet.task import deferLater

    from runjd.access.audit import Audit
    from runjd.access.guard import Guard
    from runjd.access.identity import identify
    from runjd.container.operations import Operations
    from runjd.container.recorded import finder
    from runjd.containerd.gate import RelayDoor
    from runjd.containerd.late import LateSide
    from runjd.containerd.sharing import SharedKeeper
    from runjd.kernel.exitwatch import exit_watch
    from runjd.kernel.filepages import FilePages
    from runjd.kernel.heap import give_heap_back
    from runjd.kernel.process import boot_id
    from runjd.logs.writer import ThreadWriter
    from runjd.policy.descriptors import share_out
    from runjd.protocols.control.factory import ControlFactory
    from runjd.protocols.control.hall import Hall, Limits
    from runjd.protocols.control.listen import refuse_taken
    from runjd.protocols.control.verbs.all import all_verbs
    from runjd.protocols.keeperclient import KeeperClient
    from runjd.protocols.outlets.choose import Outlets
    from runjd.protocols.servicemanager import service_manager
    from runjd.runtime.meters.choose import choose_meter
    from runjd.supervise import ownprocess
    from runjd.supervise.atonce import AtOnce
    from runjd.supervise.bundles import Bundles
    from runjd.supervise.configuration import LiveConfiguration
    from runjd.supervise.connection import AbsentKeeper, KeeperConnection
    from runjd.supervise.controller import Controller
    from runjd.supervise.daemon import Daemon
    from runjd.supervise.definitions import Definitions
    from runjd.supervise.directories import lock_directory, make_directory
    from runjd.supervise.door import ControlDoor, Doors, SideDoor
    from runjd.supervise.dump import Dump
    from runjd.supervise.events import EventLog
    from runjd.supervise.filethreads import FileThreads, mount_of
    from runjd.supervise.inforce import InForce
    from runjd.supervise.keeperstart import KeeperStart, keeper_command
    from runjd.supervise.leaving import Leave, obstacle
    from runjd.supervise.logroom import LogRoom
    from runjd.supervise.metering import Metering
    from runjd.supervise.pulse import Pulse
    from runjd.supervise.recall import Recall
    from runjd.supervise.rehearsal import rehearse
    from runjd.supervise.site import Site
    from runjd.supervise.slack import Slack
    from runjd.supervise.stallwatch import StallWatch
    from runjd.supervise.succession import take_handed
    from runjd.supervise.threads import Threads
    from runjd.supervise.tuning import tune
    from runjd.supervise.upgrading import Upgrading
    from runjd.supervise.vigil import Vigil
    from runjd.supervise.wholefiles import clear_unfinished
    from runjd.supervise.wishes import Wishes
    from runjd.web.diagnosis import Diagnosis
    from runjd.web.exits import ExitCounts
    from runjd.web.exposition import Exposition

    state, handed, environment = options["state"], take_handed(os.environ), dict(os.environ)
    definitions = Definitions(f"{state}/jails", boot_id())
    if isinstance(options["first"], ConfigError) and not _has_configured(definitions):
        raise options["first"]
    make_directory(state, 0o755)
    lock = -1 if options["check"] else lock_directory(state, handed.lock)
    if not options["check"] and handed.control < 0:
        refuse_taken(options["control"])
    for name in ("state", "keeper", "jails", "bundles", "tasks"):
        make_directory(f"{state}/{name}", 0o700)
    make_directory(options["log"], 0o755)
    make_directory(f"{options['log']}/audit", 0o700)
    make_directory(options["data"], 0o700)
    lock_of_data = -1 if options["check"] else lock_directory(options["data"], handed.data_lock)
    make_directory(f"{options['data']}/jails", 0o700)
    if not options["check"]:
        for directory in (f"{state}/jails", f"{state}/tasks", f"{options['data']}/jails"):
            clear_unfinished(directory)

    ownprocess.settle(reactor)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = soft if handed.descriptors < 0 else handed.descriptors, hard
    shares = share_out(limits[1])
    run_id = os.urandom(3).hex()

    in_thread = Threads(reactor)
    files = FileThreads(reactor, mount_of)

    writer = ThreadWriter(reactor.callFromThread, lambda *words: controller.log_trouble(*words))  # noqa: PLW0108
    events = EventLog(time.time)
    wishes = Wishes(f"{options['data']}/jails")
    looks = Operations(f"{state}/state", RUNTIMES, time.time, wardens=wardens())
    site = Site(
        reactor,
        time.time,
        AbsentKeeper(),
        events,
        LogRoom(options["log"], writer, reactor, time.time, in_thread, Outlets(reactor, in_thread), shares.readers),
        definitions,
        wishes,
        in_thread,
        Bundles(f"{state}/bundles", files),
        Vigil(reactor, exit_watch, time.time),
        run_id,
        time.monotonic,
        random,
        Metering(choose_meter(finder(f"{state}/state")), in_thread, time.monotonic),
        AtOnce(reactor, in_thread, lambda jail: looks.delete_at_once(jail, force=False), _REMOVALS_MAX),
    )
    controller = Controller(
        site,
        Recall(definitions, wishes),
        options["runtimes"],
        lambda: connection.end_keeper(),  # noqa: PLW0108  made below
        lambda: reactor.callLater(_FAREWELL, reactor.stop),
        lambda by: upgrading.begin(by),  # noqa: PLW0108  made below
    )

    def make_containerd() -> ContainerdSide:
        from runjd.containerd.side import containerd_side

        runtime = options["runtimes"][0]
        return containerd_side(f"{state}/tasks", reactor, in_thread, files, lambda: connection.keeper, looks, runtime)

    containerd = LateSide(make_containerd, os.listdir(f"{state}/tasks"))
    connection = KeeperConnection(
        reactor,
        site,
        SharedKeeper(containerd, controller.listener),
        lambda listener: KeeperClient(reactor, f"{state}/keeper/socket", listener, run_id, shares.processes),
        KeeperStart(reactor, keeper_command(options["keeper"], state, sys.argv[0]), limits),
    )
    manager = service_manager(os.environ, reactor, lambda: "jails: {}, running: {}".format(*site.order.census()))
    stalls = StallWatch()
    pulse = Pulse(reactor, stalls.beat, manager.tell_status, Slack(give_heap_back, FilePages().give_back).beat)
    configuration = LiveConfiguration(
        InForce(controller, site.bundles, in_thread, lambda: deferLater(reactor, 0)),
        site.events,
        lambda needs_directory: _read(options, needs_directory),
        options["first"],
        in_thread,
        lambda found: tune(found, site, controller, shares, guard, door, options["credentials"]),
        manager.reloading,
    )
    connections = Limits(shares.connections, (shares.connections + 1) // 2)
    queues: dict[str, Callable[[], int]] = {
        "starts": lambda: site.order.waiting,
        "threads": lambda: in_thread.pending,
        "logs": lambda: writer.waiting,
    }
    diagnosis = Diagnosis(
        Exposition(controller, ExitCounts(events), lambda: pulse.lag, lambda: hall.members, queues, in_thread),
        Dump(controller, reactor, time.time, lambda: configuration.in_force, lambda: pulse.lag, queues),
    )
    guard = Guard((0, os.geteuid()), lambda: hall.reconsider())  # noqa: PLW0108  made below
    audit = Audit(options["audit"], writer, reactor, time.time)
    hall = Hall(
        controller,
        configuration,
        diagnosis,
        all_verbs(),
        reactor,
        time.time,
        guard,
        audit,
        f"runjd/{runjd.__version__}",
        connections,
    )
    door = ControlDoor(options["control"], ControlFactory(hall, identify), reactor, site.degradation, handed.control)
    doors: list[Door] = [door, RelayDoor(f"{state}/containerd", containerd, reactor)]
    if options["metrics"] is not None:
        from runjd.web.listener import metrics_site

        doors.append(SideDoor("metrics", options["metrics"], metrics_site(diagnosis, reactor), reactor))
    if options["credentials"] is not None:
        from runjd.access.porters import porter_rights

        make_directory(f"{state}/empty", 0o700)
        rights = porter_rights(f"{state}/empty", min(2 * shares.connections + 256, limits[1]))
        doors.append(_tls_door(options["tls"], options["credentials"], rights, hall, audit, reactor))
    leave = Leave(reactor, environment, door.hand_on, (lock, lock_of_data), limits[0])
    upgrading = Upgrading(
        runjd.__version__,
        obstacle(options.parent),
        events,
        lambda: rehearse(reactor, leave.command, leave.directory),
        connection.upgrade_keeper,
        lambda: manager.reloading(True),
        lambda: reactor.callLater(_FAREWELL, leave),
    )
    return Daemon(
        reactor,
        controller,
        configuration,
        connection,
        Doors(doors),
        writer,
        site.vigil,
        (stalls, pulse, manager),
        at_start=lambda: _at_start(limits, reactor, controller, configuration, audit),
        at_ready=lambda: _at_ready(lock, options, controller, manager, in_thread),
        at_stop=lambda: None if upgrading.is_leaving else manager.stopping(),
        fatal=lambda reason: ownprocess.end_with(reactor, reason),
        unlock=lambda: _leave(containerd, files, lock_of_data, lock),
    )


def _credentials(options: Options) -> Credentials | None:
    """Return what is shown to clients that come by TLS; None where nobody can."""
    from twisted.logger import Logger

    if options["tls"] is None:
        return None
    from runjd.access.credentialing import Credentials

    credentials = Credentials()
    try:
        credentials.prepare(options["tls"], options["config"])
    except InputOutput as error:
        Logger().error("nobody can come by TLS: {error}", error=error)
        return None
    except ConfigError as error:
        if not isinstance(options["first"], ConfigError):
            options["first"] = error
    credentials.take()
    return credentials


def _read(options: Options, needs_directory: bool) -> Configuration:
    """Return what the files say now; blocks. :raise ConfigError: with what is wrong, also of certificates."""
    found = load(options["config"], options["runtimes"], needs_directory=needs_directory, settle=_SETTLE)
    if options["credentials"] is not None and found.daemon.tls is not None:
        options["credentials"].prepare(found.daemon.tls, options["config"])
    return found


def _tls_door(tls: Tls, credentials: Credentials, rights: Rights, hall: Hall, audit: Audit, reactor: Any) -> SideDoor:
    from twisted.logger import Logger

    from runjd.access.arrivals import Arrivals, listen_tcp
    from runjd.access.lobby import Lobby, identify_by_certificate
    from runjd.access.porters import Porters
    from runjd.protocols.control.factory import ControlFactory
    from runjd.supervise.door import SideDoor

    def refused(address: str, reason: str) -> None:
        if audit.turned_away(address, reason):
            Logger().warn("TLS: {address} was turned away: {reason}", address=address, reason=reason)

    porters = Porters(reactor, rights)
    credentials.taken = porters.take
    lobby = Lobby(ControlFactory(hall, identify_by_certificate), reactor, refused)
    arrivals = Arrivals(lobby, porters, lambda: credentials.papers, reactor)
    listen = partial(listen_tcp, reactor)
    return SideDoor("TLS", tls.listen or Endpoint(), arrivals, reactor, credentials.check_ready, listen)


def _has_configured(definitions: Definitions) -> bool:
    """Return whether an earlier daemon since the last boot knew jails of a configuration."""
    try:
        return any(known.is_configured for known in definitions.load())
    except OSError:
        return False


def _at_start(
    limits: tuple[int, int], reactor: Any, controller: Controller, configuration: LiveConfiguration, audit: Audit
) -> None:
    """Take what the process has; SIGHUP reloads the configuration, SIGUSR1 reopens all logs."""
    from runjd.supervise.ownprocess import mind_signals, raise_limit

    raise_limit(limits)
    told = partial(audit.signalled, "reload")
    mind_signals(reactor, lambda: configuration.hang_up(told), lambda: _reopen_logs(controller, audit))


def _reopen_logs(controller: Controller, audit: Audit) -> None:
    from twisted.logger import Logger

    def failed(failure: Failure) -> None:
        Logger().error("{error}", error=failure.value)

    for id in controller.ids():
        controller.log(id).tend("reopen").addErrback(failed)
    audit.reopen().addErrback(failed)


def _at_ready(lock: int, options: Options, controller: Controller, manager: ServiceManager, do: Threads) -> None:
    from twisted.logger import Logger

    from runjd.supervise.directories import sign_lock
    from runjd.supervise.latecode import put_by

    gc.freeze()
    gc.enable()
    sign_lock(lock)
    Logger().info(
        "runjd {version} run {run} serves {control}; jails: {count}; runtimes: {runtimes}",
        version=runjd.__version__,
        run=controller.run_id,
        control=options["control"],
        count=len(controller.ids()),
        runtimes=", ".join(controller.runtimes),
    )
    manager.ready()
    put_by(os.path.dirname(runjd.__file__), options["state"], do)


def _leave(containerd: LateSide, files: FileThreads, *descriptors: int) -> None:
    containerd.stop()
    files.stop()
    _close(*descriptors)


def _close(*descriptors: int) -> None:
    for each in descriptors:
        os.close(each)
