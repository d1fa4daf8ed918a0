"""
An image as an OCI image layout in one tar archive.

Image specification 1.0, image-layout.md: ``oci-layout``, ``index.json`` and the
blobs by their digests.  Nothing in it depends on when or by whom it was made.
"""

from __future__ import annotations

import hashlib
import io
import tarfile

from runjd.spec.lightjson import dumps
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from runjd.cli.oci.demo.layer import Layer

_TYPES = "application/vnd.oci.image"
_PATH = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


class Image(Value):
    """
    What an image says of itself.

    :ivar name: as ``localhost/freebsd:14.2``; empty for none.
    :ivar architecture: and ``os``, as Go names them.
    :ivar created: as RFC 3339 has it.
    """

    name: str
    architecture: str
    os: str
    created: str
    command: tuple[str, ...] = ("/bin/sh",)


def documents(image: Image, layer: Layer) -> dict[str, bytes]:
    """Return the files of the layout but for the layer, by their paths. Pure."""
    config = _json(
        {
            "architecture": image.architecture,
            "config": {"Cmd": list(image.command), "Env": [f"PATH={_PATH}"], "WorkingDir": "/"},
            "created": image.created,
            "history": [{"created": image.created, "created_by": "runj demo oci-image"}],
            "os": image.os,
            "rootfs": {"diff_ids": [f"sha256:{layer.diff_id}"], "type": "layers"},
        }
    )
    manifest = _json(
        {
            "config": _descriptor("config.v1+json", _digest(config), len(config)),
            "layers": [_descriptor("layer.v1.tar+gzip", layer.digest, layer.size)],
            "mediaType": f"{_TYPES}.manifest.v1+json",
            "schemaVersion": 2,
        }
    )
    entry = _descriptor("manifest.v1+json", _digest(manifest), len(manifest))
    entry["platform"] = {"architecture": image.architecture, "os": image.os}
    if image.name:
        # podman reads the one, containerd prefers the other
        entry["annotations"] = {
            "io.containerd.image.name": image.name,
            "org.opencontainers.image.ref.name": image.name,
        }
    index = _json({"manifests": [entry], "mediaType": f"{_TYPES}.index.v1+json", "schemaVersion": 2})
    return {
        _blob(_digest(config)): config,
        _blob(_digest(manifest)): manifest,
        "index.json": index,
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
    }


def write_layout(target: BinaryIO, image: Image, layer: Layer, packed: BinaryIO) -> None:
    """
    Write the archive.

    :param packed: the layer, from its beginning.
    """
    files = documents(image, layer)
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in ("blobs", "blobs/sha256"):
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for path in sorted([*files, _blob(layer.digest)]):
            entry = tarfile.TarInfo(path)
            entry.size = len(files[path]) if path in files else layer.size
            archive.addfile(entry, io.BytesIO(files[path]) if path in files else packed)


def _blob(digest: str) -> str:
    return f"blobs/sha256/{digest}"


def _descriptor(kind: str, digest: str, size: int) -> dict[str, object]:
    return {"digest": f"sha256:{digest}", "mediaType": f"{_TYPES}.{kind}", "size": size}


def _digest(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


def _json(value: object) -> bytes:
    return dumps(value).encode()
