"""``runj demo download``: the base system of a release of FreeBSD."""

from __future__ import annotations

import os
import sys

from runjd.cli.oci.demo import release
from runjd.cli.oci.demo.progress import Progress
from runjd.cli.oci.demo.transfer import Transfer, read_small
from runjd.cli.oci.log import tell
from runjd.errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.oci.call import Call
    from runjd.cli.options import Given

#: names another base URL than FreeBSD's
VARIABLE = "RUNJ_RELEASES"


def download(call: Call) -> int:
    """Fetch the base system, and say where it is."""
    path = call.given.value("output") or "rootfs.txz"
    fetch(call.given, path)
    sys.stdout.write(f"{path}\n")
    return 0


def fetch(given: Given, path: str) -> release.Release:
    """
    Fetch the base system that the options mean; return which it is.

    :param path: where it shall be.
    """
    uname = os.uname()
    wanted = release.choose(
        given.value("machine"),
        given.value("arch"),
        given.value("version"),
        (uname.sysname, uname.release, uname.machine),
    )
    base_url = given.value("base-url") or os.environ.get(VARIABLE) or release.BASE_URL
    url = wanted.url(base_url, release.BASE)
    tell([f"machine {wanted.machine}, architecture {wanted.arch}, version {wanted.version}", url])
    digest = ""
    try:
        digest = release.digest_of(read_small(wanted.url(base_url, release.MANIFEST)), release.BASE)
    except NotFound:
        tell(["there is no MANIFEST, so the digest is not checked"])
    Transfer(url, path, digest, Progress(os.environ)).run()
    return wanted
