"""Staying connected to the keeper, and starting one where there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.errors import KeeperLost
from runjd.protocols.keeperclient import KeeperAbsent, KeeperClient, KeeperListener
from runjd.protocols.keeperreplies import Exited, Found, Launched
from runjd.supervise.site import Site

#: seconds between attempts to connect: the first ones, then the last for ever
_DELAYS = (0.005, 0.01, 0.02, 0.02, 0.05, 0.05, 0.1, 0.1, 0.2, 0.5, 1.0)
#: seconds that a keeper gets to listen before another one is started
_PATIENCE = 5.0


class KeeperConnection:
    """
    The connection to the keeper, made anew whenever it is lost.

    :param make_client: makes a client of the keeper's socket for a listener.
    :param start_keeper: starts a keeper; that it listens is not waited for.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        site: Site,
        listener: KeeperListener,
        make_client: Callable[[KeeperListener], KeeperClient],
        start_keeper: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._site = site
        self._listener = listener
        self._make_client = make_client
        self._start_keeper = start_keeper
        self._client: KeeperClient | None = None
        self._call: IDelayedCall | None = None
        self._attempts = 0
        self._started_at: float | None = None
        self._is_stopped = True
        self._last_complaint = ""

    def start(self) -> None:
        """Connect, and stay connected."""
        self._is_stopped = False
        self._connect()

    def stop(self) -> None:
        """Close the connection; the keeper goes on."""
        self._is_stopped = True
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        client, self._client = self._client, None
        self._site.spawner = AbsentKeeper()
        if client is not None:
            client.disconnect()

    @property
    def keeper(self) -> KeeperClient | AbsentKeeper:
        """The keeper that there is now."""
        return self._client or AbsentKeeper()

    def end_keeper(self) -> Deferred[None]:
        """End the keeper, too. :return: fails with STATE while a jail lives."""

        def failed(failure: Failure) -> Failure:
            self._is_stopped = False
            return failure

        self._is_stopped = True
        return self._site.spawner.shutdown().addErrback(failed)

    def upgrade_keeper(self) -> Deferred[tuple[str, str] | None]:
        """Replace the keeper by the version that is installed; see :meth:`KeeperClient.upgrade`."""
        return self._client.upgrade() if self._client is not None else fail(_lost())

    # --- KeeperListener --------------------------------------------------------------

    def process_found(self, found: Found) -> None:
        self._listener.process_found(found)

    def process_exited(self, exited: Exited) -> None:
        self._listener.process_exited(exited)

    def leftover_found(self, jail: str) -> None:
        self._listener.leftover_found(jail)

    def keeper_troubled(self, reason: str) -> None:
        self._listener.keeper_troubled(reason)

    def ready(self) -> None:
        self._listener.ready()

    def keeper_lost(self, reason: str) -> None:
        self._client = None
        self._site.spawner = AbsentKeeper()
        if self._is_stopped:
            return
        try:
            self._listener.keeper_lost(reason)
        finally:
            self._again()

    # --- inside --------------------------------------------------------------------------

    def _connect(self) -> None:
        self._call = None
        client = self._make_client(self)
        # Before the answer: with it come the processes, and acknowledgements go back.
        self._client = self._site.spawner = client
        client.connect().addCallbacks(self._connected, self._failed).addErrback(self._broken)

    def _connected(self, greeting: object) -> None:
        self._attempts = 0
        self._started_at = None
        self._last_complaint = ""

    def _failed(self, failure: Failure) -> None:
        self._client = None
        self._site.spawner = AbsentKeeper()
        if self._is_stopped:
            return
        if isinstance(failure.value, KeeperAbsent):
            now = self._clock.seconds()
            if self._started_at is None or now - self._started_at > _PATIENCE:
                if self._started_at is not None:
                    self._complain("the keeper that was started does not listen; another one is started")
                self._started_at = now
                self._start_keeper()
        else:
            self._complain(f"cannot connect to the keeper: {failure.value}")
        self._again()

    def _again(self) -> None:
        if self._is_stopped or self._call is not None:
            return
        delay = _DELAYS[min(self._attempts, len(_DELAYS) - 1)]
        self._attempts += 1
        self._call = self._clock.callLater(delay, self._connect)

    def _complain(self, complaint: str) -> None:
        if complaint != self._last_complaint:
            self._last_complaint = complaint
            self._log.error("{complaint}", complaint=complaint)

    def _broken(self, failure: Failure) -> None:
        self._log.failure("a fault in the connection to the keeper", failure)
        self._again()


class AbsentKeeper:
    """The keeper while there is none: each request fails, as it does with one that is lost."""

    def run(
        self,
        jail: str,
        bundle: str,
        runtime: str,
        *,
        stdin: bool,
        size: tuple[int, int] | None,
        note: Mapping[str, object],
        ready: str = "",
    ) -> Deferred[Launched]:
        return fail(_lost())

    def exec(
        self,
        jail: str,
        exec_id: str,
        process: Mapping[str, object],
        *,
        stdin: bool,
        size: tuple[int, int] | None,
        note: Mapping[str, object],
        stdio: Mapping[str, object] | None = None,
    ) -> Deferred[Launched]:
        return fail(_lost())

    def create(
        self,
        jail: str,
        bundle: str,
        runtime: str,
        *,
        stdio: Mapping[str, object],
        mounts: Sequence[Mapping[str, object]],
        note: Mapping[str, object],
        scopes: bool,
    ) -> Deferred[Launched]:
        return fail(_lost())

    def start(self, jail: str) -> Deferred[None]:
        return fail(_lost())

    def change(self, jail: str, change: str, changes: Mapping[str, object] | None = None) -> Deferred[None]:
        return fail(_lost())

    def signal(
        self, jail: str, signum: int, *, exec_id: str = "", everyone: bool = False, once: str = ""
    ) -> Deferred[None]:
        return fail(_lost())

    def delete(self, jail: str, *, force: bool = False, bundle: str = "") -> Deferred[None]:
        return fail(_lost())

    def close_stdin(self, jail: str, exec_id: str = "") -> Deferred[None]:
        return fail(_lost())

    def stdin(self, jail: str, exec_id: str = "") -> Deferred[int]:
        return fail(_lost())

    def process(self, jail: str) -> Deferred[Mapping[str, object]]:
        return fail(_lost())

    def hold(self, jail: str, pid: int, terminal: Callable[[], int]) -> None:
        pass

    def settle(self, jail: str, pid: int) -> None:
        pass

    def ack(self, jail: str, exec_id: str, pid: int) -> None:
        pass

    def shutdown(self) -> Deferred[None]:
        return fail(_lost())


def _lost() -> KeeperLost:
    return KeeperLost("the keeper is not connected at this moment")
