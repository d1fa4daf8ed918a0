"""``runj checkpoint`` and ``runj restore``."""

import pytest

from tests.functional.runj.command import Runj


@pytest.mark.parametrize(
    "words",
    [
        ("checkpoint", "--image-path", "/x", "web"),
        ("restore", "-d", "--bundle", "/x", "--image-path", "/x", "web"),
        ("restore",),
    ],
)
def test_neither_is_supported(plain: Runj, words: tuple[str, ...]) -> None:
    """Whatever options come along, as podman sends them."""
    assert plain.fails(*words) == f"{words[0]} is not supported: runj does not work with CRIU"
