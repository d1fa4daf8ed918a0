"""
A bundle with what its table says besides: the document, as it is run. Pure.

It is another bundle, elsewhere, so paths that are relative to the first become absolute.
"""

from __future__ import annotations

from runjd.config.limits import limit
from runjd.config.model import Limits, Overrides

_BINDS = ("bind", "rbind")


def overridden(document: dict[str, object], bundle: str, overrides: Overrides) -> dict[str, object]:
    """
    Return the document with other variables and limits.

    What is not as the specification wants it stays as it is: who runs it tells.

    :param bundle: absolute path of the bundle that it is of.
    """
    config = dict(document)
    process = config.get("process")
    if isinstance(process, dict):
        config["process"] = process = dict(process)
        env = process.get("env", [])
        if overrides.environment and isinstance(env, list):
            names = {name for name, _ in overrides.environment}
            kept = [each for each in env if str(each).partition("=")[0] not in names]
            process["env"] = [*kept, *[f"{name}={value}" for name, value in overrides.environment]]
    if isinstance(config.get("linux"), dict):
        config["linux"] = dict(config["linux"])  # type: ignore[call-overload]
    limit(config, overrides.limits)
    root = config.get("root")
    if isinstance(root, dict) and isinstance(root.get("path"), str):
        config["root"] = {**root, "path": _absolute(root["path"], bundle)}
    mounts = config.get("mounts")
    if isinstance(mounts, list):
        config["mounts"] = [_mount(each, bundle) for each in mounts]
    return config


def to_json(bundle: str, overrides: Overrides) -> dict[str, object]:
    """Return what :func:`from_json` reads, as JSON values."""
    return {"bundle": bundle, "environment": dict(overrides.environment), "limits": overrides.limits._asdict()}


def from_json(document: object) -> tuple[str, Overrides]:
    """Return a bundle and what overrides it. :raise ValueError: the document is none of ours."""
    try:
        environment, limits = document["environment"], document["limits"]  # type: ignore[index]
        return str(document["bundle"]), Overrides(tuple(environment.items()), Limits(**limits))  # type: ignore[index]
    except (TypeError, KeyError, AttributeError):
        raise ValueError("it says nothing of a bundle and what overrides it") from None


def _mount(mount: object, bundle: str) -> object:
    if not isinstance(mount, dict) or not isinstance(mount.get("source"), str):
        return mount
    options = mount.get("options")
    is_bind = mount.get("type") in ("bind", "nullfs") or (
        isinstance(options, list) and any(each in options for each in _BINDS)
    )
    return {**mount, "source": _absolute(mount["source"], bundle)} if is_bind and mount["source"] else mount


def _absolute(path: str, bundle: str) -> str:
    return path if path.startswith("/") else f"{bundle}/{path}"
