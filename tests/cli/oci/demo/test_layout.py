"""The layout of an image."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

from runjd.cli.oci.demo.layer import Layer
from runjd.cli.oci.demo.layout import Image, documents, write_layout

IMAGE = Image("localhost/x:1", "amd64", "freebsd", "1970-01-01T00:00:00Z")
PACKED = b"packed"
LAYER = Layer(hashlib.sha256(PACKED).hexdigest(), "0" * 64, len(PACKED))


def test_each_document_names_the_next_by_digest_and_size() -> None:
    """From the index to the manifest to the configuration and the layer."""
    files = documents(IMAGE, LAYER)

    (entry,) = json.loads(files["index.json"])["manifests"]
    manifest = json.loads(_blob(files, entry))
    config = json.loads(_blob(files, manifest["config"]))
    (layer,) = manifest["layers"]

    assert (layer["digest"], layer["size"]) == (f"sha256:{LAYER.digest}", LAYER.size)
    assert config["rootfs"] == {"type": "layers", "diff_ids": [f"sha256:{LAYER.diff_id}"]}
    assert (config["os"], config["architecture"]) == ("freebsd", "amd64")
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == "localhost/x:1"


def test_an_image_without_a_name_has_no_annotation() -> None:
    """Whoever loads it names it."""
    assert b"annotations" not in documents(IMAGE._replace(name=""), LAYER)["index.json"]


def test_the_archive_depends_on_nothing_else() -> None:
    """No time, no owner, names in their order, and the same bytes each time."""
    made = []
    for _ in range(2):
        target = io.BytesIO()
        write_layout(target, IMAGE, LAYER, io.BytesIO(PACKED))
        made.append(target.getvalue())

    assert made[0] == made[1]
    with tarfile.open(fileobj=io.BytesIO(made[0])) as archive:
        entries = archive.getmembers()
    assert {(each.uid, each.gid, each.mtime, each.uname) for each in entries} == {(0, 0, 0, "")}
    assert [each.name for each in entries] == sorted(each.name for each in entries)


def _blob(files: dict[str, bytes], descriptor: dict[str, str]) -> bytes:
    document = files[f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"]
    assert (hashlib.sha256(document).hexdigest(), len(document)) == (descriptor["digest"][7:], descriptor["size"])
    return document
