"""``runj features``."""

from __future__ import annotations

import json

import jsonschema
import pytest

from runjd.cli.oci.features import document
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
