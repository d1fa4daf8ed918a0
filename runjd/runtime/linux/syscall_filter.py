"""
``linux.seccomp`` to a program of BPF, as runc makes it, by libseccomp.

Where a profile and the library do not agree, runc's habits count: a system call
that the library does not know is left out; a rule that does what is done anyway is
left out; several conditions on one argument mean that any of them is enough.
"""

from __future__ import annotations

import errno

from runjd.errors import RuntimeFailure, Unsupported
from runjd.kernel import libseccomp, seccomp
from runjd.runtime.failing import failure
from runjd.runtime.linux import newer_syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runjd.runtime.linux.filter_cache import FilterCache
    from runjd.spec.model import Seccomp, SeccompArgument

#: changes when the same profile comes to another program
_FORMAT = 1
_STEP = "filter system calls"
_PATH = "linux.seccomp"
_MISSING = (
    f"it takes {libseccomp.NAME}, which this host lacks: install the package libseccomp2 (Debian, Ubuntu) or "
    "libseccomp (others)"
)

#: SCMP_ACT_KILL is the old name of KILL_THREAD
ACTIONS = {
    "SCMP_ACT_KILL": libseccomp.ACT_KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": libseccomp.ACT_KILL_PROCESS,
    "SCMP_ACT_KILL_THREAD": libseccomp.ACT_KILL_THREAD,
    "SCMP_ACT_TRAP": libseccomp.ACT_TRAP,
    "SCMP_ACT_ERRNO": libseccomp.ACT_ERRNO,
    "SCMP_ACT_TRACE": libseccomp.ACT_TRACE,
    "SCMP_ACT_ALLOW": libseccomp.ACT_ALLOW,
    "SCMP_ACT_LOG": libseccomp.ACT_LOG,
}
OPERATORS = {
    "SCMP_CMP_NE": libseccomp.CMP_NE,
    "SCMP_CMP_LT": libseccomp.CMP_LT,
    "SCMP_CMP_LE": libseccomp.CMP_LE,
    "SCMP_CMP_EQ": libseccomp.CMP_EQ,
    "SCMP_CMP_GE": libseccomp.CMP_GE,
    "SCMP_CMP_GT": libseccomp.CMP_GT,
    "SCMP_CMP_MASKED_EQ": libseccomp.CMP_MASKED_EQ,
}
#: TSYNC filters the other threads of a process, too: we have one
FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": 0,
    "SECCOMP_FILTER_FLAG_LOG": seccomp.FLAG_LOG,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": seccomp.FLAG_SPEC_ALLOW,
}

_CARRY_A_NUMBER = (libseccomp.ACT_ERRNO, libseccomp.ACT_TRACE)
_ALLOWING = (libseccomp.ACT_ALLOW, libseccomp.ACT_LOG)


def compile_filter(
    wanted: Seccomp,
    load: Callable[[], libseccomp.Library] = libseccomp.Library,
    cache: FilterCache | None = None,
) -> tuple[bytes, int]:
    """
    Return the program, and the flags to load it with.

    :param load: finds the library.
    :param cache: of programs that were made before.
    :raise RuntimeFailure: the library is not there, or refuses a rule.
    :raise Unsupported: the library does not know an architecture.
    """
    try:
        library = load()
    except OSError:
        raise RuntimeFailure(_STEP, _MISSING, _PATH, errno.ENOPKG) from None
    flags = 0
    for name in wanted.flags:
        flags |= FLAGS[name]
    source = _source(wanted, library)
    known = cache.find(source) if cache is not None else None
    if known is not None:
        return known, flags
    program = _compile(wanted, library)
    if cache is not None:
        cache.keep(source, program)
    return program, flags


def _source(wanted: Seccomp, library: libseccomp.Library) -> bytes:
    """Return all that a program depends on."""
    return repr((_FORMAT, library.version(), library.native(), wanted)).encode()


def _compile(wanted: Seccomp, library: libseccomp.Library) -> bytes:
    architectures = tuple(_architectures(wanted, library))
    default = action_number(wanted.default_action, wanted.default_errno_ret)
    try:
        filter = library.filter(default)
        try:
            for each in architectures:
                filter.add_architecture(each)
            _add_rules(wanted, library, filter, default)
            program = filter.export()
        finally:
            filter.close()
    except OSError as error:
        raise failure(_STEP, error, _PATH) from error
    if _refuses_newer(default):
        program = newer_syscalls.absent(_last_syscalls(wanted, library, architectures)) + program
    if len(program) > seccomp.MAX_INSTRUCTIONS * seccomp.INSTRUCTION.size:
        raise RuntimeFailure(_STEP, "the filter is longer than the kernel allows", _PATH, errno.E2BIG)
    return program


def action_number(action: str, errno_ret: int | None) -> int:
    """Return an action as the kernel's number; EPERM is what it returns where nothing is said."""
    number = ACTIONS[action]
    if number in _CARRY_A_NUMBER:
        number |= errno.EPERM if errno_ret is None else errno_ret
    return number


def conditions(args: tuple[SeccompArgument, ...]) -> list[list[tuple[int, int, int, int]]]:
    """Return the conditions of a rule for the library: all within a list must hold, of one list at least."""
    found = [(each.number, OPERATORS[each.op], each.value, each.value_two) for each in args]
    if len({each.number for each in args}) < len(args):
        return [[each] for each in found]
    return [found]


def _add_rules(wanted: Seccomp, library: libseccomp.Library, filter: libseccomp.SyscallFilter, default: int) -> None:
    for index, rule in enumerate(wanted.syscalls):
        action = action_number(rule.action, rule.errno_ret)
        if action == default:
            continue
        alternatives = conditions(rule.args)
        for number, name in enumerate(rule.names):
            found = library.resolve(name)
            if found is None:
                continue
            try:
                for each in alternatives:
                    filter.add_rule(action, found, each)
            except OSError as error:
                where = f"{_PATH}.syscalls[{index}].names[{number}]"
                raise failure(f"{_STEP}: {rule.action} for {name}", error, where) from error


def _architectures(wanted: Seccomp, library: libseccomp.Library) -> Iterator[int]:
    yield library.native()
    for index, name in enumerate(wanted.architectures):
        found = library.architecture(name.removeprefix("SCMP_ARCH_").lower())
        if found is None:
            raise Unsupported(f"{_PATH}.architectures[{index}]", f"this host's {libseccomp.NAME} does not know {name}")
        yield found


def _refuses_newer(default: int) -> bool:
    """Whether a system call that the profile does not know fails in a way that no program expects."""
    return (
        default not in (*_ALLOWING, libseccomp.ACT_ERRNO | errno.ENOSYS) and default & ~0xFFFF != libseccomp.ACT_TRACE
    )


def _last_syscalls(wanted: Seccomp, library: libseccomp.Library, architectures: tuple[int, ...]) -> dict[int, int]:
    """Return architecture to the highest number of those system calls that the profile names."""
    names = {name for rule in wanted.syscalls for name in rule.names}
    found = {}
    for each in dict.fromkeys(architectures):
        numbers = [number for number in (library.resolve_on(each, name) for name in names) if number is not None]
        highest = max(numbers, default=-1)
        if highest >= 0:
            found[each] = highest
    return found
