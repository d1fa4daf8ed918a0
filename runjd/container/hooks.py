"""
The hooks of a bundle (OCI runtime specification, config.md "POSIX-platform Hooks").

=================  =================================  =============================
phase              when                               where
=================  =================================  =============================
prestart           create, everything is mounted      the runtime's namespaces
createRuntime      create, behind prestart            the runtime's namespaces
createContainer    create, behind createRuntime       the container's, its root is
                                                      not ``/`` yet
startContainer     start, before the program          in the container
poststart          start, behind the program's exec   the runtime's namespaces
poststop           delete, all else is gone           the runtime's namespaces
=================  =================================  =============================

A hook that fails ends what it belongs to, but for poststop, where it is only told.
"""

from __future__ import annotations

import os

from runjd.container.failure import words
from runjd.container.hook_process import Pointless, TooLong, always, open_document, run_program
from runjd.container.program import native
from runjd.errors import RuntimeFailure
from runjd.spec.lightjson import dumps
from runjd.spec.model import PHASES, Hooks
from runjd.spec.quote import quoted
from runjd.spec.state import StateDocument, state_to_json
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from runjd.container.hook_process import Ended
    from runjd.container.state import State
    from runjd.errors import RunjdError
    from runjd.spec.model import Hook

#: characters of a failing hook's output that its error shows
_SHOWN = 1000
_FIELDS = dict(zip(PHASES, Hooks._fields, strict=True))


def nothing() -> None:
    """Nothing to put back, or to take on."""


class Surroundings(Value):
    """
    What hooks are run in.

    :ivar directory: their working directory, a path or a descriptor; where it cannot
        be entered, and where it is empty, they stay where the caller is.
    :ivar restore: called in the hook's process, to take back what the caller changed of itself.
    :ivar watch: descriptor of a socket without whose other end hooks are pointless; -1 for none.
    :ivar confine: called in the hook's process, right before it executes.
    :ivar is_wanted: says whether hooks still have a point; asked all the time.
    """

    directory: str | int
    restore: Callable[[], None]
    watch: int = -1
    confine: Callable[[], None] = nothing
    is_wanted: Callable[[], bool] = always

    def prepare(self) -> None:
        """In the child: take the surroundings on."""
        self.restore()
        if self.directory != "":
            try:
                os.chdir(self.directory)
            except OSError:
                # a bundle that is gone; a hook that needs it will say so better
                pass


def phases(hooks: Hooks) -> tuple[str, ...]:
    """Return the phases that have hooks, in their order."""
    return tuple([phase for phase, field in _FIELDS.items() if getattr(hooks, field)])


def time_of(asked: Iterable[Hook]) -> int:
    """Return how many seconds hooks may take by their own timeouts; those without one add nothing."""
    return sum([each.timeout or 0 for each in asked])


def document(state: State, status: str, pid: int) -> int:
    """
    Return a descriptor of what hooks read: the state of the container.

    :param status: that of the phase.
    :param pid: of the init process as the hooks see it; 0 where it is gone.
    """
    shown = StateDocument(state.id, status, state.bundle, pid or None, state.annotations, state.oci_version)
    return open_document(dumps(state_to_json(shown)).encode())


def run(hooks: Sequence[Hook], phase: str, document: int, surroundings: Surroundings) -> None:
    """
    Run hooks one after another.

    :raise RuntimeFailure: the first that failed; those behind it were not run.
    """
    for failure in _failures(hooks, phase, document, surroundings):
        raise failure


def run_all(hooks: Sequence[Hook], phase: str, document: int, surroundings: Surroundings) -> list[RunjdError]:
    """Run hooks one after another, also where one fails; return the failures."""
    return list(_failures(hooks, phase, document, surroundings))


def _failures(hooks: Sequence[Hook], phase: str, document: int, surroundings: Surroundings) -> Iterator[RuntimeFailure]:
    for index, hook in enumerate(hooks):
        reason, number = _run(hook, document, surroundings)
        if reason:
            yield RuntimeFailure("run the hook", f"{hook.path} {reason}", f"hooks.{phase}[{index}]", number)


def _run(hook: Hook, document: int, surroundings: Surroundings) -> tuple[str, int]:
    """Run a hook; return why it failed, empty where it did not, and the system's error number."""
    try:
        ended = run_program(
            native([hook.path])[0],
            native(hook.args or [hook.path]),
            native(hook.env or []),
            document,
            timeout=hook.timeout,
            prepare=surroundings.prepare,
            confine=surroundings.confine,
            watch=surroundings.watch,
            is_wanted=surroundings.is_wanted,
        )
    except OSError as error:
        return f"cannot be executed: {words(error.errno or 0)}", error.errno or 0
    except TooLong:
        return f"took longer than its timeout of {hook.timeout} s, and was killed with its process group", 0
    except Pointless as reason:
        return f"was killed, as {reason}", 0
    return _fault(ended), 0


def _fault(ended: Ended) -> str:
    if ended.status == 0:
        return ""
    how = f"exited with status {ended.status}" if ended.status > 0 else f"was killed by signal {-ended.status}"
    said = ended.output.decode("utf-8", "replace").strip()
    return f"{how}; it said {quoted(said[-_SHOWN:], _SHOWN)}" if said else f"{how} and said nothing"
