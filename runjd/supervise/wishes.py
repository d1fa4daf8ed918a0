"""
What must outlast a reboot, on disk: one file for each jail of which somebody said something.

Each is written whole, and synced with its directory before anyone is told.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from twisted.logger import Logger

from runjd.errors import RunjdError
from runjd.policy.facts import WANTS, Definition
from runjd.spec.ids import check_id
from runjd.spec.versioned import Newer, up_to_date
from runjd.supervise.definitions import definition_from_json, definition_to_json
from runjd.supervise.wholefiles import of_newer, read_json, refused, sync_directory, write_whole
from runjd.values import Value

if TYPE_CHECKING:
    from runjd.spec.versioned import Steps

_VERSION = 1
#: from earlier versions, of which there is none
_STEPS: Steps = {}
_ENDING = ".json"


class Wish(Value):
    """
    What somebody wants of a jail.

    :ivar want: up, down or once; empty: nobody said.
    :ivar enabled: whether it comes up at boots; None: nobody said.
    :ivar definition: of a jail of RUN, which nobody else would define after a reboot.
    """

    want: str = ""
    enabled: bool | None = None
    definition: Definition | None = None


class Wishes:
    """
    The wishes in a directory.

    :param directory: absolute, and writable for nobody else.
    """

    _log = Logger()

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def write(self, wishes: Mapping[str, Wish | None]) -> None:
        """
        Write some, and remove those that are None; all of it outlasts a crash of the host.

        :raise InputOutput: the disk refuses; those before it may be written.
        """
        for id, wish in wishes.items():
            path = os.path.join(self._directory, id + _ENDING)
            if wish is None:
                try:
                    os.unlink(path)
                except FileNotFoundError:
                    pass
                except OSError as error:
                    raise refused(path, error) from error
            else:
                text = json.dumps({"version": _VERSION, **_to_json(wish)})
                write_whole(path, text.encode("utf-8", "surrogateescape"), is_synced=True)
        sync_directory(self._directory)

    def load(self) -> dict[str, Wish]:
        """
        Return all that can be read, by jail; what cannot is told and left alone.

        :raise Newer: a newer version wrote one.
        """
        found: dict[str, Wish] = {}
        for name in sorted(os.listdir(self._directory)):
            if not name.endswith(_ENDING):
                continue
            path = os.path.join(self._directory, name)
            try:
                id = check_id(name.removesuffix(_ENDING))
                document = up_to_date(read_json(path), _VERSION, _STEPS)
                found[id] = _from_json(id, document)
            except Newer as error:
                raise of_newer(path, error) from error
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RunjdError) as error:
                self._log.error(
                    "cannot read {path}, so it is not known what was wanted: {error}", path=path, error=error
                )
        return found


def _to_json(wish: Wish) -> dict[str, object]:
    definition = None if wish.definition is None else definition_to_json(wish.definition)
    return {"want": wish.want, "enabled": wish.enabled, "definition": definition}


def _from_json(id: str, document: dict[str, object]) -> Wish:
    want, enabled, definition = document.get("want", ""), document.get("enabled"), document.get("definition")
    if want not in ("", *WANTS) or not (enabled is None or isinstance(enabled, bool)):
        raise ValueError("it says nothing that can be wanted")
    found = None if definition is None else definition_from_json(definition)
    if found is not None and found.id != id:
        raise ValueError(f"it is about {found.id}")
    return Wish(str(want), enabled, found)
