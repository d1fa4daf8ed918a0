"""
The seams between the rooms of the daemon.

Only where two providers exist: the real one and the one in memory that tests
use.  ``runj``, ``runjctl`` and the keeper never import this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import Attribute, Interface

from runjd.config.difference import Difference
from runjd.policy.facts import (
    Definition,
    Event,
    ExitRecord,
    Facts,
    LogPage,
    LogPosition,
    LogQuery,
    SessionFacts,
    Upgraded,
)
from runjd.policy.plan import PlanStep
from runjd.policy.usage import Measurement
from runjd.spec.model import Process


class IViewer(Interface):
    """Receives what one process of a jail writes; made by whoever looks on."""

    def out(data: bytes) -> None:
        """The process wrote to standard output, or to its terminal."""

    def err(data: bytes) -> None:
        """The process wrote to standard error."""

    def gap(lost: int) -> None:
        """So many bytes were left out, because this viewer was paused."""

    def ended(exit: ExitRecord | None) -> None:
        """The process ended and all its output was delivered; None: the daemon lets go of it. Called once, last."""

    def input_changed(types: bool, by: str) -> None:
        """What this viewer sends reaches the process from now on, or no longer, and who is the reason."""

    def dismissed(by: str) -> None:
        """Somebody closed this session. Called instead of ``ended``."""


class ISession(IPushProducer):
    """
    One viewer's hold on one process.

    As a push producer it is registered with the viewer's transport.  A paused
    session of an attach loses output (and tells by ``gap``); a paused session of
    an exec makes the process wait.  ``stopProducing`` is ``detach``.
    """

    terminal: bool = Attribute("Whether the process has a pty.")
    pid: int = Attribute("The process.")
    exec_id: str = Attribute("The id of the exec process; empty for the init process of the jail.")
    number: int = Attribute("Identifies the session in this life of the daemon.")
    types: bool = Attribute("Whether its input and its window size reach the process.")
    typist: str = Attribute("Who else types, as uid:1001; empty where nobody does.")

    def write(data: bytes) -> Deferred[None] | None:
        """
        Send to standard input, or to the terminal; dropped where somebody else types.

        :return: None where more may be sent at once, else what fires when the process has read enough of it;
            the viewer's connection is not read meanwhile, so that no input piles up here.
        """

    def close_stdin() -> None:
        """Say that no more input comes; the process reads end of file."""

    def resize(rows: int, columns: int) -> None:
        """Set the size of the terminal; nothing where there is none."""

    def hold_output() -> None:
        """Have nothing read of the process for a moment, until :meth:`release_output` or the end of the session."""

    def release_output() -> None:
        """Read again."""

    def detach() -> None:
        """Let go; the viewer hears no more. An exec with a terminal is hung up."""


class ILogReader(Interface):
    """Reads the log of one jail once, page by page, so that nothing has to be held in memory."""

    position: LogPosition = Attribute("The place behind what was read.")

    def read(limit: int) -> Deferred[LogPage]:
        """Return whole lines, about ``limit`` bytes of them; a page without any is not always the end."""

    def when_grown() -> Deferred[None]:
        """Fire once there may be more behind the last page, which was the end; may be cancelled."""

    def close() -> None:
        """Let go of the file; what is being read is still read."""


class ILog(Interface):
    """The log of one jail, over all its files."""

    def open(query: LogQuery, follow: bool = False) -> Deferred[ILogReader]:
        """
        Begin to read.

        :param follow: there is no end to it; else it ends where the log ends now.
        :raise BadArgument: (by the Deferred) the log has no such place, or its form does not tell what is asked.
        """

    def settle() -> Deferred[None]:
        """Fire once all that was read of the program until now can be read back."""

    def tend(deed: str) -> Deferred[None]:
        """
        ``rotate`` the file of the log, or ``reopen`` it because somebody else moved it; fires when that is done.

        A line that is being written is ended in the old file, if it ends within a second.
        """


class ISubscription(Interface):
    """One receiver's hold on the events."""

    def cancel() -> None:
        """The receiver hears no more."""


class IEvents(Interface):
    """Every change, numbered; the last 10,000 can be read again."""

    last_seq: int = Attribute("Number of the newest event, 0 before the first.")

    def subscribe(receiver: Callable[[Event], None]) -> ISubscription:
        """Call the receiver with each event from now on."""

    def since(seq: int) -> tuple[int, Sequence[Event]]:
        """Return how many events behind ``seq`` are no longer known, and those that are."""


