"""Which release is meant."""

from __future__ import annotations

import pytest

from runjd.cli.oci.demo.release import Release, choose, digest_of, oci_architecture
from runjd.errors import BadArgument, InputOutput

FREEBSD = ("FreeBSD", "13.2-RELEASE-p4", "amd64")
LINUX = ("Linux", "6.1.0-13-amd64", "x86_64")


@pytest.mark.parametrize(
    ("said", "uname", "release"),
    [
        (("", "", ""), FREEBSD, Release("amd64", "amd64", "13.2-RELEASE")),
        (("", "", "14.2-RELEASE"), LINUX, Release("amd64", "amd64", "14.2-RELEASE")),
        (("", "", "14.2-RELEASE"), ("Linux", "6", "aarch64"), Release("arm64", "aarch64", "14.2-RELEASE")),
        (("arm64", "", "14.2-RELEASE"), LINUX, Release("arm64", "aarch64", "14.2-RELEASE")),
        (("", "aarch64", "14.2-RELEASE"), LINUX, Release("arm64", "aarch64", "14.2-RELEASE")),
        (("riscv", "riscv64", "15.0-RELEASE"), FREEBSD, Release("riscv", "riscv64", "15.0-RELEASE")),
        (("new", "", "15.0-RELEASE"), FREEBSD, Release("new", "new", "15.0-RELEASE")),
    ],
)
def test_what_is_not_said_is_that_of_the_host(
    said: tuple[str, str, str], uname: tuple[str, str, str], release: Release
) -> None:
    """Machine and architecture go together, and a patch level is no release."""
    assert choose(*said, uname) == release


def test_a_host_of_another_system_has_no_version() -> None:
    """The message shows how one looks."""
    with pytest.raises(BadArgument, match="--version is missing, as 14.2-RELEASE: this host runs Linux"):
        choose("", "", "", LINUX)


@pytest.mark.parametrize("word", ["../x", "a/b", "a b", ".."])
def test_a_part_of_the_address_is_one_name(word: str) -> None:
    """Nothing leads out of the place of releases."""
    with pytest.raises(BadArgument, match="is no part of the address of a release"):
        choose("amd64", "amd64", word, LINUX)


def test_the_address_is_put_together() -> None:
    """With or without a slash at the end of the base."""
    release = Release("arm64", "aarch64", "14.2-RELEASE")

    assert release.url("http://x/y/", "MANIFEST") == "http://x/y/arm64/aarch64/14.2-RELEASE/MANIFEST"
    assert release.url("http://x/y", "MANIFEST") == "http://x/y/arm64/aarch64/14.2-RELEASE/MANIFEST"


def test_the_manifest_has_digests() -> None:
    """By the name in the first column; a line of another form counts as none."""
    digest = "AB" * 32
    manifest = f"base-dbg.txz\t{'0' * 64}\t1\tx\nbase.txz\t{digest}\t28000\tbase\n"

    assert digest_of(manifest, "base.txz") == digest.lower()
    for text in ("", "base.txz\n", "base.txz\tabc\t1\n", "<html>"):
        with pytest.raises(InputOutput, match="no digest of base.txz"):
            digest_of(text, "base.txz")


def test_architectures_have_other_names_in_images() -> None:
    """Those of Go."""
    assert [oci_architecture(each) for each in ("amd64", "aarch64", "i386", "riscv64", "x86_64")] == [
        "amd64", "arm64", "386", "riscv64", "amd64",
    ]  # fmt: skip
