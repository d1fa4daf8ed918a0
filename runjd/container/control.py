"""
What is done to a container that lives: pause, resume, and other limits.

New limits are written into the container's own copy of ``config.json``, so that
the next change starts from them.
"""

from __future__ import annotations

from runjd.container.status import current
from runjd.errors import RunjdError, SpecError, Unsupported, WrongState
from runjd.spec.lightjson import dumps, loads
from runjd.spec.merge_resources import merge
from runjd.spec.parse_resources import parse_resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runjd.container.store import Place
    from runjd.runtime.contract import Undo, Warden

_PATH = "linux.resources"


def pause(place: Place, warden: Warden) -> None:
    """
    Stop every process of the container.

    :param place: the container's, held.
    :raise WrongState: they are stopped already.
    """
    state = current(place)
    if state.status == "paused":
        raise WrongState(f'cannot pause "{place.id}": it is paused already', jail=place.id, status=state.status)
    warden.pause(state.held(), _recorder(place))


def resume(place: Place, warden: Warden) -> None:
    """
    Let them go on.

    :param place: the container's.
    :raise WrongState: they are not stopped.
    """
    state = current(place)
    if state.status != "paused":
        raise WrongState(f'cannot resume "{place.id}": it is not paused', jail=place.id, status=state.status)
    warden.resume(state.held())


def update(place: Place, warden: Warden, changes: Mapping[str, object], source: str) -> None:
    """
    Change its limits.

    :param place: the container's, held.
    :param changes: of ``linux.resources``.
    :param source: the file that they were read from; empty for none.
    :raise RunjdError: and all limits are as they were.
    """
    asked = parse_resources(changes, _PATH, source)
    document = place.config()
    config = loads(document.decode())
    assert isinstance(config, dict)
    linux = config.get("linux") or {}
    before = linux.get("resources") or {}
    if asked.devices and asked.devices != parse_resources(before).devices:
        raise Unsupported(f"{_PATH}.devices", "which devices a container may use is settled when it is created", source)
    config["linux"] = linux | {"resources": merge(before, changes)}
    after = parse_resources(config["linux"]["resources"], _PATH, source)
    place.keep_config(dumps(config).encode())
    try:
        warden.update(current(place).held(), after, _recorder(place))
    except RunjdError as error:
        place.keep_config(document)
        if isinstance(error, SpecError) and source and not error.file:
            raise error.within(source) from None
        raise


def _recorder(place: Place) -> Callable[[Undo], None]:
    """Return what writes down that there is more to undo."""

    def made(undo: Undo) -> None:
        state = place.read()
        if state is not None:
            place.write(state._replace(undo=(*state.undo, undo)))

    return made
