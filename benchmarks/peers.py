"""The others: which of them are here, in which version, and where each comes from."""

import os
import re
import shutil
import subprocess
import sys

from runjd.values import Value


class Peer(Value):
    """A contender that is not ours: its program, how it tells its version, and the package of Debian or PyPI."""

    program: str
    version: tuple[str, ...]
    package: str


PEERS = {
    "crun": Peer("crun", ("crun", "--version"), "crun"),
    "runc": Peer("runc", ("runc", "--version"), "runc"),
    "conmon": Peer("conmon", ("conmon", "--version"), "conmon"),
    "podman": Peer("podman", ("podman", "--version"), "podman"),
    "containerd": Peer("containerd", ("containerd", "--version"), "containerd"),
    "s6": Peer("s6-svscan", ("dpkg-query", "-W", "s6"), "s6"),
    "runit": Peer("runsvdir", ("dpkg-query", "-W", "runit"), "runit"),
    "supervisor": Peer("supervisord", ("supervisord", "--version"), "supervisor of PyPI, by the extra bench"),
}


def path_of(name: str) -> str | None:
    """Return the program of a peer; of those of PyPI the one beside this interpreter."""
    beside = f"{os.path.dirname(sys.executable)}/{PEERS[name].program}"
    return beside if os.access(beside, os.X_OK) else shutil.which(PEERS[name].program)


def are_here(*names: str) -> bool:
    """Return whether all of them are installed."""
    return all(path_of(name) for name in names)


def versions() -> dict[str, str]:
    """Return the versions of those that are installed."""
    return {name: _version(name) for name in PEERS if path_of(name)}


def missing() -> dict[str, str]:
    """Return why the others are not measured."""
    return {name: f"not installed: package {peer.package}" for name, peer in PEERS.items() if not path_of(name)}


def _version(name: str) -> str:
    words = list(PEERS[name].version)
    if words[0] == PEERS[name].program:
        words[0] = path_of(name) or words[0]
    try:
        said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    found = re.search(r"\d+(\.\d+)+", said)
    return found[0] if found else "unknown"
