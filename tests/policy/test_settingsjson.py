"""Settings on disk and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.policy.settings import HealthRule, Probe, RestartRule, Settings
from runjd.policy.settingsjson import settings_from_json, settings_to_json

_SECONDS = st.floats(0, 1e6)
_WORDS = st.lists(st.text(max_size=5), max_size=3).map(tuple)
_PROBES = st.builds(
    Probe,
    kind=st.sampled_from(["exec", "tcp", "http"]),
    command=_WORDS,
    host=st.text(max_size=5),
    port=st.integers(0, 65535),
    path=st.text(max_size=5),
    timeout=_SECONDS,
)


@st.composite
def settings(draw) -> Settings:
    """Return any settings: each field of each rule is drawn, by the kind of its default."""

    def rule(default):
        return default._replace(**{name: field(name, value) for name, value in default._asdict().items()})

    def field(name, value):
        if name in ("success_statuses", "success_signals"):
            return draw(st.lists(st.integers(0, 255), max_size=3).map(tuple))
        if name == "tries":
            return draw(st.none() | st.integers(0, 9))
        if name == "slow_retry":
            return draw(st.none() | _SECONDS)
        if name == "probe":
            return draw(st.none() | _PROBES)
        if name == "health":
            return draw(st.none() | st.builds(HealthRule, probe=_PROBES, interval=_SECONDS, failures=st.integers(1, 9)))
        if hasattr(value, "_fields"):
            return rule(value)
        if isinstance(value, tuple):
            return draw(_WORDS)
        kinds = {bool: st.booleans(), int: st.integers(), float: _SECONDS, str: st.text(max_size=5)}
        return draw(kinds[type(value)])

    return rule(Settings())


@given(settings())
def test_what_was_written_is_read(found):
    """Settings are the same after a way through JSON."""
    assert settings_from_json(json.loads(json.dumps(settings_to_json(found)))) == found


def test_what_is_as_documented_is_left_out():
    """A record, and the note that the keeper holds, are as long as what was said."""
    assert settings_to_json(Settings()) == {}
    assert settings_to_json(Settings(restart=RestartRule("always"))) == {"restart": {"kind": "always"}}


def test_what_a_later_version_wrote_is_skipped():
    """Unknown keys are no error, and a number without a fraction is a time."""
    found = settings_from_json({"news": 1, "backoff": {"cap": 5, "phase": "full moon"}})

    assert found == Settings(backoff=Settings().backoff._replace(cap=5))


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"restart": []},
        {"restart": {"kind": None}},
        {"restart": {"success_statuses": ["0"]}},
        {"restart": {"tries": "many"}},
        {"backoff": {"cap": True}},
        {"backoff": {"cap": float("nan")}},
        {"health": {}},
        {"health": {"probe": {"port": 80}}},
        {"requires": "db"},
        {"autostart": 1},
    ],
)
def test_what_is_none_is_refused(document):
    """A damaged record is told, and nothing is made of it."""
    with pytest.raises(ValueError, match=r"is|has"):
        settings_from_json(document)
