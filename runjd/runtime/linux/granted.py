"""
Which of the capabilities that are asked for a process can have. Pure.

What the kernel does not know, what we do not have ourselves and what the rules of
capabilities(7) forbid is left out and told: "Runtimes SHOULD NOT fail if the
container configuration requests capabilities that cannot be granted" (config.md,
"Linux Process").
"""

from __future__ import annotations

from runjd.spec.model import Capabilities
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection


class Granted(Value):
    """What can be had; ``notices`` tell of the rest, one for each reason."""

    sets: Capabilities
    notices: tuple[str, ...] = ()


def grant(asked: Capabilities | None, available: Collection[str]) -> Granted:
    """
    Return what a process gets; nothing where it asks for nothing, as with runc: who wants rights says so.

    :param available: what we have and the kernel knows.
    """
    if asked is None:
        return Granted(Capabilities())
    absent = sorted({name for names in asked for name in names if name not in available})
    bounding, permitted = (_within(names, available) for names in (asked.bounding, asked.permitted))
    inheritable = _within(asked.inheritable, bounding)
    sets = Capabilities(
        bounding=bounding,
        effective=_within(asked.effective, permitted),
        inheritable=inheritable,
        permitted=permitted,
        ambient=_within(asked.ambient, frozenset(permitted) & frozenset(inheritable)),
    )
    notices = [_notice("", absent, "not available on this host")] if absent else []
    for name, why in (
        ("effective", "not among the permitted ones"),
        ("inheritable", "not among the bounding ones"),
        ("ambient", "not among the permitted and the inheritable ones"),
    ):
        had = {*getattr(sets, name), *absent}
        lost = sorted({each for each in getattr(asked, name) if each not in had})
        if name == "ambient" and not asked.inheritable:
            # what can never be had: buildah asks so for each step of a build
            continue
        if lost:
            notices.append(_notice(f".{name}", lost, why))
    return Granted(sets, tuple(notices))


def _within(names: tuple[str, ...], others: Collection[str]) -> tuple[str, ...]:
    return tuple([name for name in names if name in others])


def _notice(where: str, names: list[str], why: str) -> str:
    return f"process.capabilities{where}: {', '.join(names)}: {why}, and left out"
