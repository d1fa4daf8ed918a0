"""
runjd-keeper: parent and reaper of every jail's processes; outlives the daemon.

It locks its directory and listens before it goes into the background, so what
can go wrong is said to whoever started it, and a keeper that was started can be
talked to.
"""

from __future__ import annotations

import _socket
import errno
import os
import sys
import time

from runjd import __version__
from runjd.container.operations import Operations
from runjd.errors import BadArgument, RunjdError, RuntimeFailure
from runjd.keeper import directories, messages
from runjd.keeper.address import Address
from runjd.keeper.children import Children
from runjd.keeper.exits import ExitStore
from runjd.keeper.handover import Handover, Places
from runjd.keeper.jobs import Jobs
from runjd.keeper.keeper import RESERVE, Keeper
from runjd.keeper.log import Log
from runjd.keeper.loop import READ, Loop
from runjd.keeper.options import USAGE, Options, parse
from runjd.keeper.orphans import Orphans
from runjd.keeper.own_command import own_program
from runjd.keeper.preload import close_imports, preload
from runjd.keeper.process import OwnProcess
from runjd.keeper.reaping import Reaping
from runjd.keeper.reclaiming import Reclaiming
from runjd.keeper.server import Server
from runjd.keeper.spooling import Spooling
from runjd.keeper.successor import rehearse, take_over, without_handover
from runjd.keeper.upgrade import Upgrade
from runjd.keeper.workers import Workers
from runjd.kernel.exitwatch import exit_watch
from runjd.kernel.ownpages import own_pages
from runjd.kernel.process import boot_id
from runjd.runtime.choose import runtimes
from runjd.runtime.sealed import seal

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
    from functools import partial

    from runjd.keeper.children import Child
    from runjd.keeper.server import Session

    MakeOperations = Callable[[str, Callable[[float], None], bool], Operations]
else:
    import _signal
    from _functools import partial


def _operations(root: str, expect: Callable[[float], None], scopes: bool) -> Operations:
    return Operations(root, runtimes(scopes=scopes), time.time, expect=expect)


def main(arguments: list[str], operations: MakeOperations = _operations) -> int:
    """
    Run the keeper.

    :param operations: makes the operations of a state directory; takes what they tell how long hooks may take, and
        whether systemd makes control groups.
    :return: exit status of the process that was started: 0 once a keeper listens
        in the background (with ``--foreground``: once it ended).
    """
    if arguments in (["--help"], ["-h"]):
        os.write(1, USAGE.encode())
        return 0
    try:
        options = parse(arguments, os.getcwd())
        unsealed = _seal()
        if options.rehearse >= 0:
            return rehearse(options.rehearse, arguments)
        return _start(options, arguments, operations, unsealed)
    except BadArgument as error:
        os.write(2, f"runjd-keeper: {error}\n{USAGE}".encode("utf-8", "backslashreplace"))
        return error.exit_status
    except RunjdError as error:
        os.write(2, f"runjd-keeper: {error}\n".encode("utf-8", "backslashreplace"))
        return error.exit_status


def _seal() -> str:
    """Run from an interpreter that no jail can write to; return why that cannot be, where no jail can be either."""
    try:
        seal()
    except RuntimeFailure as error:
        # without CAP_SYS_ADMIN there are no namespaces: only jails that are not isolated anyway
        if error.errno != errno.EPERM:
            raise
        return str(error)
    return ""


def _start(options: Options, arguments: list[str], operations: MakeOperations, unsealed: str) -> int:
    program = own_program(arguments)
    handover = take_over(options.resume) if options.resume >= 0 else None
    own = OwnProcess(handover.own if handover is not None else None)
    places = _open(options.directory) if handover is None else handover.places
    try:
        log = Log(places.directory, time.time)
    except OSError as error:
        raise RunjdError(f"{options.directory}/log: {error.strerror}") from error
    listener = _socket.socket(fileno=places.listener)
    preload()
    if handover is None and not options.foreground:
        if os.fork():
            return 0
        os.setsid()
        _forget_terminal()
    own.settle()
    close_imports()
    if unsealed:
        log.write(f"the interpreter is not sealed: {unsealed}")
    try:
        command = program, without_handover(arguments)
        _serve(options, own, places, listener, command, operations, log, handover)
    except BaseException as error:
        log.failure(error)
        raise
    directories.leave(places.directory)
    log.write("ended")
    os.close(places.lock)
    return 0


