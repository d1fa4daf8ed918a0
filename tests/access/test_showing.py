"""What OpenSSL makes of papers, and what it wants to see of clients."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from runjd.access.paperfiles import read_papers
from runjd.access.papers import Papers, Refused
from runjd.access.porter.secrecy import Secrecy, TurnedAway
from runjd.access.showing import Showing, load, load_files
from tests.access.papers import authority, client, tls_of


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a directory with an authority."""
    return authority(tmp_path_factory.mktemp("tls") / "tls")


@pytest.fixture(scope="module")
def showing(directory: str) -> Showing:
    """Return what shows its certificate."""
    return Showing(load(read_papers(tls_of(directory), "runjd.toml")))


class Talk:
    """A client and the porter's end, in memory."""

    def __init__(self, showing: Showing, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
        self.secrecy = Secrecy(showing)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self._in, self._out, server_hostname="localhost", session=session)
        for _ in range(6):
            for act in (self.client.do_handshake, self._carry):
                try:
                    act()
                except ssl.SSLWantReadError:
                    pass

    def _carry(self) -> None:
        if data := self._out.read():
            self.secrecy.put_in(data)
        if not self.secrecy.is_in:
            self.secrecy.shake_hands()
        self._in.write(self.secrecy.take_out())


def context_of(directory: str, papers: tuple[str, str] | None, version: ssl.TLSVersion) -> ssl.SSLContext:
    """Return what a client speaks with."""
    made = ssl.create_default_context(cafile=f"{directory}/ca.crt")
    made.minimum_version = made.maximum_version = version
    if papers:
        made.load_cert_chain(*papers)
    return made


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@VERSIONS
def test_no_session_is_resumed(directory: str, showing: Showing, tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Each connection shows its certificate anew, whatever the client has kept of an earlier one."""
    context = context_of(directory, client(directory, f"keeps{version.value}"), version)
    first = Talk(showing, context)
    assert first.secrecy.names() == [f"keeps{version.value}"]
    second = Talk(showing, context, first.client.session)

    assert second.secrecy.is_in
    assert second.client.session_reused is False
    ticket = second.client.session
    assert ticket is None or not ticket.has_ticket


def test_versions_before_1_2_are_refused(directory: str, showing: Showing) -> None:
    """Whatever the client would do."""
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context = context_of(directory, client(directory, "old"), ssl.TLSVersion.TLSv1_1)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")

    with pytest.raises((TurnedAway, ssl.SSLError)):
        Talk(showing, context)


def _extended(*extensions: tuple[x509.ObjectIdentifier, bytes]) -> Callable[[str], tuple[str, str]]:
    """Return what makes a client's certificate with extensions of any kind."""

    def make(directory: str) -> tuple[str, str]:
        with open(f"{directory}/ca.crt", "rb") as certificate, open(f"{directory}/ca.key", "rb") as key:
            ca = x509.load_pem_x509_certificate(certificate.read())
            ca_key = serialization.load_pem_private_key(key.read(), None)
        assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
        own, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        builder = x509.CertificateBuilder(
            ca.subject, x509.Name([]), own.public_key(), 7, now - timedelta(1), now + timedelta(1)
        )
        for oid, value in extensions:
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), False)
        made = builder.sign(ca_key, hashes.SHA256())
        paths = f"{directory}/odd.crt", f"{directory}/odd.key"
        Path(paths[0]).write_bytes(made.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8
        Path(paths[1]).write_bytes(own.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return paths

    return make


def _names(*kinds: tuple[int, bytes]) -> bytes:
    body = b"".join(bytes([kind, len(value)]) + value for kind, value in kinds)
    return bytes([0x30, len(body)]) + body


def _key_of_another_kind() -> bytes:
    form = serialization.PrivateFormat.PKCS8
    made = ed25519.Ed25519PrivateKey.generate()
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


_DAMAGED = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
_SAN = x509.SubjectAlternativeName.oid


@VERSIONS
@pytest.mark.parametrize(
    ("san", "names"),
    [
        (_names((0x82, b"alice")), ["alice"]),
        (_names((0x82, b"alice\0.example.org"), (0x82, b"bob")), ["bob"]),
        (_names((0x82, b"al ice"), (0x81, b'a"b@c'), (0x86, b"urn:x")), ["urn:x"]),
        (_names((0x82, b"alice"), (0x82, b"\xff\xfe")), []),
        (_names((0x82, b"alice"), (0x81, "\u00e4".encode())), []),
        (_names((0x87, b"\x7f\0\0\x01")), []),
        (b"\x30\x03\x82\x09a", []),
        (b"\x30\x00", []),
    ],
)
def test_names_that_make_no_sense_are_none(
    directory: str, showing: Showing, version: ssl.TLSVersion, san: bytes, names: list[str]
) -> None:
    """An authority may sign them; who shows them is turned away, or is nobody."""
    papers = _extended((_SAN, san))(directory)
    try:
        talk = Talk(showing, context_of(directory, papers, version))
    except (TurnedAway, ssl.SSLError):
        assert names == []
        return

    assert talk.secrecy.names() == names


def test_names_that_stand_there_twice_are_none(directory: str, showing: Showing) -> None:
    """One extension could be what the authority has looked at, and the other one what it has not."""
    papers = _extended((_SAN, _names((0x82, b"alice"))), (x509.ObjectIdentifier("2.5.29.77"), b"\x30\x06\x82\x04root"))(
        directory
    )
    # the name of the other extension is made that of the first one, and the certificate signed again
    path = Path(papers[0])
    _sign_again(directory, path, b"\x06\x03\x55\x1d\x4d", b"\x06\x03\x55\x1d\x11")
    try:
        talk = Talk(showing, context_of(directory, papers, ssl.TLSVersion.TLSv1_3))
    except (TurnedAway, ssl.SSLError):
        return

    assert talk.secrecy.names() == []


def _sign_again(directory: str, path: Path, before: bytes, after: bytes) -> None:
    with open(f"{directory}/ca.key", "rb") as key:
        ca_key = serialization.load_pem_private_key(key.read(), None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    body = certificate.tbs_certificate_bytes
    assert body.count(before) == 1
    body = body.replace(before, after)
    signature = ca_key.sign(body, ec.ECDSA(hashes.SHA256()))
    rest = bytes.fromhex("300a06082a8648ce3d040302") + b"\x03" + bytes([len(signature) + 1, 0]) + signature
    whole = body + rest
    der = b"\x30\x82" + len(whole).to_bytes(2, "big") + whole
    path.write_text(ssl.DER_cert_to_PEM_cert(der))


@pytest.mark.parametrize(
    ("change", "key", "reason"),
    [
        ({"certificate": b""}, "certificate", "is no certificate in PEM"),
        ({"certificate": _DAMAGED}, "certificate", "is no certificate in PEM"),
        ({"key": b""}, "key", "is no key in PEM"),
        ({"key": _key_of_another_kind()}, "key", "is not the key of the certificate"),
        ({"ca": b"\xff"}, "ca", "has no certificate of an authority in PEM"),
    ],
)
def test_what_cannot_be_used_is_named(directory: str, change: dict[str, bytes], key: str, reason: str) -> None:
    """By its key in the configuration."""
    papers = read_papers(tls_of(directory), "runjd.toml")._replace(**change)
    with pytest.raises(Refused, match=reason) as caught:
        load(papers)

    assert caught.value.key == key


@pytest.mark.parametrize(
    ("bits", "reason"), [(2048, "was signed by one that is of no authority"), (1024, "by OpenSSL: .* key too weak")]
)
def test_why_a_certificate_is_refused_is_said_in_words(
    directory: str, showing: Showing, bits: int, reason: str
) -> None:
    """By ours, or else by those of OpenSSL: as where alice signs for others, and where a key is too short."""
    alice = _extended((_SAN, _names((0x82, b"alice"))))(directory)
    issuer = x509.load_pem_x509_certificate(Path(alice[0]).read_bytes())
    issuer_key = serialization.load_pem_private_key(Path(alice[1]).read_bytes(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key, now = rsa.generate_private_key(65537, bits), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "root")])
    builder = x509.CertificateBuilder(issuer.subject, name, key.public_key(), 8, now, now + timedelta(1))
    form, pem = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    papers = f"{directory}/deep.crt", f"{directory}/deep.key"
    Path(papers[0]).write_bytes(
        builder.sign(issuer_key, hashes.SHA256()).public_bytes(pem) + Path(alice[0]).read_bytes()
    )
    Path(papers[1]).write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    context = context_of(directory, None, ssl.TLSVersion.TLSv1_3)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(*papers)

    with pytest.raises(TurnedAway, match=reason):
        Talk(showing, context)


def test_a_weak_certificate_is_named_as_such(directory: str, tmp_path: Path) -> None:
    """OpenSSL would not show it."""
    key, now = rsa.generate_private_key(65537, 1024), datetime.now(UTC)
    builder = x509.CertificateBuilder(x509.Name([]), x509.Name([]), key.public_key(), 1, now, now + timedelta(1))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())

    with pytest.raises(Refused, match="is refused by OpenSSL: ee key too small") as caught:
        load(Papers(certificate, pem, Path(f"{directory}/ca.crt").read_bytes()))
    assert caught.value.key == "certificate"


def test_what_cannot_be_read_is_not_blamed_on_the_papers(directory: str) -> None:
    """As on a host without /dev/fd."""
    papers = read_papers(tls_of(directory), "x")
    with pytest.raises(Refused, match="cannot be read from /nonexistent and /nonexistent: no such file or directory"):
        load_files(papers, "/nonexistent", "/nonexistent")


def test_files_are_loaded_as_papers_are(directory: str) -> None:
    """By who may read them himself."""
    tls = tls_of(directory)
    assert load_files(read_papers(tls, "x"), tls.certificate, tls.key).verify_mode == ssl.CERT_REQUIRED
