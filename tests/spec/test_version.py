"""Tests of runjd.spec.version."""

import pytest

from runjd.spec.version import OLDEST, VERSION, parse_version, version_fault


@pytest.mark.parametrize(
    "text",
    [OLDEST, VERSION, "1.0.0-rc5", "1.0.2-dev", "1.1.0-rc.3", "1.2.0+dev", "1.3.0-rc.1+sha.5114f85", "1.3.99"],
)
def test_every_version_from_1_0_to_1_3_is_understood(text: str) -> None:
    """Releases, pre-releases and builds of the known minor versions are read."""
    assert version_fault(text) == ""


@pytest.mark.parametrize("text", ["1.4.0", "1.4.0-rc.1", "1.10.0"])
def test_a_later_minor_version_is_refused(text: str) -> None:
    """A configuration is not compatible with a runtime that supports only earlier versions (config.md)."""
    assert "all this runjd knows" in version_fault(text)


@pytest.mark.parametrize("text", ["0.5.0-dev", "2.0.0", "11.0.0"])
def test_another_major_version_is_refused(text: str) -> None:
    """There is no compatibility between major versions."""
    assert "expected major version 1" in version_fault(text)


@pytest.mark.parametrize(
    "text",
    [
        *["", "1", "1.0", "1.0.0.0", "v1.0.0", "1.0.x", "01.0.0", "1.0.0-", "1.0.0+", "1.0.0-a..b", "1.0.0-01"],
        *["1.0.0-ö", " 1.0.0", "1.0.0\n", "1.0.0+a+b", "-1.0.0", "1.٣.0", "1.0." + "9" * 10_000],
    ],
)
def test_what_is_no_semantic_version_is_refused(text: str) -> None:
    """The version has the form of SemVer 2.0.0."""
    assert parse_version(text) is None
    assert "SemVer 2.0.0" in version_fault(text)
