"""
What every process of a jail takes on right before it executes its program.

Made of the configuration once, before the fork, and kept with the jail: an exec
process gets the filter that the init process has, whatever became of the library
or the bundle meanwhile.  A filter of system calls counts for our own, too.  So it
is loaded after everything else is done, and execve(2) alone has to pass it: that
is more than other runtimes ask for, which look for the program and wait for
``start`` behind their filter.
"""

from __future__ import annotations

from runjd.errors import RuntimeFailure
from runjd.runtime import steps
from runjd.runtime.failing import failure
from runjd.spec.lightjson import dumps, loads
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runjd.runtime.privileges import Privileges
    from runjd.spec.model import Process

#: without no_new_privs it takes rights to load a filter (seccomp(2))
_NEEDED = "CAP_SYS_ADMIN"


class Confinement(Value):
    """
    What is taken on.

    :ivar program: BPF that judges system calls; empty for none.
    :ivar flags: of seccomp(2).
    """

    program: bytes = b""
    flags: int = 0


def make_confinement(plan: Iterable[object]) -> Confinement:
    """
    Return what the steps of a plan come to.

    :raise RunjdError: a filter cannot be made.
    """
    made = Confinement()
    for step in plan:
        match step:
            case steps.FilterSyscalls():
                from runjd.runtime.syscall_filter import compile_filter

                program, flags = compile_filter(step.seccomp)
                made = made._replace(program=program, flags=flags)
    _load_modules(made)
    return made


def encode(confinement: Confinement) -> bytes:
    """Return it as bytes: a line of JSON, then the program."""
    return dumps([1, confinement.flags]).encode() + b"\n" + confinement.program


def decode(record: bytes) -> Confinement:
    """
    Return what was encoded.

    :raise RuntimeFailure: it was not. Nothing joins a jail without its confinement.
    """
    head, end, program = record.partition(b"\n")
    try:
        match loads(head) if end else None:
            case [1, int(flags)]:
                made = Confinement(program, flags)
                _load_modules(made)
                return made
    except ValueError:
        pass
    raise RuntimeFailure("confine a process as its jail is", "the record of that is missing or damaged")


def keeps(confinement: Confinement, process: Process) -> tuple[str, ...]:
    """Return the capabilities that a process needs to confine itself, when it has given up all others."""
    return (_NEEDED,) if confinement.program and not process.no_new_privileges else ()


def confine(confinement: Confinement, process: Process, privileges: Privileges) -> None:
    """
    Confine ourselves.

    :raise RunjdError: the kernel refuses.
    """
    if not confinement.program:
        return
    from runjd.kernel import seccomp

    try:
        for each in keeps(confinement, process):
            privileges.wield(each)
        seccomp.load(confinement.program, confinement.flags)
    except OSError as error:
        raise failure("filter system calls", error, "linux.seccomp") from error


def _load_modules(confinement: Confinement) -> None:
    """Load what the child needs, as it cannot import."""
    if confinement.program:
        from runjd.kernel import seccomp  # noqa: F401
