"""
The state directory: one directory, 0700, for each container.

``state.json`` is replaced as a whole (temporary file, rename), so a reader needs
no lock.  Whoever changes something holds a flock(2) on the container's directory
itself; the kernel takes it back from the dead, so ``creating`` without a lock
means that the creator was killed.  Nothing is fsynced: the page cache survives
SIGKILL, and a reboot voids what is written here anyway.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time

from runjd.ancestry import find_stranger
from runjd.container import mark
from runjd.container.bundle import CONFIG, read_all
from runjd.container.failure import Step
from runjd.container.own import make_directory, make_way, open_file
from runjd.container.state import Damaged, decode, encode, salvage
from runjd.errors import AlreadyExists, InputOutput, NoSuchJail, RunjdError, WrongState
from runjd.runtime.failing import failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from runjd.container.state import State

STATE = "state.json"
CONFINEMENT = "confinement"

_NEW = "state.json.new"
_LIMIT = 16 << 20
#: seconds that an operation waits for another one on the same container
_PATIENCE = 30.0
_PAUSES = (0.0005, 0.05)
_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Store:
    """
    The containers below one directory, which is made where it is missing.

    :param root: absolute path.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)

    def claim(self, id: str) -> Place:
        """
        Make the container's directory, and hold it; of several callers exactly one gets it.

        What a creator left that was killed before its first record is taken over.

        :param id: checked already.
        :raise AlreadyExists: it is there, or is being made.
        """
        root = self._open_root()
        if root is None:
            root = self._make_root()
        creating = self.open_root()
        try:
            # see runjd.container.roots
            fcntl.flock(creating, fcntl.LOCK_SH)
            while True:
                try:
                    make_directory(id, root)
                except FileExistsError:
                    pass
                place = self._open(root, id)
                if place is None:
                    continue
                if place.is_claimable():
                    place.creating = creating
                    creating = -1
                    return place
                place.close()
        except BlockingIOError:
            raise AlreadyExists(id, "another operation is at work on it") from None
        finally:
            os.close(root)
            if creating >= 0:
                os.close(creating)

    def hold(self, id: str, *, shared: bool = False) -> Place:
        """
        Hold the container, after whoever works on it now.

        A creation, which may take long, is not waited for.

        :param shared: others who change nothing may hold it too.
        :raise NoSuchJail: it is not there.
        :raise WrongState: it is being created, or somebody else holds it all the time.
        """
        place = self.look(id)
        try:
            if place.is_busy() and place.is_in_the_making():
                raise WrongState(f'"{id}" is still being created', jail=id, status="creating")
            place.lock(shared=shared)
            if not place.is_current():
                raise self._missing(id)
        except BaseException:
            place.close()
            raise
        return place

    def look(self, id: str) -> Place:
        """
        Open the container's directory without holding it.

        :raise NoSuchJail: it is not there.
        """
        root = self._open_root()
        if root is None:
            raise self._missing(id)
        try:
            place = self._open(root, id)
        finally:
            os.close(root)
        if place is None:
            raise self._missing(id)
        return place

    def ids(self) -> list[str]:
        """Return the ids of all containers, sorted, those in the making included."""
        root = self._open_root()
        if root is None:
            return []
        try:
            with os.scandir(root) as entries:
                found = [each.name for each in entries if each.is_dir(follow_symlinks=False)]
                # what starts with a dot is shared
                return sorted(name for name in found if not name.startswith("."))
        finally:
            os.close(root)

    def open_root(self) -> int:
        """Return a descriptor of the state directory, with an open file description of its own; -1 where it is gone."""
        root = self._open_root()
        return -1 if root is None else root

    def _missing(self, id: str) -> NoSuchJail:
        return NoSuchJail(id, f"{self.root}/{id} does not exist")

    def _open(self, root: int, id: str) -> Place | None:
        try:
            fd = os.open(id, _DIRECTORY_FLAGS, dir_fd=root)
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise InputOutput(f"{self.root}/{id} is not a directory; move it away") from None
        return Place(self.root, id, fd)

    def _make_root(self) -> int:
        self._check_way()
        try:
            make_way(os.path.dirname(self.root))
            try:
                make_directory(self.root)
            except FileExistsError:
                pass
            return os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise self._failure("make", error) from error

    def _check_way(self) -> None:
        stranger = find_stranger(self.root)
        if stranger:
            raise InputOutput(
                f"the state directory {self.root} is reached by {stranger}, which others can exchange; "
                "choose another one"
            )

    def _failure(self, action: str, error: OSError) -> RunjdError:
        hint = "try as root, or name one of your own with --root" if isinstance(error, PermissionError) else ""
        return failure(f"{action} the state directory {self.root}", error, hint=hint)

    def _open_root(self) -> int | None:
        try:
            fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise InputOutput(f"the state directory {self.root} is not a directory; choose another one") from None
        except OSError as error:
            raise self._failure("open", error) from error
        found = os.fstat(fd)
        if found.st_uid not in (0, os.geteuid()) or stat.S_IMODE(found.st_mode) & 0o022:
            os.close(fd)
            raise InputOutput(
                f"the state directory {self.root} can be written by others; give it to yourself with mode 0700"
            )
        try:
            self._check_way()
        except RunjdError:
            os.close(fd)
            raise
        return fd


