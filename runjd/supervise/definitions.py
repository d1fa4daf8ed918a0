"""
What the daemon was asked to run, on disk: one file for each jail.

Written before a start, so that the next daemon knows of every jail that the
keeper may have.  The directory is volatile; what must outlast a reboot stands
in :mod:`runjd.supervise.wishes`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from runjd.errors import RunjdError
from runjd.policy.backoff import Tallies
from runjd.policy.facts import Definition, ExitRecord
from runjd.policy.settingsjson import settings_from_json, settings_to_json
from runjd.spec.ids import check_id
from runjd.spec.versioned import Newer, up_to_date
from runjd.supervise.wholefiles import of_newer, read_json, refused, write_whole
from runjd.values import Value

if TYPE_CHECKING:
    from runjd.spec.versioned import Steps

_VERSION = 1
#: from earlier versions, of which there is none: what was added since the first one has a value where it is missing
_STEPS: Steps = {}
_ENDING = ".json"
#: bytes that a disk must take before it is written to again
_PROBE = 4096

#: nothing yet, or where a jail was left
STOOD = ("new", "started", "idle", "backoff", "failed")


class Known(Value):
    """
    A definition, and what the next daemon must know of its jail.

    :ivar want: what was wanted last.
    :ivar is_expected: it was started, and nobody saw its end.
    :ivar is_configured: it stands in the configuration; else somebody defined it by RUN.
    :ivar stood: where supervision left it; one of :data:`STOOD`.
    :ivar reason: why it stands there.
    :ivar tallies: what the next start by itself depends on.
    :ivar started: when it was started last, in seconds since the host's boot.
    :ivar enabled: whether it comes up at boots; None: nobody said.
    :ivar is_restarting: it was stopped to be started anew.
    :ivar is_of_this_boot: it was written since the host was booted.
    :ivar is_ready: that run was seen to be ready.
    :ivar is_paused: its processes stand still.
    """

    definition: Definition
    want: str
    is_expected: bool = False
    last_exit: ExitRecord | None = None
    is_configured: bool = False
    stood: str = "new"
    reason: str = ""
    tallies: Tallies = Tallies()
    started: float = 0.0
    enabled: bool | None = None
    is_restarting: bool = False
    is_of_this_boot: bool = True
    is_ready: bool = False
    is_paused: bool = False


class Definitions:
    """
    The definitions in a directory.

    :param directory: absolute, and writable for nobody else.
    :param boot: identifies this boot of the host; what an earlier one left is void.
    """

    _log = Logger()

    def __init__(self, directory: str, boot: str) -> None:
        self._directory = directory
        self._boot = boot
        #: what was read, and stands there unchanged: a thousand jails are not written anew by each new daemon
        self._read: dict[str, Known] = {}

    def save(self, known: Known) -> None:
        """
        Write or replace one, at once or not at all.

        :raise InputOutput: the disk refuses.
        """
        if self._read.pop(known.definition.id, None) == known:
            return
        document = {"version": _VERSION, "boot": self._boot, **_to_json(known)}
        write_whole(self._path(known.definition.id), json.dumps(document).encode("utf-8", "surrogateescape"))

    def remove(self, id: str) -> None:
        """
        Forget one; nothing to do is no error.

        :raise InputOutput: the disk refuses.
        """
        path = self._path(id)
        self._read.pop(id, None)
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise refused(path, error, "remove") from error

    def probe(self) -> None:
        """See whether the disk takes anything. :raise InputOutput: it refuses."""
        path = os.path.join(self._directory, "probe")
        write_whole(path, bytes(_PROBE))
        os.unlink(path)

    def load(self) -> Iterator[Known]:
        """
        Return all that can be read; what cannot is told and left alone.

        :raise Newer: a newer version wrote one: a daemon that does not understand it must not start its jail again.
        """
        for name in sorted(os.listdir(self._directory)):
            if not name.endswith(_ENDING):
                continue
            path = os.path.join(self._directory, name)
            try:
                document = up_to_date(read_json(path), _VERSION, _STEPS)
                known = _from_json(document)
                if check_id(known.definition.id) + _ENDING != name:
                    raise ValueError(f"it is about {known.definition.id}")
            except Newer as error:
                raise of_newer(path, error) from error
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RunjdError) as error:
                self._log.error("cannot read {path}, so its jail is not known: {error}", path=path, error=error)
                continue
            if document.get("boot", self._boot) == self._boot:
                self._read[known.definition.id] = known
                yield known
            else:
                yield _after_boot(known)

    def _path(self, id: str) -> str:
        return os.path.join(self._directory, id + _ENDING)


def _after_boot(known: Known) -> Known:
    """Return what of an earlier boot still is true: nothing of it runs, and no count of its clock means anything."""
    return Known(
        known.definition,
        known.want,
        last_exit=known.last_exit,
        is_configured=known.is_configured,
        enabled=known.enabled,
        is_of_this_boot=False,
    )


def _to_json(known: Known) -> dict[str, object]:
    return {
        "want": known.want,
        "is_expected": known.is_expected,
        "last_exit": None if known.last_exit is None else known.last_exit._asdict(),
        "is_configured": known.is_configured,
        "stood": known.stood,
        "reason": known.reason,
        "tallies": known.tallies._asdict(),
        "started": known.started,
        "enabled": known.enabled,
        "is_restarting": known.is_restarting,
        "is_ready": known.is_ready,
        "is_paused": known.is_paused,
        "definition": definition_to_json(known.definition),
    }


def _from_json(document: Any) -> Known:
    last_exit = document.get("last_exit")
    return Known(
        definition=definition_from_json(document["definition"]),
        want=str(document["want"]),
        is_expected=document.get("is_expected") is True,
        last_exit=None if last_exit is None else _exit_from_json(last_exit),
        is_configured=document.get("is_configured") is True,
        stood=_stood(document.get("stood", "idle")),
        reason=str(document.get("reason", "")),
        tallies=_tallies_from_json(document.get("tallies", {})),
        started=_seconds(document.get("started", 0.0)),
        is_restarting=document.get("is_restarting") is True,
        enabled=None if document.get("enabled") is None else document["enabled"] is True,
        is_ready=document.get("is_ready") is True,
        is_paused=document.get("is_paused") is True,
    )


def _exit_from_json(document: Any) -> ExitRecord:
    record = ExitRecord(**document)
    numbers = (record.pid, *(each for each in (record.status, record.signal) if each is not None))
    if not all(type(each) is int for each in numbers) or type(record.at) not in (int, float):
        raise ValueError("its last exit is none")
    return record


def _stood(found: object) -> str:
    if found not in STOOD:
        raise ValueError(f"it stood nowhere: {found}")
    return str(found)


def _tallies_from_json(document: Any) -> Tallies:
    restarts, held, failures = (document.get(name, 0) for name in ("restarts", "held", "failures"))
    if not type(restarts) is type(held) is type(failures) is int:
        raise ValueError("its tallies are none")
    recent = tuple(_seconds(each) for each in document.get("recent", ()))
    next_at = document.get("next_at")
    return Tallies(restarts, held, failures, recent, None if next_at is None else _seconds(next_at))


def _seconds(found: Any) -> float:
    if type(found) not in (int, float) or found - found != 0:
        raise ValueError(f"{found} is no time")
    return float(found)


def definition_to_json(definition: Definition) -> dict[str, object]:
    """Return a definition as JSON values."""
    return {**definition._asdict(), "settings": settings_to_json(definition.settings)}


def definition_from_json(document: object) -> Definition:
    """
    Return the definition of such JSON values; unknown keys are skipped.

    :raise ValueError: it is none.
    """
    if not isinstance(document, dict):
        raise ValueError("a definition is an object")
    size = document.get("size")
    if size is not None and not (isinstance(size, list) and len(size) == 2 and all(type(n) is int for n in size)):
        raise ValueError("the size of a terminal is two numbers")
    return Definition(
        id=check_id(str(document.get("id", ""))),
        bundle=str(document.get("bundle", "")),
        runtime=str(document.get("runtime", "")),
        stdin=document.get("stdin") is True,
        size=None if size is None else (size[0], size[1]),
        remove=document.get("remove") is True,
        settings=settings_from_json(document.get("settings", {})),
    )
