"""
The features document of the ``freebsd`` runtime: what it can apply, whatever the host has.

Specification: features.md, which has no object for FreeBSD; so what of
``freebsd`` is applied stands in annotations of ours, as do the annotations that change
a jail.
"""

from __future__ import annotations

from runjd.runtime.freebsd.limits import PREFIX as LIMITS
from runjd.runtime.freebsd.mounts import KINDS
from runjd.runtime.freebsd.options import names
from runjd.runtime.freebsd.plan import FILE_MOUNTS
from runjd.spec.jail_annotations import PARENT, PREFIX
from runjd.spec.model import PHASES, FreeBSD, FreeBSDJail, JailAllow
from runjd.spec.version import OLDEST, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def features() -> dict[str, object]:
    """Return the features document, as JSON values."""
    return {
        "ociVersionMin": OLDEST,
        "ociVersionMax": VERSION,
        "hooks": list(PHASES),
        "mountOptions": sorted(names()),
        "annotations": {
            "org.runjd.freebsd": ",".join(_camel(FreeBSD._fields)),
            "org.runjd.freebsd.jail": ",".join(_camel(FreeBSDJail._fields)),
            "org.runjd.freebsd.jail.allow": ",".join(each for each in _camel(JailAllow._fields) if each != "others"),
            "org.runjd.freebsd.mounts": ",".join(sorted(KINDS)),
        },
        "potentiallyUnsafeConfigAnnotations": [PARENT, PREFIX, FILE_MOUNTS, LIMITS],
    }


def _camel(fields: Iterable[str]) -> list[str]:
    made = []
    for field in fields:
        first, *others = field.split("_")
        made.append(first + "".join(each.capitalize() for each in others))
    return made