class Place:
    """
    The open directory of one container; as a context it is closed, and let go, at the end.

    :ivar fd: its descriptor.
    :ivar creating: the lock of those who create, see :mod:`runjd.container.roots`; -1 without.
    """

    def __init__(self, root: str, id: str, fd: int) -> None:
        self.id = id
        self.fd = fd
        self.path = f"{root}/{id}"
        self.creating = -1
        self._is_held = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go; nothing to do the second time."""
        self.stop_creating()
        if self.fd >= 0:
            # a child that was forked meanwhile may not have closed its copy yet
            fcntl.flock(self.fd, fcntl.LOCK_UN)
            os.close(self.fd)
            self.fd = -1

    def stop_creating(self) -> None:
        """Let those in who wait until nobody creates."""
        if self.creating >= 0:
            fcntl.flock(self.creating, fcntl.LOCK_UN)
            os.close(self.creating)
            self.creating = -1

    def try_lock(self) -> bool:
        """Hold the container if nobody else works on it."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._is_held = True
        return self.is_current()

    def lock(self, *, shared: bool = False, patience: float = _PATIENCE) -> None:
        """
        Wait until nobody else works on the container.

        :param patience: seconds.
        :raise WrongState: somebody does, all the time.
        """
        deadline = time.monotonic() + patience
        pause, longest = _PAUSES
        while True:
            try:
                fcntl.flock(self.fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise self.busy() from None
                time.sleep(pause)
                pause = min(pause * 2, longest)
            else:
                self._is_held = True
                return

    def busy(self) -> WrongState:
        """Return the error for who waited in vain."""
        return WrongState(
            f'another operation is at work on "{self.id}" and does not end; look for the runj that has {self.path} '
            "open, and for the hook it waits for",
            jail=self.id,
        )

    def is_busy(self) -> bool:
        """Whether somebody else holds the container for changing it."""
        if self._is_held:
            return False
        try:
            fcntl.flock(self.fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self.fd, fcntl.LOCK_UN)
        return False

    def is_in_the_making(self) -> bool:
        """Whether the record says that it is being created."""
        document = self._read(STATE)
        state = salvage(document) if document else None
        return state is not None and state.status == "creating"

    def is_current(self) -> bool:
        """Whether this directory still is the container's, and not one that was deleted."""
        try:
            there = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self.fd))

    def is_claimable(self) -> bool:
        """
        Hold the directory and return whether it is ours to fill; False: it was deleted meanwhile.

        :raise BlockingIOError: somebody else holds it.
        :raise AlreadyExists: a container is recorded in it, or it is not ours.
        """
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self.is_current():
                return False
            found = os.listdir(self.fd)
            if STATE in found or mark.read(self.fd) is not None:
                raise AlreadyExists(self.id, "delete it first, or choose another id")
            if not mark.is_ours(self.fd, found):
                raise AlreadyExists(self.id, f"at least {self.path} does, and is no container of runj")
            _clear(self.fd)
            with Step(f"write {self.path}/{mark.NAME}"):
                mark.make(self.fd)
            self._is_held = True
        except BaseException:
            os.close(self.fd)
            self.fd = -1
            raise
        return True

    def read(self) -> State | None:
        """
        Return the record; None where none was written yet.

        :raise InputOutput: it is gone, damaged or too new; the message says what to do.
        """
        try:
            document = self._read(STATE)
        except RunjdError as error:
            raise InputOutput(f"{error}; {self._advice()}", file=f"{self.path}/{STATE}") from None
        if document is None:
            if mark.read(self.fd) is None:
                return None
            raise InputOutput(f"{self.path}/{STATE} is missing; {self._advice()}", file=f"{self.path}/{STATE}")
        try:
            state = decode(document)
        except Damaged as error:
            raise InputOutput(f"{self.path}/{STATE} {error}; {self._advice()}", file=f"{self.path}/{STATE}") from None
        if state.id != self.id:
            raise InputOutput(
                f'{self.path}/{STATE} is the record of another container, "{state.id}"; {self._advice()}',
                file=f"{self.path}/{STATE}",
            )
        return state

    def salvage(self) -> State | None:
        """Return what can be made of a damaged record, or of the mark, None where that is nothing."""
        try:
            document = self._read(STATE)
        except RunjdError:
            document = None
        state = salvage(document) if document else None
        if state is None or state.id != self.id:
            state = mark.read(self.fd)
        return state if state is not None and state.id == self.id else None

    def write(self, state: State) -> None:
        """Replace the record; needs the lock."""
        with Step(f"write {self.path}/{STATE}"):
            self._write(_NEW, encode(state))
            os.rename(_NEW, STATE, src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def mark(self, state: State) -> None:
        """Let the init process be known also without the record."""
        with Step(f"write {self.path}/{mark.NAME}"):
            mark.keep(self.fd, state)

    def check_ours(self) -> None:
        """
        See that this is a container's directory, before anything of it is removed.

        :raise InputOutput: it is not.
        """
        if not mark.is_ours(self.fd, os.listdir(self.fd)):
            raise InputOutput(f"{self.path} is no container of runj, and stays as it is; is --root right?")

    def unrecorded(self) -> str:
        """Return why there is no record, for a message."""
        if mark.is_ours(self.fd, os.listdir(self.fd)):
            return "its creation or deletion was interrupted, or is under way"
        return f"{self.path} is no container of runj"

    def keep_config(self, document: bytes) -> None:
        """Keep a copy of the bundle's document: later changes of the bundle have no effect."""
        with Step(f"write {self.path}/{CONFIG}"):
            self._write(CONFIG, document)

    def config(self) -> bytes:
        """Return the copy of the bundle's document."""
        document = self._read(CONFIG)
        if document is None:
            raise InputOutput(f"{self.path}/{CONFIG} is missing; {self._advice()}", file=f"{self.path}/{CONFIG}")
        return document

    def keep_confinement(self, confinement: bytes) -> None:
        """Keep what the runtime has to be told for each process that joins; nothing for nothing."""
        if confinement:
            with Step(f"write {self.path}/{CONFINEMENT}"):
                self._write(CONFINEMENT, confinement)

    def confinement(self) -> bytes:
        """Return what was kept; empty where there is nothing."""
        return self._read(CONFINEMENT) or b""

    def remove(self) -> None:
        """Remove the directory, the record and the mark last; needs the lock."""
        with Step(f"remove {self.path}"):
            _clear(self.fd, keep=(STATE, mark.NAME))
            mark.make(self.fd)
            _clear(self.fd, keep=(mark.NAME,))
            _clear(self.fd)
            os.rmdir(self.path)

    def _advice(self) -> str:
        return f"`runj delete --force {self.id}` removes what is left of it"

    def _read(self, name: str) -> bytes | None:
        with Step(f"read {self.path}/{name}"):
            try:
                fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self.fd)
            except FileNotFoundError:
                return None
            try:
                return read_all(fd, _LIMIT)
            finally:
                os.close(fd)

    def _write(self, name: str, document: bytes) -> None:
        fd = open_file(name, self.fd)
        try:
            view = memoryview(document)
            while view:
                view = view[os.write(fd, view) :]
        finally:
            os.close(fd)


def _clear(directory: int, keep: tuple[str, ...] = ()) -> None:
    """Remove what is in the directory; nothing is followed."""
    with os.scandir(directory) as entries:
        found = [(each.name, each.is_dir(follow_symlinks=False)) for each in entries if each.name not in keep]
    for name, is_directory in found:
        if not is_directory:
            os.unlink(name, dir_fd=directory)
            continue
        below = os.open(name, _DIRECTORY_FLAGS, dir_fd=directory)
        try:
            _clear(below)
        finally:
            os.close(below)
        os.rmdir(name, dir_fd=directory)
