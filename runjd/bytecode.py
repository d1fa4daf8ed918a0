"""
Our modules, straight from their bytecode.

We are many small modules, and a short command loads dozens: the interpreter's own
finder and loader take 0.2 ms for each, most of it to find out where it may be and
who else may be loading it.  Here it is known.  Whatever is not as expected (no
bytecode, of another source, of another interpreter) is left to them, who make the
bytecode where they may.

What one sort of call loads lies together in a pack besides, which is read at once:
half the time goes into opening files, and into names that many modules have.  A
pack is made by :mod:`runjd.pack` where bytecode may be.
"""

import builtins
import marshal
import posix
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType, ModuleType
else:
    ModuleType = type(sys)

_PACKAGE = __name__.partition(".")[0]
#: flags of bytecode that is held against the time and size of its source (PEP 552)
PLAIN = bytes(4)
_WORD = 0xFFFFFFFF
_import = builtins.__import__

#: What ``from __future__ import annotations`` gets, which was meant for the compiler: the true one takes 0.15 ms.
_FUTURE = ModuleType("__future__")
_FUTURE.__dict__["annotations"] = None


def install() -> None:
    """
    Find modules of this package here first; other modules are not our business.

    For programs with one thread.  With ``-X importtime`` it is slower, as the
    interpreter only times what it imports itself.
    """
    finder = Finder(__file__.rpartition("/")[0])
    sys.meta_path.insert(0, finder)
    if "importtime" not in sys._xoptions:
        builtins.__import__ = finder.import_


def installed() -> "Finder | None":
    """Return the finder of this package, where there is one."""
    return next((each for each in sys.meta_path if isinstance(each, Finder)), None)


