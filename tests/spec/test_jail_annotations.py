"""Tests of runjd.spec.jail_annotations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import SpecError
from runjd.spec.jail_annotations import PREFIX, Annotated, read_annotations
from runjd.spec.model import FreeBSDJail, JailAllow
from runjd.spec.reader import Faults


def read(*annotations: tuple[str, str]) -> Annotated:
    """Return what they say; what is wrong raises."""
    faults = Faults()
    found = read_annotations(annotations, faults)
    faults.check("config.json")
    return found


def test_everything_that_ocijail_knows_is_read() -> None:
    """Each annotation has its field; permissions without one are kept by name."""
    found = read(
        ("org.freebsd.parentJail", "pod"),
        ("org.freebsd.jail.vnet", "new"),
        ("org.freebsd.jail.ip4.addr", "10.0.0.1, 10.0.0.2"),
        ("org.freebsd.jail.ip6.addr", "fd00::1"),
        ("org.freebsd.jail.sysvmsg", "inherit"),
        ("org.freebsd.jail.sysvsem", "disable"),
        ("org.freebsd.jail.sysvshm", "new"),
        ("org.freebsd.jail.allow.raw_sockets", "true"),
        ("org.freebsd.jail.allow.mlock", "1"),
        ("org.freebsd.jail.allow.set_hostname", "false"),
        ("org.freebsd.jail.allow.mount.tmpfs", "true"),
        ("org.freebsd.jail.allow.mount.nullfs", "0"),
        ("org.freebsd.jail.allow.sysvipc", "True"),
    )

    assert found == Annotated(
        FreeBSDJail(
            parent="pod",
            vnet="new",
            ip4_addr=("10.0.0.1", "10.0.0.2"),
            ip6_addr=("fd00::1",),
            sysvmsg="inherit",
            sysvsem="disable",
            sysvshm="new",
            allow=JailAllow(
                set_hostname=False, raw_sockets=True, mount=("tmpfs",), mlock=True, others=(("sysvipc", True),)
            ),
        )
    )


def test_ocijails_own_spelling_of_the_ipv6_address_is_taken() -> None:
    """ip6.add has been its name in ocijail since it has it."""
    assert read(("org.freebsd.jail.ip6.add", "::1")).jail.ip6_addr == ("::1",)


def test_what_is_not_known_is_told_and_passed_over() -> None:
    """An unknown annotation is no error (config.md, "Annotations"), but nobody shall think that it had an effect."""
    found = read(
        ("org.freebsd.jail.colour", "red"),
        ("org.freebsd.jail.allow.everything", "true"),
        ("org.freebsd.jail.jid", "4"),
        ("com.example.any", "thing"),
    )

    assert found.jail == FreeBSDJail()
    assert found.notices == (
        'annotation "org.freebsd.jail.colour" is not known, and was ignored',
        'annotation "org.freebsd.jail.allow.everything" names no permission of jail(8), and was ignored',
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("vnet", "disable", "expected one of new, inherit"),
        ("sysvshm", "yes", "expected one of disable, new, inherit"),
        ("ip4.addr", "10.0.0.1,::1", 'found "::1", expected an IPv4 address'),
        ("ip6.addr", "fe80::1/64", "expected a numeric address"),
        ("ip4.addr", "0.0.0.0", "no address of a jail"),
        ("allow.mlock", "required", "expected true or false"),
    ],
)
def test_what_makes_no_sense_is_named_by_its_path(name: str, value: str, words: str) -> None:
    """The fault has the annotation's JSON path."""
    with pytest.raises(SpecError) as raised:
        read((PREFIX + name, value))

    assert raised.value.path == f'annotations["{PREFIX}{name}"]'
    assert words in raised.value.reason


@given(st.lists(st.tuples(st.sampled_from(["allow.", "allow.mount.", "ip4.addr", ""]), st.text(), st.text())))
def test_no_annotation_breaks_the_reader(parts: list[tuple[str, str, str]]) -> None:
    """Whatever stands there is read, told or a fault."""
    faults = Faults()

    found = read_annotations(tuple((PREFIX + kind + name, value) for kind, name, value in parts), faults)

    assert isinstance(found.jail, FreeBSDJail)
