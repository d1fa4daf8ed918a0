"""
The bundles that the daemon makes of jails that have none.

One directory for each, below the daemon's state.  A bundle is read once, at the start of
its jail, so another one may be put into its place at any time.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping

from runjd.errors import InputOutput, NoSpace

_CONFIG = "config.json"
_NEW = "config.json.new"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class Bundles:
    """
    The bundles in a directory.

    :param directory: absolute, and writable for nobody else.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def path(self, id: str) -> str:
        """Return where the bundle of a jail is."""
        return os.path.join(self._directory, id)

    def write(self, documents: Mapping[str, dict[str, object]]) -> None:
        """
        Write or replace bundles, all of them or none.

        Blocks: for a thread.

        :param documents: by the jails' ids.
        :raise InputOutput: the disk refuses.
        """
        written: list[str] = []
        try:
            for id, document in documents.items():
                written.append(id)
                self._prepare(id, document)
            for id in documents:
                os.rename(os.path.join(self.path(id), _NEW), os.path.join(self.path(id), _CONFIG))
        except OSError as error:
            for id in written:
                _unlink(os.path.join(self.path(id), _NEW))
            kind = NoSpace if error.errno in (errno.ENOSPC, errno.EDQUOT) else InputOutput
            raise kind(
                f"cannot write the bundle of {written[-1]}: {self.path(written[-1])}: {error.strerror}"
            ) from error

    def remove(self, id: str) -> None:
        """Remove a bundle; that it is not there, or cannot be removed, is nobody's trouble."""
        _unlink(os.path.join(self.path(id), _CONFIG))
        try:
            os.rmdir(self.path(id))
        except OSError:
            pass

    def _prepare(self, id: str, document: dict[str, object]) -> None:
        try:
            os.mkdir(self.path(id), 0o700)
        except FileExistsError:
            pass
        data = json.dumps(document).encode("utf-8", "surrogateescape")
        with open(os.open(os.path.join(self.path(id), _NEW), _FLAGS, 0o600), "wb") as file:
            file.write(data)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