class Finder:
    """
    Finds and loads modules of one package (importlib.abc.MetaPathFinder, importlib.abc.Loader).

    :param directory: of the package.
    :param package: its name.
    :ivar missed: how many modules were not in the pack.
    """

    def __init__(self, directory: str, package: str = _PACKAGE) -> None:
        self._directory = directory
        self._prefix = package + "."
        self._pack: dict[str, tuple[bytes, CodeType]] = {}
        # None: no pack is made of it, and code that has run is let go
        self._found: dict[str, tuple[bytes, CodeType]] | None = None
        self.missed = 0

    def pack(self, name: str) -> str:
        """Return the path of a pack."""
        return f"{self._directory}/__pycache__/{name}.{sys.implementation.cache_tag}.pack"

    def take(self, name: str) -> None:
        """Look into a pack first from now on, if it is there, and keep what the next one is made of."""
        self.missed, self._found = 0, {}
        data = _content(self.pack(name))
        if data.startswith(MAGIC_NUMBER):
            try:
                self._pack = marshal.loads(memoryview(data)[len(MAGIC_NUMBER) :])
            except (EOFError, TypeError, ValueError):
                # it is made anew
                pass

    def known(self) -> bytes:
        """Return what a pack holds that has all that was loaded since :meth:`take`, and what the one before had."""
        kept = {source: each for source, each in self._pack.items() if each[0] == stamp_of(source)}
        return MAGIC_NUMBER + marshal.dumps(kept | (self._found or {}))

    def import_(
        self,
        name: str,
        globals: "Mapping[str, object] | None" = None,
        locals: "Mapping[str, object] | None" = None,
        fromlist: "Sequence[str] | None" = (),
        level: int = 0,
    ) -> "ModuleType":
        """
        Stand in for :func:`builtins.__import__`, where the machinery of import has not yet loaded a module of ours.

        Who takes this finder away from ``sys.meta_path`` takes this away, too.
        """
        if name.startswith(self._prefix) and sys.meta_path and sys.meta_path[0] is self:
            module = sys.modules.get(name) or self._load(name)
            if module is not None and fromlist and self._has_all(module, fromlist):
                return module
        if name == "__future__" and fromlist == ("annotations",):
            return _FUTURE
        return _import(name, globals, locals, fromlist or (), level)

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> ModuleSpec | None:
        """Return where a module is, its code already read; None where others must look."""
        if not name.startswith(self._prefix):
            return None
        place = f"{self._directory}/{name[len(self._prefix) :].replace('.', '/')}"
        if f"{place}/__init__.py" in self._pack:
            return self._spec(name, f"{place}/__init__", True)
        return self._spec(name, place, False) or self._spec(name, f"{place}/__init__", True)

    def create_module(self, spec: ModuleSpec) -> "ModuleType | None":
        """Let the interpreter do it."""

    def exec_module(self, module: "ModuleType") -> None:
        """Run the code of a module."""
        spec = module.__spec__
        assert spec is not None
        code, spec.loader_state = spec.loader_state, None
        exec(code, module.__dict__)

    def _has_all(self, module: "ModuleType", names: "Sequence[str]") -> bool:
        """Whether a module has what is asked of it, or fails to, as those modules of a package that are not loaded."""
        if not hasattr(module, "__path__"):
            return True
        return all(hasattr(module, each) or self._load(f"{module.__name__}.{each}") for each in names)

    def _load(self, name: str) -> "ModuleType | None":
        """Return a module that was just loaded, and its packages before it; None where others must do that."""
        parent, _, child = name.rpartition(".")
        if parent not in sys.modules and self._load(parent) is None:
            return None
        spec = self.find_spec(name)
        if spec is None:
            return None
        module = sys.modules[name] = ModuleType(name)
        said = {"__spec__": spec, "__loader__": self, "__package__": spec.parent}
        module.__dict__.update(said, __file__=spec.origin, __cached__=spec.cached)
        if spec.submodule_search_locations is not None:
            module.__path__ = spec.submodule_search_locations
        try:
            self.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        setattr(sys.modules[parent], child, module)
        return module

    def _spec(self, name: str, place: str, is_package: bool) -> ModuleSpec | None:
        directory, _, stem = place.rpartition("/")
        source, cached = f"{place}.py", f"{directory}/__pycache__/{stem}.{sys.implementation.cache_tag}.pyc"
        code = self._code(source, cached)
        if code is None:
            return None
        # mypy asks for a subclass of importlib.abc.Loader, which is a module more
        spec = ModuleSpec(name, self, origin=source, loader_state=code, is_package=is_package)  # type: ignore[arg-type]
        if is_package:
            spec.submodule_search_locations = [directory]
        spec.cached = cached
        spec.has_location = True
        return spec

    def _code(self, source: str, cached: str) -> "CodeType | None":
        """Return the code of a source, None where there is none that was made of it as it is."""
        packed = self._pack.get(source)
        if packed is not None and packed[0] == stamp_of(source):
            if self._found is not None:
                self._found[source] = packed
            return packed[1]
        data = _content(cached)
        if not data:
            return None
        stamp = stamp_of(source)
        head = MAGIC_NUMBER + PLAIN + stamp
        if not data.startswith(head):
            return None
        try:
            code: CodeType = marshal.loads(memoryview(data)[len(head) :])
        except (EOFError, TypeError, ValueError):
            return None
        if self._found is not None:
            self._found[source] = stamp, code
        self.missed += 1
        return code


def _content(path: str) -> bytes:
    """Return what is in a file; nothing where there is none."""
    try:
        descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return posix.read(descriptor, posix.fstat(descriptor).st_size)
    except OSError:
        return b""
    finally:
        posix.close(descriptor)


def stamp_of(source: str) -> bytes:
    """Return what bytecode says of the source that it was made of (PEP 552), or what none says where there is none."""
    try:
        made_of = posix.stat(source)
    except OSError:
        return b"none"
    return (int(made_of.st_mtime) & _WORD).to_bytes(4, "little") + (made_of.st_size & _WORD).to_bytes(4, "little")
