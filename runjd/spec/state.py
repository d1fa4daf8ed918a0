"""
The state document: what ``state`` answers, and what hooks read on standard input.

Specification: runtime.md, "State".
"""

from __future__ import annotations

from runjd.spec.version import VERSION
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class StateDocument(Value):
    """
    The state of a container in the specification's words.

    ``status`` is one of creating, created, running, stopped; ``bundle`` is an
    absolute path; ``pid`` is None where no process is left.
    """

    id: str
    status: str
    bundle: str
    pid: int | None = None
    annotations: tuple[tuple[str, str], ...] = ()
    oci_version: str = VERSION


def state_to_json(state: StateDocument, additional: Mapping[str, object] | None = None) -> dict[str, object]:
    """
    Return the state as JSON values, in the specification's order.

    :param additional: properties of our own, which the specification allows; its
        own names win.
    """
    made: dict[str, object] = {"ociVersion": state.oci_version, "id": state.id, "status": state.status}
    if state.pid:
        made["pid"] = state.pid
    made["bundle"] = state.bundle
    if state.annotations:
        made["annotations"] = dict(state.annotations)
    return made if not additional else made | {key: additional[key] for key in additional if key not in made}
