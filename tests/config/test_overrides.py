"""A bundle with what its table says besides."""

import json

import pytest

from runjd.config.model import Limits, Overrides
from runjd.config.overrides import from_json, overridden, to_json

SOME = Overrides((("A", "2"), ("C", "3")), Limits(memory=1 << 20, cpus=0.5, processes=7, files=9))


def test_variables_and_limits_take_the_place_of_those_that_are_there():
    """All else of them stays, and the document that was given is not changed."""
    document = {
        "process": {"env": ["A=1", "B=1"], "rlimits": [{"type": "RLIMIT_NOFILE"}, {"type": "RLIMIT_CORE"}]},
        "linux": {"resources": {"memory": {"limit": 5, "swap": 6}, "blockIO": {"weight": 1}}, "namespaces": []},
    }
    before = json.dumps(document)

    found = overridden(document, "/b", SOME)

    assert json.dumps(document) == before
    assert found["process"]["env"] == ["B=1", "A=2", "C=3"]
    assert found["process"]["rlimits"] == [
        {"type": "RLIMIT_CORE"},
        {"type": "RLIMIT_NOFILE", "soft": 9, "hard": 9},
    ]
    assert found["linux"] == {
        "namespaces": [],
        "resources": {
            "memory": {"limit": 1 << 20, "swap": 6},
            "blockIO": {"weight": 1},
            "cpu": {"quota": 50_000, "period": 100_000},
            "pids": {"limit": 7},
        },
    }


def test_paths_of_the_bundle_are_found_from_elsewhere():
    """Its root, and what is bound from beside it; what is no path stays."""
    found = overridden(
        {
            "root": {"path": "rootfs", "readonly": True},
            "mounts": [
                {"destination": "/a", "type": "bind", "source": "a"},
                {"destination": "/b", "type": "none", "source": "b", "options": ["rbind"]},
                {"destination": "/c", "type": "nullfs", "source": "/c"},
                {"destination": "/proc", "type": "proc", "source": "proc"},
            ],
        },
        "/b",
        Overrides(),
    )

    assert found["root"] == {"path": "/b/rootfs", "readonly": True}
    assert [each["source"] for each in found["mounts"]] == ["/b/a", "/b/b", "/c", "proc"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"process": 5},
        {"process": {"env": 5, "rlimits": 5}},
        {"linux": []},
        {"root": 1, "mounts": [3]},
        {"mounts": 1},
    ],
)
def test_what_is_wrong_already_stays_wrong(document):
    """Who runs it tells what; nothing breaks here."""
    assert isinstance(overridden(document, "/b", SOME), dict)


def test_what_is_written_is_read():
    """Nothing else is taken for it."""
    assert from_json(json.loads(json.dumps(to_json("/b", SOME)))) == ("/b", SOME)
    for wrong in ([], {}, {"bundle": "/b", "environment": {}, "limits": {"x": 1}}):
        with pytest.raises(ValueError, match="nothing of a bundle"):
            from_json(wrong)
