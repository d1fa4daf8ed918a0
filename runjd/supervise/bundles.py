"""
The bundles that the daemon makes: of jails that have none, and of those whose table says more than theirs.

One directory for each, below the daemon's state.  A bundle is read once, at the start of
its jail, so another one may be put into its place at any time.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from runjd.config.model import Overrides
from runjd.config.overrides import from_json, overridden
from runjd.container.bundle import read_bundle
from runjd.errors import InputOutput, NoSpace, RunjdError, SpecError
from runjd.kernel.newfile import open_new
from runjd.spec.jsontext import read_json
from runjd.spec.lightjson import loads

#: what is written of a jail: its document, or another bundle and what overrides it
CONFIG_JSON, OVERRIDES_JSON = "config.json", "overrides.json"

#: runj's file beside config.json, which is of the bundle, too
_EXTENSION = "runj.ext.json"
_NEW = ".new"


class Bundles:
    """
    The bundles in a directory.

    :param directory: absolute, and writable for nobody else.
    :param files: does something with a file off the reactor; see :class:`runjd.supervise.filethreads.FileThreads`.
    """

    def __init__(self, directory: str, files: Callable[..., Deferred[Any]]) -> None:
        self._directory = directory
        self._files = files

    def path(self, id: str) -> str:
        """Return where the bundle of a jail is."""
        return os.path.join(self._directory, id)

    def fresh(self, bundle: str) -> Deferred[None]:
        """
        Have a bundle of ours be what the one that it overrides says now; nothing to do for all others.

        :return: fires when it can be read; fails with RunjdError.
        """
        if os.path.dirname(bundle) != self._directory:
            return succeed(None)
        try:
            found = _overrides(os.path.join(bundle, OVERRIDES_JSON))
        except RunjdError as error:
            return fail(error)
        # of what somebody else may have on a file system that does not answer
        return succeed(None) if found is None else self._files(found[0], self._renew, bundle, *found)

    def write(self, made: Mapping[str, tuple[str, dict[str, object]]]) -> None:
        """
        Write or replace bundles, all of them or none; those that stand there already are left alone.

        Blocks: for a thread.

        :param made: by the jails' ids: :data:`CONFIG_JSON` or :data:`OVERRIDES_JSON`, and what it says.
        :raise InputOutput: the disk refuses.
        """
        written: list[str] = []
        try:
            for id, (name, document) in made.items():
                path = os.path.join(self.path(id), name)
                data = json.dumps(document).encode("utf-8", "surrogateescape")
                if not _holds(path, data):
                    written.append(path)
                    _make_directory(self.path(id))
                    _put(path + _NEW, data)
            for path in written:
                os.rename(path + _NEW, path)
            for id, (name, _) in made.items():
                if name == CONFIG_JSON:
                    _unlink(os.path.join(self.path(id), OVERRIDES_JSON))
        except OSError as error:
            for path in written:
                _unlink(path + _NEW)
            raise _explained(written[-1], error) from error

    def remove(self, id: str) -> None:
        """Remove a bundle; that it is not there, or cannot be removed, is nobody's trouble."""
        for name in (CONFIG_JSON, OVERRIDES_JSON, _EXTENSION):
            _unlink(os.path.join(self.path(id), name))
        try:
            os.rmdir(self.path(id))
        except OSError:
            pass

    def _renew(self, bundle: str, other: str, overrides: Overrides) -> None:
        """Blocks. :raise RunjdError: the other bundle is none, or the disk refuses."""
        found = read_bundle(other)
        document = read_json(found.document, found.file)
        if not isinstance(document, dict):
            raise SpecError("", "is no object", found.file)
        made = json.dumps(overridden(document, other, overrides)).encode("utf-8", "surrogateescape")
        config, extension = os.path.join(bundle, CONFIG_JSON), os.path.join(bundle, _EXTENSION)
        try:
            _copy(os.path.join(other, _EXTENSION), extension)
            _put(config + _NEW, made)
            os.rename(config + _NEW, config)
        except OSError as error:
            raise _explained(config, error) from error


def _overrides(path: str) -> tuple[str, Overrides] | None:
    """Return the bundle that another one overrides, and by what. :raise InputOutput: that cannot be read."""
    try:
        with open(path, "rb") as file:
            return from_json(loads(file.read()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputOutput(f"{path}: {error}; reload the configuration") from error


def _holds(path: str, data: bytes) -> bool:
    """Return whether a file is there, and is that already."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            return file.read(len(data) + 1) == data
    except OSError:
        return False


def _make_directory(path: str) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass


def _put(path: str, data: bytes) -> None:
    with open(open_new(path), "wb") as file:
        file.write(data)


def _copy(source: str, target: str) -> None:
    """Copy a file; where there is none, none is left."""
    try:
        with open(source, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        _unlink(target)
        return
    _put(target, data)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def _explained(path: str, error: OSError) -> InputOutput:
    kind = NoSpace if error.errno in (errno.ENOSPC, errno.EDQUOT) else InputOutput
    return kind(f"cannot write the bundle {os.path.dirname(path)}: {error.strerror}")
