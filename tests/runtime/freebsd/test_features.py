"""Tests of runjd.runtime.freebsd.features."""

import pytest

from runjd.runtime.freebsd.features import features
from runjd.runtime.freebsd.options import read_options
from runjd.spec.model import Mount

_VALUES = {"mode": "1777", "rule": "path pf unhide"}
_FLAGS = {"tmpcopyup", "linrdlnk", "rdlnk", "nodup"}


@pytest.mark.parametrize("name", features()["mountOptions"])
def test_every_option_that_is_listed_is_understood(name: str) -> None:
    """It "MUST be recognized" (features.md): some file system takes it."""
    takes_none = name in _FLAGS or name in read_names("nullfs")
    option = name if takes_none else f"{name}={_VALUES.get(name, '4')}"

    assert any(_is_understood(kind, option) for kind in ("nullfs", "tmpfs", "devfs", "fdescfs"))


def read_names(kind: str) -> set[str]:
    """Return the options without a value that a file system takes."""
    listed = features()["mountOptions"]
    assert isinstance(listed, list)
    return {name for name in listed if _is_understood(kind, name)}


def _is_understood(kind: str, option: str) -> bool:
    try:
        read_options(Mount("/x", kind, "x", (option,)), kind, "mounts[0]")
    except Exception:
        return False
    return True


def test_no_property_of_the_specification_is_missing() -> None:
    """config-freebsd.md of 1.3, and the addresses and interfaces of its schema."""
    annotations = features()["annotations"]
    assert isinstance(annotations, dict)

    assert set(annotations["org.runjd.freebsd.jail"].split(",")) == {
        "parent", "host", "ip4", "ip4Addr", "ip6", "ip6Addr", "vnet", "interface", "vnetInterfaces", "sysvmsg",
        "sysvsem", "sysvshm", "enforceStatfs", "allow",
    }  # fmt: skip
    assert set(annotations["org.runjd.freebsd.jail.allow"].split(",")) == {
        "setHostname", "rawSockets", "chflags", "mount", "quotas", "socketAf", "mlock", "reservedPorts", "suser",
    }  # fmt: skip
