"""What the daemon shows to clients that come by TLS."""

import os
import subprocess

import pytest
from twisted.logger import LogLevel, globalLogPublisher

from runjd.access.credentialing import Credentials
from runjd.config.faults import ConfigError
from runjd.errors import InputOutput
from tests.access.papers import LONG_AGO, authority, client, tls_of


@pytest.fixture
def directory(tmp_path):
    """Return a directory with an authority."""
    return authority(tmp_path / "tls")


@pytest.mark.parametrize(
    ("key", "path", "text", "reason"),
    [
        ("certificate", "server.crt", None, "no such file or directory"),
        ("key", "server.key", None, "no such file or directory"),
        ("ca", "ca.crt", None, "no such file or directory"),
        ("certificate", "server.crt", "nonsense", "is no certificate in PEM"),
        ("key", "server.key", "nonsense", "is no key in PEM"),
        ("ca", "ca.crt", "nonsense", "has no certificate of an authority"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_by_its_key(directory, key, path, text, reason):
    """As a fault of the configuration that names it."""
    os.unlink(f"{directory}/{path}")
    if text is not None:
        with open(os.open(f"{directory}/{path}", os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(text)

    with pytest.raises(ConfigError) as caught:
        Credentials().prepare(tls_of(directory), "/etc/runjd.toml")

    (fault,) = caught.value.faults
    assert (fault.file, fault.path) == ("/etc/runjd.toml", ("daemon", "tls", key))
    assert reason in fault.reason


def test_a_key_is_that_of_its_certificate(directory):
    """Another one is refused."""
    _, key = client(directory, "alice")
    with pytest.raises(ConfigError, match="is not the key of the certificate that stands first"):
        Credentials().prepare(tls_of(directory)._replace(key=key), "x")


def test_a_key_that_others_can_read_is_refused(directory):
    """With what to do."""
    os.chmod(f"{directory}/server.key", 0o640)

    with pytest.raises(ConfigError, match="has mode 0640, and others may not read it; chmod 600 "):
        Credentials().prepare(tls_of(directory), "x")


def test_what_cannot_be_used_replaces_nothing(directory):
    """Before anything can be used there is nothing to listen with; afterwards a fault changes nothing."""
    credentials = Credentials()
    with pytest.raises(InputOutput, match="no certificate that could be shown"):
        credentials.check_ready()
    credentials.prepare(tls_of(directory), "x")
    credentials.take()
    credentials.check_ready()
    before = credentials.papers

    os.unlink(f"{directory}/ca.crt")
    with pytest.raises(ConfigError):
        credentials.prepare(tls_of(directory), "x")
    credentials.take()

    assert credentials.papers is before


def test_a_certificate_that_ends_soon_is_told(tmp_path):
    """Also one that has ended, and its authority: clients then refuse it, and the daemon goes on."""
    soon, late = authority(tmp_path / "soon", days=5), authority(tmp_path / "late", at=LONG_AGO)
    said = []

    def observer(event):
        if event["log_level"] == LogLevel.warn:
            said.append((os.path.basename(event["certificate"]), event["fate"]))

    globalLogPublisher.addObserver(observer)
    try:
        for directory in (soon, late):
            credentials = Credentials()
            credentials.prepare(tls_of(directory), "x")
            credentials.take()
    finally:
        globalLogPublisher.removeObserver(observer)

    assert said == [("server.crt", "expires in 5 days"), ("server.crt", "has expired"), ("ca.crt", "has expired")]


def test_a_key_with_a_password_is_refused(directory):
    """Nobody is there to be asked for it."""
    subprocess.run(
        [
            "openssl",
            "pkey",
            "-in",
            f"{directory}/server.key",
            "-aes256",
            "-passout",
            "pass:x",
            "-out",
            f"{directory}/x",
        ],
        check=True,
    )

    with pytest.raises(ConfigError, match="has a password"):
        Credentials().prepare(tls_of(directory)._replace(key=f"{directory}/x"), "x")


@pytest.mark.root
def test_files_that_others_can_exchange_are_refused(directory):
    """Who can put another authority there comes in as whoever he likes."""
    for path in (f"{directory}/ca.crt", directory):
        os.chmod(path, os.stat(path).st_mode | 0o002)
        with pytest.raises(ConfigError, match=f"can be exchanged by others, at {path};"):
            Credentials().prepare(tls_of(directory), "x")
        os.chmod(path, os.stat(path).st_mode & ~0o002)
    Credentials().prepare(tls_of(directory), "x")
