"""Which release of FreeBSD is meant, and where its files are. Pure."""

from __future__ import annotations

from runjd.errors import BadArgument, InputOutput
from runjd.values import Value

#: where releases are, below it MACHINE/ARCH/VERSION/
BASE_URL = "https://download.freebsd.org/ftp/releases"
BASE = "base.txz"
MANIFEST = "MANIFEST"

#: what uname calls a machine: what FreeBSD calls it, and its architecture
_MACHINES = {
    "x86_64": ("amd64", "amd64"),
    "amd64": ("amd64", "amd64"),
    "i386": ("i386", "i386"),
    "i686": ("i386", "i386"),
    "aarch64": ("arm64", "aarch64"),
    "arm64": ("arm64", "aarch64"),
    "riscv64": ("riscv", "riscv64"),
    "riscv": ("riscv", "riscv64"),
    "powerpc": ("powerpc", "powerpc64"),
    "ppc64": ("powerpc", "powerpc64"),
    "ppc64le": ("powerpc", "powerpc64le"),
}
#: architecture of FreeBSD or Linux: that of the image specification (GOARCH)
_OCI = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "i686": "386",
    "powerpc64": "ppc64",
    "powerpc64le": "ppc64le",
}
_PARTS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


class Release(Value):
    """One release for one kind of machine, as ``amd64``, ``amd64``, ``14.2-RELEASE``."""

    machine: str
    arch: str
    version: str

    def url(self, base_url: str, name: str) -> str:
        """Return where a file of the release is."""
        return f"{base_url.rstrip('/')}/{self.machine}/{self.arch}/{self.version}/{name}"


def choose(machine: str, arch: str, version: str, uname: tuple[str, str, str]) -> Release:
    """
    Return the release that is meant.

    :param machine: and ``arch``, ``version``: as the caller says; empty for those of this host.
    :param uname: system, release and machine of this host.
    :raise BadArgument: one is missing and cannot be known, or has a character that no release has.
    """
    system, running, hardware = uname
    said = machine or arch or hardware
    known_machine, known_arch = _MACHINES.get(said, (said, said))
    if not version:
        if system != "FreeBSD":
            raise BadArgument(f"--version is missing, as 14.2-RELEASE: this host runs {system}")
        # 14.2-RELEASE-p3: patches come into a release otherwise
        version = "-".join(running.split("-")[:2])
    found = Release(machine or known_machine, arch or known_arch, version)
    for name, value in found._asdict().items():
        if not _PARTS.issuperset(value) or value.startswith("."):
            raise BadArgument(f'--{name} "{value}" is no part of the address of a release')
    return found


def oci_architecture(arch: str) -> str:
    """Return what the image specification calls an architecture."""
    return _OCI.get(arch, arch)


def digest_of(manifest: str, name: str) -> str:
    """
    Return the SHA-256 digest that a MANIFEST gives for a file, in lower case.

    Each line has the name, the digest, and what the installer shows (bsdinstall(8)), with tabs between.

    :raise InputOutput: it gives none.
    """
    for line in manifest.splitlines():
        fields = line.split("\t")
        if fields[0] == name and len(fields) > 1 and len(fields[1]) == 64:
            return fields[1].lower()
    raise InputOutput(f"the MANIFEST of the release has no digest of {name}")
