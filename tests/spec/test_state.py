"""Tests of runjd.spec.state."""

from runjd.spec.state import StateDocument, state_to_json
from runjd.spec.version import VERSION


def test_the_state_has_the_form_of_the_specification() -> None:
    """All properties stand in the specification's order."""
    state = StateDocument("web", "running", "/bundles/web", 4422, (("com.example.key", "value"),), "1.2.0")
    assert list(state_to_json(state).items()) == [
        ("ociVersion", "1.2.0"),
        ("id", "web"),
        ("status", "running"),
        ("pid", 4422),
        ("bundle", "/bundles/web"),
        ("annotations", {"com.example.key": "value"}),
    ]


def test_what_there_is_not_is_left_out() -> None:
    """A stopped container has no pid."""
    assert state_to_json(StateDocument("web", "stopped", "/bundles/web", 0)) == {
        "ociVersion": VERSION,
        "id": "web",
        "status": "stopped",
        "bundle": "/bundles/web",
    }


def test_additional_properties_never_replace_the_specifications() -> None:
    """The state may have more properties, behind its own."""
    made = state_to_json(StateDocument("web", "stopped", "/b"), {"owner": "root", "id": "other", "rootfs": "/r"})
    assert list(made) == ["ociVersion", "id", "status", "bundle", "owner", "rootfs"]
    assert made["id"] == "web"
