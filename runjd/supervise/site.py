"""What all jails of a daemon share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred

from runjd.protocols.jailoutput import IReactor
from runjd.supervise.acks import Acks
from runjd.supervise.bundles import Bundles
from runjd.supervise.clearing import Clearing
from runjd.supervise.definitions import Definitions
from runjd.supervise.degradation import Degradation
from runjd.supervise.events import EventLog
from runjd.supervise.execends import ExecEnds
from runjd.supervise.guestbook import GuestBook
from runjd.supervise.lasting import Lasting
from runjd.supervise.logroom import LogRoom
from runjd.supervise.metering import Metering
from runjd.supervise.ordering import Ordering
from runjd.supervise.spawner import Spawner
from runjd.supervise.unwritten import Unwritten
from runjd.supervise.vigil import Vigil
from runjd.supervise.wishes import Wishes

#: seconds that a full disk may delay the news of an exit
FLUSH_LIMIT = 5.0


class Site:
    """
    What all jails of a daemon share.

    :param reactor: for descriptors and time limits.
    :param now: wall time in seconds.
    :param spawner: the keeper.
    :param logs: where the jails' output goes.
    :param definitions: where the jails are written down.
    :param wishes: where that of them is written down which outlasts a reboot.
    :param in_thread: calls what blocks.
    :param bundles: those that the daemon makes.
    :param vigil: watches init processes without the keeper.
    :param run_id: identifies this life of the daemon.
    :ivar clearing: leftovers that are being removed.
    :ivar guests: all sessions.
    :ivar exec_ends: how exec processes ended.
    :ivar is_leaving: the daemon ends, and whoever is connected may come back to the next one.
    :ivar probe_numbers: the next one names a program that the daemon itself runs in a jail; none comes twice.
    :param uptime: seconds since the host's boot, which no change of the clock moves.
    :param random: a number from 0 to 1.
    :param metering: what jails use.
    :param remove_at_once: see :class:`runjd.supervise.atonce.AtOnce`.
    :ivar degradation: what the daemon cannot do as it should.
    :ivar lasting: has what outlasts a reboot written.
    :ivar unwritten: records that the disk refused.
    """

    def __init__(
        self,
        reactor: IReactor,
        now: Callable[[], float],
        spawner: Spawner,
        events: EventLog,
        logs: LogRoom,
        definitions: Definitions,
        wishes: Wishes,
        in_thread: Callable[..., Deferred[Any]],
        bundles: Bundles,
        vigil: Vigil,
        run_id: str,
        uptime: Callable[[], float],
        random: Callable[[], float],
        metering: Metering,
        remove_at_once: Callable[[str], Deferred[bool]],
    ) -> None:
        self.reactor = reactor
        self.order = Ordering(reactor)
        self.now = now
        self.spawner = spawner
        self.events = events
        self.logs = logs
        self.definitions = definitions
        self.bundles = bundles
        self.vigil = vigil
        self.run_id = run_id
        self.acks = Acks(lambda: self.spawner)
        self.clearing = Clearing()
        self.guests = GuestBook()
        self.exec_ends = ExecEnds()
        self.probe_numbers = count(1)
        self.is_leaving = False
        self.uptime = uptime
        self.random = random
        self.metering = metering
        self.remove_at_once = remove_at_once
        self.degradation = Degradation(events.emit)
        self.lasting = Lasting(wishes, reactor, in_thread, partial(self.degradation.tell, "data"))
        self.unwritten = Unwritten(reactor, definitions.probe, partial(self.degradation.tell, "records"))