def _open(path: str) -> Places:
    """Be the only keeper of a directory, and listen there."""
    directory_fd = directories.open_private(path)
    lock_fd = directories.lock(directory_fd, path)
    exits_fd = directories.open_private("exits", directory_fd)
    return Places(directory_fd, lock_fd, exits_fd, directories.listen(directory_fd, path).detach())


def _serve(
    options: Options,
    own: OwnProcess,
    places: Places,
    listener: _socket.socket,
    command: tuple[list[str], list[str]],
    operations: MakeOperations,
    log: Log,
    handover: Handover | None,
) -> None:
    """Wire the parts together, and run until told to end."""
    loop = Loop(time.monotonic, log.failure)
    exits = ExitStore(places.exits, log.write)
    children = Children()
    for child in exits.load() if handover is None else handover.children:
        children.add(child)
    jobs = Jobs(partial(operations, options.root))
    workers = Workers(
        loop,
        own.become_worker,
        jobs.perform,
        lambda pid: children.find_living(pid) is not None,
        patience=options.worker_time,
        spare_time=options.spare_time,
        fork_first=_first_forker(),
        forked=Reclaiming(loop, own_pages).forked,
    )
    make_file = partial(directories.make_nameless, places.directory, own.descriptors_max - RESERVE)

    # They know each other: what one hears, another must tell or do.
    def tell_exit(child: Child) -> None:
        keeper.tell_exit(child)

    def tell_trouble(reason: str) -> None:
        keeper.tell_trouble(reason)

    def current() -> Session | None:
        return server.session

    def hand_over(session: Session, req: int) -> Handover:
        talk = session.talk(req)
        return Handover(__version__, os.getpid(), own.before, places, talk, tuple(children), orphans.held())

    reaping = Reaping(loop, children, workers, exits, tell_exit, time.time, log.write, tell_trouble)
    looks = operations(options.root, lambda seconds: None, False)
    orphans = Orphans(loop, looks, children, reaping, exit_watch(), time.time, log.write)
    spooling = Spooling(loop, children, make_file, options.spool_size, log.write)
    upgrade = Upgrade(loop, own, workers, *command, hand_over, make_file, log.write)
    keeper = Keeper(
        options.root,
        boot_id(),
        own.descriptors_max,
        children,
        workers,
        reaping,
        orphans,
        spooling,
        upgrade,
        current,
        loop.stop,
        log.write,
    )
    server = Server(loop, listener, (os.geteuid(), 0), keeper.received, keeper.lost, log.write)

    def heard(mask: int) -> None:
        numbers = own.heard()
        reaping.turn()
        if _signal.SIGTERM in numbers or _signal.SIGINT in numbers:
            if keeper.may_end:
                loop.stop()
            else:
                log.write(f"told to end by a signal, but {children.living} processes live: goes on")

    loop.watch(own.signals, READ, heard)
    server.start()
    Address(loop, places.directory, options.directory, server.renew, log.write).watch()
    log.write(f"keeper {os.getpid()} for {options.root}, runjd {__version__}; {len(children)} processes and exits")
    if handover is not None:
        session = server.go_on(handover.talk)
        session.say(messages.tell_upgraded(handover.talk.req, handover.software))
        orphans.go_on(handover.watched)
        reaping.go_on()
        spooling.go_on()
        session.release()
    loop.run()


def _first_forker() -> Callable[[], int] | None:
    """Return what forks a worker into a pid namespace of its own, where the system has them."""
    if sys.platform != "linux":
        return None
    from runjd.kernel.namespaces import CLONE_NEWPID, clone_process

    return partial(clone_process, CLONE_NEWPID)


def _forget_terminal() -> None:
    fd = os.open("/dev/null", os.O_RDWR)
    for number in range(3):
        os.dup2(fd, number)
    if fd > 2:
        os.close(fd)
