"""
What every process of a jail takes on right before it executes its program.

Made of the configuration once, before the fork, and kept with the jail: an exec
process gets the filter that the init process has, whatever became of the library
or the bundle meanwhile.

A filter of system calls counts for our own, too.  So it is loaded last of all, and
execve(2) alone has to pass it: other runtimes look for the program and wait for
``start`` behind theirs.  But where there is no no_new_privs, loading takes
CAP_SYS_ADMIN, which must not be had by a process that another one with
CAP_SYS_PTRACE can see and take over.  So whoever is to show up where there may be such
loads the filter before that (:func:`confine_unseen`), and what is left to be done has
to pass it.
"""

from __future__ import annotations

import struct

from runjd.errors import RuntimeFailure
from runjd.runtime.failing import failure
from runjd.runtime.linux import steps
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runjd.runtime.privileges import Privileges
    from runjd.spec.model import Capabilities, Process

#: without no_new_privs it takes rights to load a filter (seccomp(2))
_NEEDED = "CAP_SYS_ADMIN"
_FILTER = "linux.seccomp"
#: the last letter is the version
_MAGIC = b"CNF1"
#: magic, flags, personality, length of the program
_HEAD = struct.Struct("=4sIiI")
_ALLOW = "let the filter allow capset, or set process.noNewPrivileges"


class Confinement(Value):
    """
    What is taken on.

    :ivar program: BPF that judges system calls; empty for none.
    :ivar flags: of seccomp(2).
    :ivar personality: of personality(2); negative for none.
    """

    program: bytes = b""
    flags: int = 0
    personality: int = -1


def make_confinement(plan: Iterable[object], directory: str = "") -> Confinement:
    """
    Return what the steps of a plan come to.

    :param directory: where jails keep what they share; empty for nowhere.
    :raise RunjdError: a filter cannot be made.
    """
    made = Confinement()
    for step in plan:
        match step:
            case steps.FilterSyscalls():
                from runjd.runtime.linux.filter_cache import FilterCache
                from runjd.runtime.linux.syscall_filter import compile_filter

                cache = FilterCache(f"{directory}/.filters") if directory else None
                program, flags = compile_filter(step.seccomp, cache=cache)
                made = made._replace(program=program, flags=flags)
            case steps.SetPersonality():
                from runjd.kernel.scheduling import PERSONALITIES

                made = made._replace(personality=PERSONALITIES[step.domain])
    _load_modules(made)
    return made


def encode(confinement: Confinement) -> bytes:
    """Return it as bytes: a head that tells the length of the program, then the program."""
    program, flags, personality = confinement
    return _HEAD.pack(_MAGIC, flags, personality, len(program)) + program


def decode(record: bytes) -> Confinement:
    """
    Return what was encoded.

    :raise RuntimeFailure: it was not. Nothing joins a jail without its confinement.
    """
    program = record[_HEAD.size :]
    if len(record) >= _HEAD.size:
        magic, flags, personality, length = _HEAD.unpack_from(record)
        if (magic, length) == (_MAGIC, len(program)):
            made = Confinement(program, flags, personality)
            _load_modules(made)
            return made
    raise RuntimeFailure("confine a process as its jail is", "the record of that is missing or damaged")


def keeps(confinement: Confinement, process: Process) -> tuple[str, ...]:
    """Return the capabilities that a process needs to confine itself, when it has given up all others."""
    return (_NEEDED,) if confinement.program and not process.no_new_privileges else ()


def confine(confinement: Confinement, process: Process, privileges: Privileges) -> None:
    """
    Confine ourselves; execve(2) takes what that takes beyond the rights of the process.

    :raise RunjdError: the kernel refuses.
    """
    if confinement.personality >= 0:
        _set_personality(confinement.personality)
    if not confinement.program:
        return
    from runjd.kernel import seccomp

    try:
        privileges.wield(keeps(confinement, process))
        seccomp.load(confinement.program, confinement.flags)
    except OSError as error:
        raise failure("filter system calls", error, _FILTER) from error


def confine_unseen(confinement: Confinement, process: Process, privileges: Privileges, sets: Capabilities) -> bool:
    """
    Confine ourselves now if we have to keep rights for doing it later, and give those up.

    :param sets: the capabilities of the process.
    :return: it was done.
    :raise RunjdError: the kernel refuses, or the filter refuses the rest of the way.
    """
    needed = keeps(confinement, process)
    if not needed:
        return False
    confine(confinement, process, privileges)
    try:
        privileges.shed([each for each in needed if each not in sets.permitted], sets.effective)
    except OSError as error:
        raise failure("give up the right to filter system calls", error, _FILTER, _ALLOW) from error
    return True


def _set_personality(number: int) -> None:
    from runjd.kernel import scheduling

    try:
        scheduling.set_personality(number)
    except OSError as error:
        raise failure("set the personality", error, "linux.personality") from error


def _load_modules(confinement: Confinement) -> None:
    """Load what the child needs, as it cannot import."""
    if confinement.personality >= 0:
        from runjd.kernel import scheduling  # noqa: F401
    if confinement.program:
        from runjd.kernel import seccomp  # noqa: F401
