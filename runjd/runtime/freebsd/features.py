"""
The features document of the ``freebsd`` runtime: what it can apply, whatever the host has.

Specification: features.md, which has no object for FreeBSD; so what becomes of each
property stands in annotations of ours, as do the annotations that change a jail.
"""

from __future__ import annotations

from runjd.runtime.freebsd.coverage import APPLIED, PASSED_OVER, REFUSED, paths
from runjd.runtime.freebsd.limits import PREFIX as LIMITS
from runjd.runtime.freebsd.mounts import KINDS
from runjd.runtime.freebsd.options import names
from runjd.runtime.freebsd.plan import FILE_MOUNTS
from runjd.spec.jail_annotations import PARENT, PREFIX
from runjd.spec.model import PHASES
from runjd.spec.version import OLDEST, VERSION


def features() -> dict[str, object]:
    """Return the features document, as JSON values."""
    return {
        "ociVersionMin": OLDEST,
        "ociVersionMax": VERSION,
        "hooks": list(PHASES),
        "mountOptions": sorted(names()),
        "annotations": {
            **{f"org.runjd.freebsd.{word}": ",".join(paths(word)) for word in (APPLIED, REFUSED, PASSED_OVER)},
            "org.runjd.freebsd.mounts": ",".join(sorted(KINDS)),
        },
        "potentiallyUnsafeConfigAnnotations": [PARENT, PREFIX, FILE_MOUNTS, LIMITS],
    }
