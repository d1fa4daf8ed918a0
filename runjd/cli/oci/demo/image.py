"""``runj demo oci-image``: an image of a release or of a directory."""

from __future__ import annotations

import os
import sys
import tempfile
import time

from runjd.cli.oci.demo.layer import write_layer
from runjd.cli.oci.demo.layout import Image, write_layout
from runjd.cli.oci.demo.progress import Progress
from runjd.cli.oci.demo.release import oci_architecture
from runjd.container.failure import Step
from runjd.errors import BadArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.oci.call import Call
    from runjd.cli.options import Given

_OUTPUT = "image.tar"
#: of the release that is to be fetched
_RELEASE = ("machine", "version", "base-url")


def oci_image(call: Call) -> int:
    """Write the image, and say where it is."""
    given = call.given
    output = given.value("output") or _OUTPUT
    directory = os.path.dirname(output) or "."
    source = given.value("input")
    if source and any(given.value(name) for name in _RELEASE):
        raise BadArgument("--input is a root that is there, but a release to fetch is named, too; give one of them")
    if source and os.path.isdir(source) and _is_below(directory, source):
        raise BadArgument(f"--output {output} lies within the root {source}, of which it would become a part")
    with Step(f"write below {directory}"):
        scratch = tempfile.TemporaryDirectory(prefix=".runj-image-", dir=directory)
    with scratch:
        arch = given.value("arch")
        if not source:
            from runjd.cli.oci.demo.download import fetch

            source = f"{scratch.name}/base.txz"
            arch = fetch(given, source).arch
        _write(source, output, scratch.name, _describe(given, arch or os.uname().machine))
    call.log.debug(f"wrote {output} of {source}")
    sys.stdout.write(f"{output}\n")
    return 0


def _is_below(directory: str, above: str) -> bool:
    root = os.path.realpath(above)
    return os.path.commonpath([os.path.realpath(directory), root]) == root


def _write(source: str, output: str, scratch: str, image: Image) -> None:
    with Step(f"read {source}"):
        size = os.stat(source).st_size
    progress = Progress(os.environ)
    progress.begin(0, size)
    made = f"{scratch}/{_OUTPUT}"
    with Step(f"make {output}"):
        with open(f"{scratch}/layer", "w+b") as packed, open(made, "wb") as target:
            layer = write_layer(source, packed, progress.add)
            if not os.path.isdir(source):
                progress.end()
            packed.seek(0)
            write_layout(target, image, layer, packed)
            target.flush()
            os.fsync(target.fileno())
        os.replace(made, output)


def _describe(given: Given, arch: str) -> Image:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "0")
    if not (epoch.isascii() and epoch.isdigit() and len(epoch) < 12):
        raise BadArgument(f"SOURCE_DATE_EPOCH={epoch} is no time in seconds")
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(epoch)))
    return Image(given.value("name"), oci_architecture(arch), given.value("os") or "freebsd", created)
