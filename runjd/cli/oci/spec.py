"""``runj spec`` and ``runj demo spec``: a bundle's ``config.json`` to start from."""

from __future__ import annotations

import os
import sys

from runjd.container.bundle import CONFIG
from runjd.container.failure import Step
from runjd.errors import InputOutput, Unsupported
from runjd.runtime.choose import chosen
from runjd.spec import example

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.oci.call import Call

_HOSTNAME = "runj"
_ARGS = ("sh",)


def spec(call: Call) -> int:
    """Write the document for the runtime that would be used: the given one, or the default."""
    given = call.given
    if given.flag("rootless") and not given.value("rootless"):
        raise Unsupported("", "--rootless is not supported: give --runtime plain, which needs no rights")
    if given.flag("freebsd") or sys.platform.startswith("freebsd"):
        return demo(call)
    if chosen(given.value("runtime")) == "plain":
        return _write(call, example.plain_config(_ARGS, terminal=True))
    return _write(call, example.minimal_config(_ARGS, readonly=True, terminal=True, hostname=_HOSTNAME))


def demo(call: Call) -> int:
    """Write the document of a FreeBSD jail, with every property that it can have."""
    document = example.freebsd_config(_ARGS)
    return _write(call, {**document, "freebsd": {"devices": [], "jail": example.jail_defaults()}})


def _write(call: Call, document: dict[str, object]) -> int:
    import json

    path = os.path.join(call.given.value("bundle") or ".", CONFIG)
    with Step(f"write {path}"):
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except FileExistsError:
            raise InputOutput(f"{path} exists; move it away first, it is not overwritten") from None
        try:
            with open(fd, "w", encoding="utf-8") as file:
                json.dump(document, file, indent="\t")
                file.write("\n")
        except BaseException:
            os.unlink(path)
            raise
    call.log.debug(f"wrote {path}")
    return 0
