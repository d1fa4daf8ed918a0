"""What the features document lists is what the runtime takes (runtime.md: features.md, MUST)."""

from __future__ import annotations

from typing import Any

import pytest

from runjd.runtime.linux.features import features
from runjd.runtime.linux.plan import make_plan
from runjd.spec.model import Capabilities, Config, Mount, Namespace
from runjd.spec.parse import parse_config
from tests.runtime.driver import STANDARD_NAMESPACES, config, shell
from tests.spec.documents import bundle, encoded

DOCUMENT: dict[str, Any] = features()
LINUX = DOCUMENT["linux"]
SECCOMP = LINUX["seccomp"]


def planned(wanted: Config) -> object:
    """Return the plan of a configuration."""
    return make_plan(wanted, "/bundle", "web")


@pytest.mark.parametrize("version", [DOCUMENT["ociVersionMin"], DOCUMENT["ociVersionMax"]])
def test_both_versions_are_accepted(version: str) -> None:
    """A configuration of the oldest and one of the newest version are read (runtimes.md, MUST 16)."""
    assert parse_config(encoded(bundle(ociVersion=version)), "config.json").oci_version == version


@pytest.mark.parametrize("option", DOCUMENT["mountOptions"])
def test_mount_options_are_recognized(option: str) -> None:
    """Every listed option of a mount is understood, and handed to no file system as data."""
    mount = Mount("/tmp", "tmpfs", "/tmp", (option,))

    assert f"data='{option}'" not in repr(planned(config(mounts=(mount,))))


@pytest.mark.parametrize("kind", LINUX["namespaces"])
def test_namespaces_are_recognized(kind: str) -> None:
    """Every listed namespace can be asked for."""
    others = tuple(each for each in STANDARD_NAMESPACES if each.type != kind)

    assert planned(config(linux={"namespaces": (Namespace(kind), *others)}))


def test_capabilities_are_recognized() -> None:
    """Every listed capability can be asked for."""
    names = tuple(LINUX["capabilities"])

    assert planned(config()._replace(process=shell("", capabilities=Capabilities(*[names] * 5))))


def test_filters_are_recognized() -> None:
    """Every listed action, operator, architecture and flag can stand in a profile."""
    rules = [{"names": ["x"], "action": each} for each in SECCOMP["actions"]]
    args = [{"index": 0, "value": 1, "op": each} for each in SECCOMP["operators"]]
    rules.append({"names": ["y"], "action": "SCMP_ACT_KILL", "args": args})
    filter = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": SECCOMP["archs"],
        "flags": SECCOMP["knownFlags"],
        "syscalls": rules,
    }
    linux = parse_config(encoded(bundle(linux={"seccomp": filter})), "config.json").linux

    assert linux is not None
    assert planned(config(linux={"seccomp": linux.seccomp}))


def test_support_is_no_more_than_knowledge() -> None:
    """Flags that are supported are known ones."""
    assert set(SECCOMP["supportedFlags"]) <= set(SECCOMP["knownFlags"])