class IController(Interface):
    """
    Everything the daemon can do with jails; the verbs of every protocol come here.

    ``by`` names who asked, as ``uid:1001``.  What takes time returns a Deferred
    that may be cancelled (the work goes on, the waiting ends).  Errors are
    :class:`runjd.errors.RunjdError`.
    """

    run_id: str = Attribute("Identifies this life of the daemon.")
    events: IEvents = Attribute("The events.")
    runtimes: Sequence[str] = Attribute("Names of the runtimes that can be asked for; the first is the default.")
    degraded: str = Attribute("What the daemon cannot do as it should, for people; empty where there is nothing.")

    def jails() -> Sequence[Facts]:
        """Return all jails, by id."""

    def facts(id: str) -> Facts:
        """Return one jail. :raise NoSuchJail: naming a near miss."""

    def measure(ids: Sequence[str]) -> Deferred[Measurement]:
        """
        Return what these jails use, all without a name, in the order of the names; those that do not run use nothing.

        :raise NoSuchJail: (by the Deferred) naming a near miss.
        :raise InputOutput: (by the Deferred) the system tells nothing.
        """

    def plan(ids: Sequence[str]) -> Sequence[PlanStep]:
        """
        Return what a start of these jails would do, without doing it; without a name, what a boot would.

        :raise NoSuchJail: naming a near miss.
        """

    def run(definition: Definition, by: str) -> Deferred[Facts]:
        """
        Define a jail and start it; fires when its program was executed. Nothing is left behind if it fails.

        Fires before any output of the program is delivered: an ``attach`` in the
        callback misses no byte (so ``RUN mode=frame`` and ``runjctl run -it`` are made).
        """

    def start(id: str, by: str, is_once: bool = False) -> Deferred[Facts]:
        """
        Want it up; fires when its program was executed. Nothing to do where it runs.

        :param is_once: once it ended, it is wanted down.
        """

    def stop(id: str, by: str, timeout: float | None = None) -> Deferred[Facts]:
        """Want it down: SIGTERM, and SIGKILL after ``timeout`` seconds; fires when it is gone."""

    def restart(id: str, by: str, timeout: float | None = None) -> Deferred[Facts]:
        """Stop it where it runs, then start it."""

    def try_restart(id: str, by: str, timeout: float | None = None) -> Deferred[Facts]:
        """Stop and start it where it runs, or is about to; nothing to do where it is down."""

    def reset(id: str, by: str) -> Facts:
        """Forget its failures: a failed jail is idle, and one that is held off is started."""

    def enable(id: str, by: str, is_enabled: bool) -> Deferred[Facts]:
        """Say whether it comes up at boots, whatever is wanted of it now."""

    def pause(id: str, by: str) -> Deferred[Facts]:
        """Have its processes stand still; fires when they do. It must be ready; a stop lets it go on first."""

    def resume(id: str, by: str) -> Deferred[Facts]:
        """Let its processes go on."""

    def kill(id: str, signum: int, by: str, everyone: bool = False, exec_id: str = "") -> Deferred[None]:
        """Signal the init process, or every process of the jail, or one exec process."""

    def delete(id: str, by: str, force: bool = False) -> Deferred[None]:
        """Forget a jail that does not run; with ``force`` kill it first."""

    def wait(id: str, until: str) -> Deferred[Facts]:
        """Fire when the jail is ``started``, ``ready`` or ``stopped``; at once where it is."""

    def log(id: str) -> ILog:
        """Return the jail's log."""

    def attach(
        id: str, viewer: IViewer, by: str, exec_id: str = "", input: str = "free", lossless: bool = False
    ) -> ISession:
        """
        Look on, and type.

        One session types, others look on, unless they ask to share.

        :param exec_id: an exec process, not the init process.
        :param input: ``free``: type where nobody else does, now or later; ``no``: look on; ``yes``: type, or fail;
            ``share``: type beside others; ``steal``: type, and nobody else any more.
        :param lossless: a paused viewer makes the jail wait, as with an exec: for
            ``RUN mode=``, whose caller owns the job. Else it loses output, told by ``gap``.
        :raise WrongState: where nothing runs, or where it cannot type although it must.
        :raise NotFound: there is no such exec process.
        """

    def exec(
        id: str, process: Process, viewer: IViewer, by: str, stdin: bool, detached: bool = False
    ) -> Deferred[ISession]:
        """
        Run another process in the jail; fires when its program was executed.

        :param detached: it is not hung up when its viewer lets go, nor when the daemon ends.
        """

    def resize(id: str, exec_id: str, rows: int, columns: int) -> None:
        """Set the terminal size of the init process (``exec_id`` empty) or of an exec process."""

    def wait_exec(id: str, exec_id: str) -> Deferred[ExitRecord]:
        """
        Fire when an exec process has ended; at once where it has, as long as that is remembered.

        :raise NotFound: (by the Deferred) there is none, or its end is forgotten.
        """

    def sessions(id: str = "") -> Sequence[SessionFacts]:
        """Return the sessions of one jail, or all, in the order in which they began."""

    def close_session(number: int, by: str) -> SessionFacts:
        """Close a session, as if its viewer had detached, which is told why. :raise NotFound: there is none."""

    def exec_defaults(id: str) -> Deferred[Process]:
        """Return the process of the jail's bundle, whose user, environment, cwd and rights an exec starts from."""

    def shutdown(mode: str, by: str) -> Deferred[None]:
        """``keep``: end the daemon, leave the jails to the keeper; ``stop``: stop all jails in order, then end both."""

    def upgrade(by: str) -> Deferred[Upgraded]:
        """Replace keeper and daemon by the version that is installed; fires when the daemon is about to be replaced."""


class IConfiguration(Interface):
    """What the files of the configuration say, and what of it is in force."""

    def compare() -> Deferred[Difference]:
        """Return what a reload would change; fails with ConfigError, of which nothing is used."""

    def reload(by: str) -> Deferred[Difference]:
        """
        Put in force what the files say now, all of it or nothing; fires with what changed.

        Those who ask while a reload is under way share one that follows.
        """


class IDiagnosis(Interface):
    """What the daemon tells of itself, for monitoring and for reports of faults."""

    def metrics() -> Deferred[bytes]:
        """
        Return all metrics in the text format of Prometheus; may be cancelled.

        :raise Unsupported: (by the Deferred) prometheus_client is not installed.
        """

    def dump() -> Iterator[tuple[str, Iterator[str]]]:
        """Yield the parts of a report of a fault, without secrets: a name, and lines; each is made as it is taken."""
