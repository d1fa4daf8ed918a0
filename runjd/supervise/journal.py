"""
The daemon's own log: as the journal of systemd wants it, and within bounds where it is among the volatile state.

For the journal it has a priority in front of each line, and no time.  See sd-daemon(3); that a
stream leads to the journal is told by JOURNAL_STREAM, systemd.exec(5).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import IO, Any

from twisted.application.service import IService, MultiService
from twisted.logger import ILogObserver, LogEvent, LogLevel, eventAsText, textFileLogObserver
from twisted.python.components import Componentized
from twisted.python.logfile import LogFile
from zope.interface import implementer

#: bytes of a log that is rotated, and how many earlier ones are kept
_SIZE, _FILES = 1 << 20, 3
_PRIORITIES = {LogLevel.debug: 7, LogLevel.info: 6, LogLevel.warn: 4, LogLevel.error: 3, LogLevel.critical: 2}


def leads_to_journal(fd: int, environment: Mapping[str, str]) -> bool:
    """Return whether what is written to a descriptor gets into the journal."""
    device, _, inode = environment.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(fd)
    except OSError:
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


@implementer(ILogObserver)
class JournalObserver:
    """Writes what is logged to a stream that leads to the journal."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __call__(self, event: LogEvent) -> None:
        """Write one event: each of its lines, for the journal keeps lines."""
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        priority = _PRIORITIES.get(event.get("log_level", LogLevel.info), 6)
        lines = [f"<{priority}>{line}\n" for line in text.splitlines() if line]
        try:
            self._stream.write("".join(lines))
            self._stream.flush()
        except OSError:
            pass  # the journal is gone, and there is nobody else to tell


class LoggingService(MultiService):
    """The parent of the daemon, which has the application that it is put into log by an observer."""

    def __init__(self, observer: ILogObserver) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._observer = observer

    def setServiceParent(self, parent: Any) -> None:
        """Be put into an application."""
        if isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)  # type: ignore[no-untyped-call]
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]


def logged(service: IService, twistd: Any, state: str) -> IService:
    """
    Return the service, whose log has the manner of the journal where standard output leads there.

    A log below its own state, which is volatile and may be memory, is rotated, and little of it is kept: nobody else
    looks after that.

    :param twistd: its options, which may ask for another log.
    :param state: directory of the volatile state.
    """
    if twistd is None or not twistd["nodaemon"] or twistd["syslog"] or twistd.get("logger"):
        return service
    file = twistd["logfile"]
    if file and os.path.abspath(file).startswith(f"{state}/"):
        parent = LoggingService(bounded(os.path.abspath(file)))
    elif file or not leads_to_journal(1, os.environ):
        return service
    else:
        parent = LoggingService(JournalObserver(sys.stdout))
    service.setServiceParent(parent)  # type: ignore[no-untyped-call]
    return parent


def bounded(path: str) -> ILogObserver:
    """Return what logs to a file that is rotated."""
    directory, name = os.path.split(path)
    file: Any = LogFile(name, directory, _SIZE, maxRotatedFiles=_FILES)  # type: ignore[no-untyped-call]
    return textFileLogObserver(file)
