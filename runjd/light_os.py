"""
The module os, as far as it is posix: the rest is loaded when somebody asks for it.

The half of it that is written in Python defines dozens of abstract classes, for
os.environ, which takes a tenth of the time of a short command.  What our modules ask
for are system calls, which the other half has, and what is here.  A child that enters
a jail can load nothing any more: what it asks for has to be here.
"""

import posix
import sys
from _frozen_importlib import _find_spec, _init_module_attrs  # type: ignore[attr-defined]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
else:
    ModuleType = type(sys)

_CODEC = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


def fsencode(name: str | bytes) -> bytes:
    """Return a name as the system has it."""
    return name.encode(*_CODEC) if isinstance(name, str) else name


def fsdecode(name: str | bytes) -> str:
    """Return a name of the system as text."""
    return name if isinstance(name, str) else name.decode(*_CODEC)


#: what os says besides the calls
_SAID = {
    "name": "posix",
    "devnull": "/dev/null",
    "sep": "/",
    "SEEK_SET": 0,
    "SEEK_CUR": 1,
    "SEEK_END": 2,
    "fsencode": fsencode,
    "fsdecode": fsdecode,
}


def lighten_os() -> None:
    """Be os for whoever imports it from now on, if nobody has yet."""
    if "os" in sys.modules:
        return
    made = sys.modules["os"] = ModuleType("os")
    # its environ is another one
    calls = {name: value for name, value in vars(posix).items() if name[0] != "_" and name != "environ"}
    made.__dict__.update(calls, **_SAID, _exit=posix._exit, __getattr__=_rest(made))
    # which imports os
    import posixpath

    sys.modules["os.path"] = made.__dict__["path"] = posixpath


def _rest(module: "ModuleType") -> "Callable[[str], object]":
    def get(name: str) -> object:
        """Become the whole of os, in the same place, so that nobody notices who has it."""
        if name == "__path__":
            # import asks everything whether it is a package
            raise AttributeError(name)
        del module.__dict__["__getattr__"]
        spec = _find_spec("os", None)
        _init_module_attrs(spec, module, override=True)
        spec.loader.exec_module(module)
        return getattr(module, name)

    return get
