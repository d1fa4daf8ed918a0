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
    assert how_to_install("prometheus_client.core", platform) == expected


def test_a_module_that_nobody_thought_of_is_named():
    """With pip alone."""
    assert (
        missing("TLS", ImportError("no", name="nonsense.inner"))
        == "TLS needs nonsense.inner: install nonsense.inner by pip"
    )


def test_what_is_here_is_told_with_its_version():
    """All of them, as the tests need them; what is missing is lacking, not bad."""
    found = {each.subject: each for each in check_packages()}

    assert set(found) == {f"package {each.pip}" for each in PACKAGES}
    assert {each.level for each in found.values()} <= {GOOD, LACKING}
    assert found["package Twisted"].level == GOOD
