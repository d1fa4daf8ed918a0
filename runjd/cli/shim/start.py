"""
``start``: tells containerd where to find the relay of a namespace, and starts that where it is missing.

Whatever is started gets nothing of our output: containerd reads it to its end.
"""

from __future__ import annotations

import os

from runjd.cli.shim.site import Site, choose
from runjd.containerd.relay.place import Place
from runjd.errors import InputOutput, RuntimeFailure
from runjd.protocols.ttrpc.call import Origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runjd.cli.shim.flags import Flags

#: the greatest version of the answer that we know; services of tasks are there in both versions
_VERSION = 3
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def start(flags: Flags, environment: Mapping[bytes, bytes], program: Sequence[str]) -> str:
    """
    Return what containerd shall read.

    :param program: how this program is started, without its arguments.
    :raise RunjdError: there is no relay, and none can be started.
    """
    flags.value("id")
    bundle = flags.values.get("bundle") or os.getcwd()
    site = choose(environment)
    origin = Origin(flags.value("address"), _events(flags, environment), flags.value("namespace"))
    if site.is_private:
        _make(site.state)
    bundles = os.path.dirname(os.path.abspath(bundle))
    with Place(site.directory, origin, bundles) as place:
        if not place.is_served():
            listener = place.listen()
            try:
                _launch(listener.fileno(), program, site, origin, bundles)
            finally:
                listener.close()
        _write_address(bundle, place.address)
    return answer(place.address, environment.get(b"MAX_SHIM_VERSION", b""))


def answer(address: str, max_version: bytes) -> str:
    """
    Return an address as a containerd understands it: 1.6, which names no version, wants it bare.

    :param max_version: what containerd says of versions; empty where it says nothing.
    """
    if not max_version.isdigit() or int(max_version) < 2:
        return address
    from runjd.spec.lightjson import dumps

    return dumps({"version": min(int(max_version), _VERSION), "address": address, "protocol": "ttrpc"})


def _events(flags: Flags, environment: Mapping[bytes, bytes]) -> str:
    """Return the path of the socket that takes events."""
    named = os.fsdecode(environment.get(b"TTRPC_ADDRESS", b""))
    return named or f"{flags.value('address')}.ttrpc"


def _make(state: str) -> None:
    try:
        os.mkdir(state, 0o755)
    except FileExistsError:
        return
    except OSError as error:
        raise InputOutput(f"{state}: {error.strerror}") from error


def _launch(listener: int, program: Sequence[str], site: Site, origin: Origin, bundles: str) -> None:
    from runjd.containerd.relay.starting import launch

    words = ["-listen", "3", "-directory", site.directory, "-bundle", bundles, "-namespace", origin.namespace]
    words += ["-address", origin.containerd, "-events", origin.events]
    words += ["-private", site.state] if site.is_private else []
    # launch() wants descriptors above those that it gives away
    copy = _above(listener)
    try:
        launch([*program, *words, "relay"], {0: -1, 1: -1, 2: -1, 3: copy})
    except OSError as error:
        raise RuntimeFailure("start the relay", str(error.strerror), errno=error.errno or 0) from error
    finally:
        os.close(copy)


def _above(fd: int) -> int:
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)


def _write_address(bundle: str, address: str) -> None:
    """Let containerd find the relay when it is started anew: 1.6 looks here, and a relay for who needs it."""
    path = f"{bundle}/address"
    made = f"{bundle}/.address.{os.getpid()}"
    try:
        fd = os.open(made, _NEW, 0o600)
        try:
            os.write(fd, os.fsencode(address))
        finally:
            os.close(fd)
        os.rename(made, path)
    except OSError as error:
        raise InputOutput(f"{path}: {error.strerror}") from error
