"""The packages of Python that not everybody needs: what for, and what installs them."""

from __future__ import annotations

import sys

from runjd.runtime.findings import GOOD, LACKING, Finding
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Package(Value):
    """
    One package.

    :ivar module: what is imported.
    :ivar pip: its name for pip.
    :ivar debian: the package of Debian.
    :ivar freebsd: the package of FreeBSD, behind the prefix of its Python.
    :ivar use: what needs it.
    """

    module: str
    pip: str
    debian: str
    freebsd: str
    use: str


PACKAGES = (
    Package("twisted", "Twisted", "python3-twisted", "twisted", "the daemon"),
    Package("automat", "Automat", "python3-automat", "automat", "the daemon"),
    Package("OpenSSL", "pyOpenSSL", "python3-openssl", "openssl", "TLS"),
    Package("cryptography", "cryptography", "python3-cryptography", "cryptography", "TLS"),
    Package("service_identity", "service-identity", "python3-service-identity", "service-identity", "runjctl --host"),
    Package("prometheus_client", "prometheus_client", "python3-prometheus-client", "prometheus-client", "metrics"),
)


def how_to_install(module: str, platform: str = sys.platform) -> str:
    """Return what to do to have a module, as ``install the package python3-openssl, or pyOpenSSL by pip``."""
    found = next((each for each in PACKAGES if each.module == module.partition(".")[0]), None)
    if found is None:
        return f"install {module} by pip"
    if platform.startswith("freebsd"):
        package = f"py{sys.version_info[0]}{sys.version_info[1]}-{found.freebsd}"
    else:
        package = found.debian
    return f"install the package {package}, or {found.pip} by pip"


def missing(what: str, error: ImportError) -> str:
    """Return that something needs the module that could not be imported, and what to do."""
    name = error.name or "a module"
    return f"{what} needs {name}: {how_to_install(name)}"


def check_packages() -> Iterator[Finding]:
    """Yield whether each of them is there, and its version."""
    from importlib.metadata import PackageNotFoundError, version

    for each in PACKAGES:
        subject = f"package {each.pip}"
        try:
            yield Finding(subject, GOOD, version(each.pip))
        except PackageNotFoundError:
            yield Finding(subject, LACKING, f"is missing, and {each.use} needs it", how_to_install(each.module))
