"""Tests of runjd.spec.jail_sources."""

import pytest

from runjd.errors import SpecError
from runjd.spec.jail_sources import describe
from runjd.spec.model import Config, FreeBSD, FreeBSDJail, JailAllow


def config(jail: FreeBSDJail | None, *annotations: tuple[str, str]) -> Config:
    """Return a configuration with a jail and annotations."""
    return Config("1.3.0", freebsd=None if jail is None else FreeBSD(jail=jail), annotations=annotations)


def test_config_json_is_stronger_than_annotations() -> None:
    """An annotation says only what the freebsd object does not."""
    found = describe(
        config(
            FreeBSDJail(vnet="inherit", sysvshm="disable", allow=JailAllow(mlock=False)),
            ("org.freebsd.jail.vnet", "new"),
            ("org.freebsd.jail.sysvmsg", "inherit"),
            ("org.freebsd.jail.allow.mlock", "true"),
            ("org.freebsd.jail.allow.chflags", "true"),
        )
    ).jail

    assert found == FreeBSDJail(
        vnet="inherit", sysvmsg="inherit", sysvshm="disable", allow=JailAllow(chflags=True, mlock=False)
    )


def test_runj_ext_json_replaces_modes_and_adds_to_lists() -> None:
    """As runj does it; what it does not say stays."""
    found = describe(
        config(FreeBSDJail(ip4="inherit", ip4_addr=("10.0.0.1",), vnet="new", vnet_interfaces=("a",), ip6="new")),
        FreeBSDJail(ip4="new", ip4_addr=("10.0.0.1", "10.0.0.2"), vnet_interfaces=("b",)),
    ).jail

    assert found == FreeBSDJail(
        ip4="new", ip4_addr=("10.0.0.1", "10.0.0.2"), vnet="new", vnet_interfaces=("a", "b"), ip6="new"
    )


def test_zero_is_something_that_was_said() -> None:
    """enforceStatfs 0 is not absence."""
    assert describe(config(FreeBSDJail(enforce_statfs=0))).jail.enforce_statfs == 0


def test_annotations_alone_make_a_jail() -> None:
    """A bundle of podman's has no freebsd object; its notices are handed on."""
    found = describe(config(None, ("org.freebsd.jail.vnet", "new"), ("org.freebsd.jail.odd", "1")))

    assert found.jail == FreeBSDJail(vnet="new")
    assert len(found.notices) == 1


def test_a_wrong_annotation_names_the_file() -> None:
    """As every error of a bundle does."""
    with pytest.raises(SpecError, match=r'^config\.json: annotations\["org\.freebsd\.jail\.vnet"\]: found'):
        describe(config(None, ("org.freebsd.jail.vnet", "maybe")), file="config.json")
