"""The packages of Python that not everybody needs: what for, and what installs them."""

from __future__ import annotations

import os
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
    Package("cryptography", "cryptography", "python3-cryptography", "cryptography", "runjctl certs"),
    Package("service_identity", "service-identity", "python3-service-identity", "service-identity", "runjctl --host"),
    Package("prometheus_client", "prometheus_client", "python3-prometheus-client", "prometheus-client", "metrics"),
)


def how_to_install(module: str, platform: str = sys.platform, executable: str = sys.executable) -> str:
    """
    Return what to do to have a module, as ``install the package python3-cryptography, or cryptography by pip``.

    :param executable: of the interpreter; in a virtual environment that does not see the system's packages only its
        own pip is of use.
    """
    found = next((each for each in PACKAGES if each.module == module.partition(".")[0]), None)
    pip = _only_pip(executable)
    if found is None or pip:
        return f"install {module if found is None else found.pip} by {pip or 'pip'}"
    if platform.startswith("freebsd"):
        package = f"py{sys.version_info[0]}{sys.version_info[1]}-{found.freebsd}"
    else:
        package = found.debian
    return f"install the package {package}, or {found.pip} by pip"


def _only_pip(executable: str) -> str:
    """Return the path of pip where nothing else installs what this interpreter sees; else nothing."""
    programs = os.path.dirname(executable)
    try:
        with open(os.path.join(os.path.dirname(programs), "pyvenv.cfg")) as file:
            told = file.read()
    except OSError:
        return ""
    return "" if "include-system-site-packages = true" in told else os.path.join(programs, "pip")


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
