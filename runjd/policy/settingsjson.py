"""Settings as JSON values, for the record of a jail; what is as documented is left out."""

from __future__ import annotations

from runjd.policy.settings import (
    BackoffRule,
    HealthRule,
    LogRule,
    Probe,
    ReadyRule,
    RestartRule,
    Settings,
    StopRule,
)

_RULES = {
    "restart": RestartRule,
    "backoff": BackoffRule,
    "ready": ReadyRule,
    "health": HealthRule,
    "stop": StopRule,
    "log": LogRule,
    "probe": Probe,
}
_NUMBERS = ("success_statuses", "success_signals")
#: fields whose default is None, or that have none: what they hold else
_KINDS = {"tries": int, "slow_retry": float, "kind": str}


def settings_to_json(settings: Settings) -> dict[str, object]:
    """Return settings as JSON values."""
    return _differences(settings)


def settings_from_json(document: object) -> Settings:
    """
    Return the settings of such JSON values; unknown keys are skipped.

    :raise ValueError: they are none.
    """
    settings = _rule(Settings, document)
    assert isinstance(settings, Settings)
    return settings


def _differences(rule: tuple[object, ...]) -> dict[str, object]:
    found: dict[str, object] = {}
    defaults = getattr(rule, "_field_defaults", {})
    for name, value in zip(getattr(rule, "_fields", ()), rule, strict=True):
        if name in defaults and value == defaults[name]:
            continue
        if name in _RULES and isinstance(value, tuple):
            found[name] = _differences(value)
        else:
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def _rule(kind: type, document: object) -> object:
    if not isinstance(document, dict):
        raise ValueError(f"{kind.__name__} is an object")
    fields: tuple[str, ...] = getattr(kind, "_fields", ())
    defaults: dict[str, object] = getattr(kind, "_field_defaults", {})
    values: dict[str, object] = {}
    for name in fields:
        if name in document:
            values[name] = _value(name, defaults.get(name), document[name])
        elif name not in defaults:
            raise ValueError(f"{kind.__name__} has no {name}")
    return kind(**values)


def _value(name: str, default: object, found: object) -> object:
    if name in _RULES:
        return None if found is None else _rule(_RULES[name], found)
    if isinstance(default, tuple):
        kind = int if name in _NUMBERS else str
        if not isinstance(found, list) or not all(type(each) is kind for each in found):
            raise ValueError(f"{name} is a list of {kind.__name__}")
        return tuple(found)
    if found is None and default is None and name != "kind":
        return None
    wanted = _KINDS.get(name) or type(default)
    is_meant = type(found) is wanted or (wanted is float and type(found) is int)
    if not is_meant or (isinstance(found, float) and found - found != 0.0):
        raise ValueError(f"{name} is {wanted.__name__}")
    return found
