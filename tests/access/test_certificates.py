"""The small authority, judged by openssl(1)."""

import os
import shutil
import stat
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.access.certificates import make_authority, make_client
from runjd.errors import BadArgument, InputOutput, RunjdError
from tests.access.papers import authority, client

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def openssl(*words):
    """Run it, and return what it says."""
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@needs_openssl
def test_openssl_takes_what_is_made(tmp_path):
    """A server and clients of one authority, each for its own purpose only, by the strictest rules."""
    directory = authority(tmp_path / "tls", "jails.example.org", "10.0.0.1", "fd00::1")
    alice, key = client(directory, "alice")
    ca = f"{directory}/ca.crt"

    verify = ("verify", "-x509_strict", "-CAfile", ca, "-purpose")
    assert openssl(*verify, "sslserver", f"{directory}/server.crt").endswith(": OK\n")
    assert openssl(*verify, "sslclient", alice).endswith(": OK\n")
    assert "unsuitable certificate purpose" in openssl(*verify, "sslclient", f"{directory}/server.crt")
    assert "unsuitable certificate purpose" in openssl(*verify, "sslserver", alice)
    names = openssl("x509", "-in", f"{directory}/server.crt", "-noout", "-ext", "subjectAltName")
    assert "DNS:jails.example.org, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1" in names
    assert "does match" in openssl("x509", "-in", f"{directory}/server.crt", "-noout", "-checkip", "10.0.0.1")
    public = openssl("pkey", "-in", key, "-pubout")
    assert public == openssl("x509", "-in", alice, "-noout", "-pubkey")


def test_keys_are_nobody_elses(tmp_path):
    """Whatever the mask is; a directory that is made is nobody else's, either."""
    before = os.umask(0)
    try:
        directory = authority(tmp_path / "tls")
        client(directory, "alice")
    finally:
        os.umask(before)

    modes = {name: stat.S_IMODE(os.stat(f"{directory}/{name}").st_mode) for name in os.listdir(directory)}
    assert modes == {
        **dict.fromkeys(("ca.crt", "server.crt", "alice.crt"), 0o644),
        **dict.fromkeys(("ca.key", "server.key", "alice.key"), 0o600),
    }
    assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700


@pytest.mark.parametrize("there", ["ca.crt", "ca.key", "server.crt", "server.key"])
def test_nothing_is_overwritten(tmp_path, there):
    """One file in the way, even a link that leads nowhere, and nothing is made."""
    (tmp_path / there).symlink_to("/nonexistent/elsewhere")

    with pytest.raises(InputOutput, match=f"{there} is there already, and nothing was changed"):
        authority(tmp_path)

    assert os.listdir(tmp_path) == [there]


def test_a_directory_that_cannot_be_used_is_named(tmp_path):
    """And a client without an authority is told how to make one."""
    with pytest.raises(InputOutput, match="no such file or directory"):
        authority(tmp_path / "a" / "b")
    with pytest.raises(
        InputOutput, match=r"ca.crt: no such file or directory; make an authority by runjctl certs init"
    ):
        client(str(tmp_path), "alice")
    (tmp_path / "ca.crt").write_text("nonsense")
    (tmp_path / "ca.key").write_text("nonsense")
    with pytest.raises(InputOutput, match="cannot be read"):
        client(str(tmp_path), "alice")


def test_a_client_is_not_called_like_a_file_that_is_there(tmp_path):
    """Neither ca nor server."""
    directory = authority(tmp_path / "tls")

    for name in ("ca", "server"):
        with pytest.raises(BadArgument, match="take another name"):
            client(directory, name)


@given(st.text(max_size=20) | st.text("ab.-@/*\\ \n\0:", max_size=10))
def test_whatever_a_client_is_called_no_file_is_made_elsewhere(name):
    """What is no name of a mail box or a host is refused, before the authority is looked for."""
    with pytest.raises(RunjdError) as caught:
        make_client("/nonexistent/directory", name, 1)

    assert isinstance(caught.value, BadArgument) or ("/" not in name and "\0" not in name and not name.startswith("."))


@pytest.mark.parametrize("name", ["a,b", "a,b@example.org", "a_b", "-a", "b!", "a" * 254, "a\n"])
def test_names_are_of_what_the_error_says(tmp_path, name):
    """A comma would part names in lists of them."""
    directory = authority(tmp_path / "tls")
    with pytest.raises(
        BadArgument, match="is no name of a client: a mail address, or letters, digits, dots and hyphens"
    ):
        client(directory, name)
    assert len(os.listdir(directory)) == 4

    for good in ("A-1.example", "a_b+c@example.org"):
        client(directory, good)


def test_hosts_have_names():
    """At least one, and each makes sense."""
    for names in ((), ("a b",), ("a@b",), ("https://x",), ("*",)):
        with pytest.raises(BadArgument):
            make_authority("/nonexistent/directory", names, 1)
