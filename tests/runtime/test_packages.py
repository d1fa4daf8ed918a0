"""Packages of Python that not everybody needs."""

import sys

import pytest

from runjd.runtime.findings import GOOD, LACKING
from runjd.runtime.packages import PACKAGES, check_packages, how_to_install, missing


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", "install the package python3-prometheus-client, or prometheus_client by pip"),
        (
            "freebsd14",
            f"install the package py3{sys.version_info[1]}-prometheus-client, or prometheus_client by pip",
        ),
    ],
)
def test_what_to_install(platform, expected):
    """The package of the system, and that of pip."""
    assert how_to_install("prometheus_client.core", platform, "/usr/bin/python3") == expected


@pytest.mark.parametrize("sees", [False, True])
def test_a_virtual_environment_has_a_pip_of_its_own(tmp_path, sees):
    """Where it does not see the packages of the system, these are not named."""
    (tmp_path / "pyvenv.cfg").write_text(f"home = /usr/bin\ninclude-system-site-packages = {str(sees).lower()}\n")
    told = how_to_install("cryptography", "linux", f"{tmp_path}/bin/python3")

    alone = f"install cryptography by {tmp_path}/bin/pip"
    assert told == ("install the package python3-cryptography, or cryptography by pip" if sees else alone)


def test_a_module_that_nobody_thought_of_is_named():
    """With pip alone."""
    assert (
        missing("TLS", ImportError("no", name="nonsense.inner"))
        == f"TLS needs nonsense.inner: {how_to_install('nonsense.inner')}"
    )
    assert how_to_install("nonsense", executable="/usr/bin/python3") == "install nonsense by pip"


def test_what_is_here_is_told_with_its_version():
    """All of them, as the tests need them; what is missing is lacking, not bad."""
    found = {each.subject: each for each in check_packages()}

    assert set(found) == {f"package {each.pip}" for each in PACKAGES}
    assert {each.level for each in found.values()} <= {GOOD, LACKING}
    assert found["package Twisted"].level == GOOD
