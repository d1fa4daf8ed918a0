"""``-info`` and ``-v``: what this shim is, for containerd and for people."""

from __future__ import annotations

import sys

from runjd import __version__
from runjd.protocols.ttrpc.fields import format_bytes, format_text

_NAME = "io.containerd.runj.v1"
_FEATURES = "types.containerd.io/opencontainers/runtime-spec/1/features/Features"


def info() -> bytes:
    """
    Return a containerd.types.RuntimeInfo: 1 name, 2 version (1 version), 4 features (1 type, 2 JSON).

    containerd 2 asks for it, once, and reads of the features what of mounts with mapped ids it may ask for.
    """
    from runjd.cli.oci.features import document
    from runjd.spec.lightjson import dumps

    features = dumps(document(sys.platform)).encode()
    version = format_text(1, __version__)
    return (
        format_text(1, _NAME)
        + format_bytes(2, version)
        + format_bytes(4, format_text(1, _FEATURES) + format_bytes(2, features))
    )


def version() -> str:
    """Return what ``-v`` shows."""
    return f"containerd-shim-runj-v1:\n  Version: {__version__}\n"
