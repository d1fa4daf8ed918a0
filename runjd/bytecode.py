"""
Our modules, straight from their bytecode.

We are many small modules, and a short command loads dozens: the interpreter's own
finder and loader take 0.2 ms for each, most of it to find out where it may be.
Here it is known.  Whatever is not as expected (no bytecode, of another source, of
another interpreter) is left to them, who make the bytecode where they may.
"""

import marshal
import posix
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType

_PACKAGE = __name__.partition(".")[0]
_PLAIN = bytes(4)
_WORD = 0xFFFFFFFF


def install() -> None:
    """Find modules of this package here first; other modules are not our business."""
    sys.meta_path.insert(0, Finder(__file__.rpartition("/")[0]))


class Finder:
    """
    Finds and loads modules of one package (importlib.abc.MetaPathFinder, importlib.abc.Loader).

    :param directory: of the package.
    :param package: its name.
    """

    def __init__(self, directory: str, package: str = _PACKAGE) -> None:
        self._directory = directory
        self._prefix = package + "."

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> ModuleSpec | None:
        """Return where a module is, its code already read; None where others must look."""
        if not name.startswith(self._prefix):
            return None
        place = f"{self._directory}/{name[len(self._prefix) :].replace('.', '/')}"
        return self._spec(name, place, False) or self._spec(name, f"{place}/__init__", True)

    def create_module(self, spec: ModuleSpec) -> "ModuleType | None":
        """Let the interpreter do it."""

    def exec_module(self, module: "ModuleType") -> None:
        """Run the code of a module."""
        spec = module.__spec__
        assert spec is not None
        code, spec.loader_state = spec.loader_state, None
        exec(code, module.__dict__)

    def _spec(self, name: str, place: str, is_package: bool) -> ModuleSpec | None:
        directory, _, stem = place.rpartition("/")
        source, cached = f"{place}.py", f"{directory}/__pycache__/{stem}.{sys.implementation.cache_tag}.pyc"
        code = _read(source, cached)
        if code is None:
            return None
        # mypy asks for a subclass of importlib.abc.Loader, which is a module more
        spec = ModuleSpec(name, self, origin=source, loader_state=code, is_package=is_package)  # type: ignore[arg-type]
        if is_package:
            spec.submodule_search_locations = [directory]
        spec.cached = cached
        spec.has_location = True
        return spec


def _read(source: str, cached: str) -> "CodeType | None":
    """Return the code of a source from its bytecode (PEP 552), None where that is not what was made of it."""
    try:
        descriptor = posix.open(cached, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return None
    try:
        data = posix.read(descriptor, posix.fstat(descriptor).st_size)
        made_of = posix.stat(source)
    except OSError:
        return None
    finally:
        posix.close(descriptor)
    stamp = (int(made_of.st_mtime) & _WORD).to_bytes(4, "little") + (made_of.st_size & _WORD).to_bytes(4, "little")
    head = MAGIC_NUMBER + _PLAIN + stamp
    if not data.startswith(head):
        return None
    try:
        return marshal.loads(memoryview(data)[len(head) :])  # type: ignore[no-any-return]
    except (EOFError, TypeError, ValueError):
        return None
