"""
Exit records on disk: how each process ended, until a daemon has dealt with it.

One file each, made complete by rename(2), so that neither the death of the
daemon nor our own loses it.  Not fsynced: the page cache outlives us, and a
reboot voids the record.
"""

from __future__ import annotations

import os

from runjd.keeper.children import Child, Exit
from runjd.keeper.messages import exit_json
from runjd.kernel.newfile import open_new
from runjd.spec.lightjson import dumps, loads
from runjd.spec.versioned import Newer, up_to_date

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.spec.versioned import Steps

#: of a record
VERSION = 1
#: from earlier versions, of which there is none yet
STEPS: Steps = {}

_SUFFIX = ".exit"
_UNFINISHED = ".new"
_SIZE_MAX = 2 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class ExitStore:
    """
    The records of one directory.

    :param directory_fd: where they are; nobody else may write there.
    :param log: told of records that cannot be read.
    """

    def __init__(self, directory_fd: int, log: Callable[[str], None]) -> None:
        self._directory_fd = directory_fd
        self._log = log

    def save(self, child: Child) -> None:
        """
        Write down how a process ended.

        :raise OSError: it cannot be written; nothing is left of it.
        """
        name = _file_name(child)
        unfinished = name + _UNFINISHED
        fd = open_new(unfinished, dir_fd=self._directory_fd)
        try:
            record = _record(child)
            # a full disk takes less than all
            if os.write(fd, record) != len(record):
                raise OSError(28, "No space left on device", name)
            os.rename(unfinished, name, src_dir_fd=self._directory_fd, dst_dir_fd=self._directory_fd)
        except BaseException:
            self._remove(unfinished)
            raise
        finally:
            os.close(fd)

    def remove(self, child: Child) -> None:
        """Forget a record; nothing to do where there is none."""
        self._remove(_file_name(child))

    def load(self) -> list[Child]:
        """
        Return what an earlier keeper wrote down; what cannot be read is told to the log.

        It is removed, unless a newer version wrote it.
        """
        found = []
        for name in sorted(os.listdir(self._directory_fd)):
            if name.endswith(_SUFFIX):
                try:
                    found.append(self._read(name))
                    continue
                except Newer as error:
                    self._log(f"exit record {name} is left to the keeper that can read it: {error}")
                    continue
                except (OSError, ValueError, TypeError, KeyError) as error:
                    self._log(f"exit record {name} cannot be read, removed: {error}")
            self._remove(name)
        return found

    def _read(self, name: str) -> Child:
        fd = os.open(name, _READ, dir_fd=self._directory_fd)
        try:
            text = os.read(fd, _SIZE_MAX)
        finally:
            os.close(fd)
        record = up_to_date(loads(text), VERSION, STEPS)
        child = Child(
            str(record["jail"]),
            str(record["exec"]),
            int(record["pid"]),
            int(record["start"]),
            int(record["jid"]),
            bool(record["terminal"]),
            dumps(record["note"]),
        )
        status, signal = record["status"], record["signal"]
        child.exit = Exit(
            None if status is None else int(status),
            None if signal is None else int(signal),
            float(record["at"]),
            bool(record["core"]),
            True,
        )
        return child

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._directory_fd)
        except OSError:
            return


def _file_name(child: Child) -> str:
    # of numbers alone: no name from outside becomes a path
    return f"{child.pid}-{child.start}{_SUFFIX}"


def _record(child: Child) -> bytes:
    assert child.exit is not None
    status, signal, at, core, _ = child.exit
    ended = exit_json(child.jail, child.exec, child.pid, status, signal, at, core)
    made = f'"start":{child.start},"jid":{child.jid},"terminal":{"true" if child.terminal else "false"}'
    # the note is JSON already, and of all the longest
    return f'{{"version":{VERSION},{ended},{made},"note":{child.note}}}'.encode("ascii")
