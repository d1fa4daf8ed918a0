"""``runj features``."""

from __future__ import annotations

import json

import jsonschema
import pytest

from runjd.cli.oci.features import document
from runjd.runtime.findings import GOOD, LACKING, Finding
from tests.cli.oci.feature_schema import SCHEMA
from tests.functional.runj.command import Runj


def test_the_document_is_printed(plain: Runj) -> None:
    """It is JSON of the specification's form, and says what it is of."""
    found = json.loads(plain.ok("features"))

    jsonschema.validate(found, SCHEMA)
    assert (found["ociVersionMin"], found["ociVersionMax"]) == ("1.0.0", "1.3.0")
    assert plain.ok("--version").startswith(f"runj version {found['annotations']['org.runjd.version']}\n")


@pytest.mark.parametrize("platform", ["linux", "freebsd14"])
def test_every_platform_has_one(platform: str) -> None:
    """The objects of other platforms are not in it."""
    found = document(platform)

    jsonschema.validate(found, SCHEMA)
    assert ("linux" in found) == (platform == "linux")


def test_what_the_host_lacks_stands_in_an_annotation() -> None:
    """With how to get it; where nothing is missing there is none."""
    there = Finding("devfs rulesets", GOOD, "loaded: 1, 2, 3, 4, 5")
    racct = Finding("resource limits", LACKING, "kern.racct.enable is 0", "put it into loader.conf and reboot")

    lacking, whole = document("freebsd14", (there, racct)), document("freebsd14", (there,))

    jsonschema.validate(lacking, SCHEMA)
    told = "resource limits: kern.racct.enable is 0 (put it into loader.conf and reboot)"
    assert lacking["annotations"] == {**whole["annotations"], "org.runjd.lacking": told}  # type: ignore[dict-item]
