"""
Our modules that are not loaded yet, as they were when the daemon started.

Who installs another version replaces the files below a daemon that has most of its code in memory, and loads the
rest when somebody asks for what it does: that would be half of one version, and half of the other.  So the code of
the rest is put by, in a file without a name.  Nor does it take a descriptor to load it.
"""

from __future__ import annotations

import errno
import marshal
import os
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import MAGIC_NUMBER, cache_from_source
from types import ModuleType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.bytecode import PLAIN, stamp_of

#: what a daemon has loaded when it is ready, or never: other programs, what TLS takes, what stands in for a kernel
_OTHERS = ("access", "cli", "config", "containerd/relay", "keeper", "kernel/recorder", "spec/jail_conf")
_OTHER_SYSTEM = "freebsd" if sys.platform == "linux" else "linux"
#: the fastest
_LEVEL = 1
#: bytes before the code in a file of bytecode
_HEAD = 16


class LateCode:
    """
    Finds and loads modules that were put by (importlib.abc.MetaPathFinder, importlib.abc.Loader).

    :param package: the directory of the package.
    :param directory: where the file is made.
    :raise OSError: it cannot be, or a module cannot be read.
    """

    def __init__(self, package: str, directory: str) -> None:
        # by name: the source, whether it is a package, and where in the file it is
        self._places: dict[str, tuple[str, bool, int, int]] = {}
        self._file = tempfile.TemporaryFile(dir=directory, buffering=0)
        try:
            for name, source in _modules(package):
                if name not in sys.modules:
                    self._put(name, source)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Have none of them any more."""
        self._places.clear()
        self._file.close()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module is; None where it was not put by."""
        if name not in self._places:
            return None
        source, is_package, _, _ = self._places[name]
        spec = ModuleSpec(name, self, origin=source, is_package=is_package)  # type: ignore[arg-type]
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(source)]
        spec.has_location = True
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Let the interpreter do it."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the code of a module."""
        source, _, position, size = self._places[module.__name__]
        data = zlib.decompress(os.pread(self._file.fileno(), size, position))
        if data.startswith(MAGIC_NUMBER):
            code = marshal.loads(memoryview(data)[_HEAD:])
        else:
            code = compile(data, source, "exec", dont_inherit=True)
        exec(code, module.__dict__)

    def _put(self, name: str, source: str) -> None:
        data = zlib.compress(_content(source), _LEVEL)
        position = self._file.tell()
        if self._file.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._places[name] = source, source.endswith("/__init__.py"), position, len(data)


def put_by(package: str, directory: str, in_thread: Callable[..., Deferred[Any]]) -> Deferred[None]:
    """
    Have what is not loaded yet be found as it is now, whatever becomes of the files.

    Where that cannot be, it is told, and found where it is then.

    :param package: the directory of the package.
    :param directory: where a file can be made.
    """

    def failed(failure: Failure) -> None:
        Logger().warn("code cannot be put by for later: {error}", error=failure.value)

    return in_thread(LateCode, package, directory).addCallbacks(lambda made: sys.meta_path.insert(0, made), failed)


def _content(source: str) -> bytes:
    """Return the bytecode that was made of a source as it is (PEP 552); where there is none, the source."""
    try:
        with open(cache_from_source(source), "rb") as file:
            data = file.read()
    except (OSError, NotImplementedError):
        data = b""
    if data.startswith(MAGIC_NUMBER + PLAIN + stamp_of(source)):
        return data
    with open(source, "rb") as file:
        return file.read()


def _modules(package: str) -> Iterator[tuple[str, str]]:
    """Yield the modules of a package that a daemon may load, by name, and their sources."""
    top = os.path.basename(package)
    for path, directories, files in os.walk(package):
        below = os.path.relpath(path, package)
        if below in _OTHERS or _OTHER_SYSTEM in below.split("/"):
            directories.clear()
            continue
        words = [top, *(below.split("/") if below != "." else ())]
        for each in files:
            stem, ending = os.path.splitext(each)
            if ending == ".py":
                yield ".".join(words if stem == "__init__" else [*words, stem]), os.path.join(path, each)
