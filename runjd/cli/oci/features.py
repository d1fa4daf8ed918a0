"""``runj features``: what this runtime can do, for engines (OCI runtime specification, features.md)."""

from __future__ import annotations

import sys

from runjd import __version__
from runjd.runtime.choose import available
from runjd.runtime.findings import GOOD
from runjd.spec.model import PHASES
from runjd.spec.version import OLDEST, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runjd.cli.oci.call import Call
    from runjd.runtime.findings import Finding


def features(call: Call) -> int:
    """Print the features document of the runtime that isolates on this system."""
    import json

    findings: Iterable[Finding] = ()
    if sys.platform.startswith("freebsd"):
        from runjd.runtime.host_checks import check_host

        findings = check_host(())
    sys.stdout.write(json.dumps(document(sys.platform, findings), indent="\t") + "\n")
    return 0


def document(platform: str, findings: Iterable[Finding] = ()) -> dict[str, object]:
    """
    Return the features document of a platform.

    :param platform: as ``sys.platform`` names it.
    :param findings: about the host; what it lacks stands in an annotation.
    """
    made: dict[str, object] = {"ociVersionMin": OLDEST, "ociVersionMax": VERSION, "hooks": list(PHASES)}
    if platform == "linux":
        from runjd.runtime.linux import features as linux_features

        made = linux_features.features()
    elif platform.startswith("freebsd"):
        from runjd.runtime.freebsd.features import features as of_freebsd

        made = of_freebsd()
    annotations = made.get("annotations", {})
    assert isinstance(annotations, dict)
    ours = {"org.runjd.version": __version__, "org.runjd.runtimes": ",".join(available(platform))}
    lacking = [f"{each.subject}: {each.text} ({each.advice})" for each in findings if each.level != GOOD]
    if lacking:
        ours["org.runjd.lacking"] = "; ".join(lacking)
    return made | {"annotations": annotations | ours}
