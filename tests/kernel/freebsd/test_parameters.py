"""Parameters of jails, as bytes."""

from __future__ import annotations

import pytest

from runjd.kernel.freebsd.parameters import decode, encode, negated, size_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (("persist", True), ("persist", None)),
        (("persist", False), ("nopersist", None)),
        (("allow.mount", False), ("allow.nomount", None)),
        (("allow.mount.tmpfs", False), ("allow.mount.notmpfs", None)),
        (("ip4.saddrsel", False), ("ip4.nosaddrsel", None)),
        (("vnet", 1), ("vnet", b"\1\0\0\0")),
        (("securelevel", -1), ("securelevel", b"\xff\xff\xff\xff")),
        (("host.hostid", 77), ("host.hostid", b"\x4d\0\0\0\0\0\0\0")),
        (("name", "web"), ("name", b"web\0")),
        (("host.hostname", ""), ("host.hostname", b"\0")),
        (("ip4.addr", ("127.0.0.2", "10.0.0.1")), ("ip4.addr", b"\x7f\0\0\2\x0a\0\0\1")),
        (("ip6.addr", ("::1",)), ("ip6.addr", bytes(15) + b"\1")),
        (("ip4.addr", ()), ("ip4.addr", b"")),
        (("path", b"raw"), ("path", b"raw")),
    ],
)
def test_a_value_becomes_what_the_kernel_takes(value, expected) -> None:
    """Booleans go by their name alone, integers have 4 bytes, the host id 8, texts a NUL, addresses are packed."""
    assert encode([value]) == [expected]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (("name", "a\0b"), "NUL"),
        (("children.max", 2**31), "does not fit"),
        (("host.hostid", -1), "does not fit"),
        (("ip4.addr", ("::1",)), "'::1' is no IPv4 address"),
        (("ip6.addr", ("127.0.0.1",)), "no IPv6 address"),
        (("ip4.addr", ("127.0.0.1\0",)), "no IPv4 address"),
    ],
)
def test_a_value_that_the_kernel_would_cut_is_refused(value, words) -> None:
    """The error names the parameter."""
    with pytest.raises(ValueError, match=words) as caught:
        encode([value])
    assert str(caught.value).startswith(value[0])


def test_what_comes_back_is_read_by_its_name() -> None:
    """Texts end at their NUL, integers have a sign, addresses are a tuple."""
    assert decode("name", b"web\0rest") == "web"
    assert decode("securelevel", b"\xff\xff\xff\xff") == -1
    assert decode("host.hostid", b"\x4d" + bytes(7)) == 77
    assert decode("ip4.addr", b"\x7f\0\0\2\x0a\0\0\1") == ("127.0.0.2", "10.0.0.1")
    assert decode("ip6.addr", b"") == ()
    assert decode("meta", b"a=1\nb=2\0") == "a=1\nb=2"
    assert decode("env.PATH", b"/bin\0") == "/bin"


def test_buffers_have_the_size_that_the_kernel_asks_for() -> None:
    """Integers take exactly 4 bytes, the host id 8, or the kernel says EINVAL; texts have room for the longest."""
    assert [size_of(name) for name in ("jid", "allow.mount", "host.hostid", "name", "path")] == [4, 4, 8, 256, 1024]
    assert size_of("ip4.addr") % 4 == size_of("ip6.addr") % 16 == 0


def test_a_name_is_negated_in_its_last_part() -> None:
    """As the kernel knows it: allow.mount.notmpfs, not noallow.mount.tmpfs."""
    assert [negated(name) for name in ("persist", "allow.mount.tmpfs")] == ["nopersist", "allow.mount.notmpfs"]
