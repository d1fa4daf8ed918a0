"""Tests of runjd.runtime.freebsd.options: what nmount(2) would take without a word is refused here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import SpecError, Unsupported
from runjd.runtime.freebsd.options import Options, read_options
from runjd.spec.model import Mount


def read(kind: str, *options: str) -> Options:
    """Read the options of a mount of that file system."""
    return read_options(Mount("/data", kind, "source", options), kind, "mounts[0]")


def test_generic_options_are_passed_on_and_the_last_word_counts() -> None:
    """Of ro and rw one goes to the kernel; exec takes noexec back."""
    assert read("nullfs", "ro", "nosuid", "noexec", "rw", "exec").pairs == (("nosuid", ""), ("rw", ""))
    assert read("tmpfs", "rw", "ro").pairs == (("ro", ""),)


def test_words_of_linux_mean_nothing() -> None:
    """Engines write them; device nodes work on devfs only, and mounts do not propagate."""
    assert read("nullfs", "rbind", "rprivate", "nodev", "relatime", "strictatime") == Options()


@pytest.mark.parametrize("kind", ["nullfs", "fdescfs", "tmpfs", "devfs", "procfs", "linprocfs", "linsysfs"])
def test_an_option_that_is_not_known_is_refused(kind: str) -> None:
    """Also where the kernel would take it (nullfs and fdescfs take anything)."""
    with pytest.raises(Unsupported, match=r'^mounts\[0\]\.options\[1\]: \w+ has no option "zork"$'):
        read(kind, "ro", "zork")


@pytest.mark.parametrize(
    ("option", "pair"),
    [
        ("size=64m", ("size", str(64 << 20))),
        ("size=100", ("size", "100")),
        ("size=2G", ("size", str(2 << 30))),
        ("maxfilesize=1k", ("maxfilesize", "1024")),
        ("inodes=10", ("inodes", "10")),
        ("nr_inodes=1k", ("inodes", "1024")),
        ("mode=1777", ("mode", "1777")),
        ("mode=0755", ("mode", "0755")),
        ("uid=65534", ("uid", "65534")),
        ("gid=0", ("gid", "0")),
    ],
)
def test_a_tmpfs_gets_numbers(option: str, pair: tuple[str, str]) -> None:
    """With their units worked out, so that nothing depends on how the kernel reads them."""
    assert read("tmpfs", option).pairs == (pair,)


@pytest.mark.parametrize(
    "option",
    ["size=50%", "size=abc", "size=1.5m", "size=1mb", "size=-1", "size=", "mode=", "mode=9", "mode=17777", "uid=nobody",
     "uid=-1", "gid=4294967295", "inodes=x", "maxfilesize=1kk"],
)  # fmt: skip
def test_what_tmpfs_would_read_as_no_limit_is_refused(option: str) -> None:
    """Seen on 13.2: a bad size means none at all, a bad mode or uid the default."""
    with pytest.raises(SpecError, match=r"^mounts\[0\]\.options\[0\]: found "):
        read("tmpfs", option)


def test_a_size_of_zero_is_no_limit() -> None:
    """To tmpfs(5) and to Linux alike, so it is left out."""
    assert read("tmpfs", "size=64m", "size=0") == Options()


def test_what_only_we_do_is_told_apart() -> None:
    """tmpcopyup, ruleset and rules never reach nmount(2) as they are."""
    assert read("tmpfs", "tmpcopyup") == Options(copies_up=True)
    assert read("devfs", "ruleset=5", "rule=path pf unhide") == Options(ruleset=5, rules=("path pf unhide",))


@pytest.mark.parametrize("value", ["65536", "-1", "abc", "", "0x4"])
def test_a_ruleset_is_a_number(value: str) -> None:
    """The kernel would say "invalid ruleset specification"."""
    with pytest.raises(SpecError, match="the number of a devfs ruleset"):
        read("devfs", f"ruleset={value}")


@given(st.sampled_from(["tmpfs", "devfs", "nullfs", "fdescfs"]), st.lists(st.text(max_size=12), max_size=4))
def test_no_option_breaks_the_reader(kind: str, options: list[str]) -> None:
    """Each is understood, or refused with its place."""
    try:
        path = ""
        read(kind, *options)
    except SpecError as error:
        path = error.path

    assert not path or path.startswith("mounts[0].options[")
