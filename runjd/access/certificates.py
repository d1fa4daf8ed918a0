"""
A small authority, and certificates of it: enough for a first set-up of TLS.

Keys are of P-256.  Nothing that is there is overwritten, and what could not be finished is taken back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from runjd.access.names import is_name
from runjd.errors import BadArgument, InputOutput

CA, SERVER = "ca", "server"
#: days for which an authority is good
CA_DAYS = 3650
#: clocks of two hosts may differ by so much
_EARLIER = timedelta(hours=1)
#: a name that is no mail address
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


def make_authority(directory: str, names: Sequence[str], days: int, now: datetime | None = None) -> Sequence[str]:
    """
    Make an authority, and the certificate of a daemon.

    :param names: of the daemon's host, as clients call it: names and addresses.
    :param days: for which the daemon's certificate is good.
    :return: the paths of what was made.
    :raise RunjdError: something is there already, or cannot be written; then nothing was made.
    """
    shown = [_host_name(each) for each in names]
    if not shown:
        raise BadArgument("a daemon's certificate needs the name of its host")
    now = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    ca = _sign(_subject("runjd authority"), key, None, key, now, CA_DAYS, _of_authority())
    server_key = ec.generate_private_key(ec.SECP256R1())
    use = ExtendedKeyUsageOID.SERVER_AUTH
    server = _sign(_subject(names[0]), server_key, ca, key, now, days, _of_leaf(shown, use))
    files = {
        **_files(directory, CA, ca, key),
        **_files(directory, SERVER, server, server_key),
    }
    _write(directory, files)
    return list(files)


def make_client(directory: str, name: str, days: int, now: datetime | None = None) -> Sequence[str]:
    """
    Make the certificate of a client, of the authority in a directory.

    :param name: what the client is called in rules: a mail address, or a word of letters, digits, dots and hyphens.
    :return: the paths of what was made.
    :raise RunjdError: there is no authority, or something is in the way.
    """
    shown = _client_name(name)
    if name in (CA, SERVER):
        raise BadArgument(f"{name} is what a file of the directory is called already; take another name")
    ca, key = _authority(directory)
    client_key = ec.generate_private_key(ec.SECP256R1())
    use = ExtendedKeyUsageOID.CLIENT_AUTH
    now = now or datetime.now(UTC)
    client = _sign(_subject(name), client_key, ca, key, now, days, _of_leaf([shown], use))
    files = _files(directory, name, client, client_key)
    _write(directory, files)
    return list(files)


def _authority(directory: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    paths = f"{directory}/{CA}.crt", f"{directory}/{CA}.key"
    try:
        with open(paths[0], "rb") as certificate, open(paths[1], "rb") as key:
            ca = x509.load_pem_x509_certificate(certificate.read())
            found = serialization.load_pem_private_key(key.read(), None)
    except OSError as error:
        raise InputOutput(
            f"{error.filename}: {os.strerror(error.errno or 0).lower()}; make an authority by runjctl certs init"
        ) from None
    except (ValueError, TypeError) as error:
        raise InputOutput(f"the authority in {directory} cannot be read: {error}") from None
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise InputOutput(f"{paths[1]} is no key that runjctl certs init made")
    return ca, found


def _host_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    if not is_name(name) or set(name) & set("@:/"):
        raise BadArgument(f'"{name}" is no name of a host, nor an address')
    return x509.DNSName(name)


def _client_name(name: str) -> x509.GeneralName:
    try:
        if "@" in name and is_name(name) and not set(name) & set("/:,") and not name.startswith((".", "-")):
            return x509.RFC822Name(name)
        if _WORD.fullmatch(name):
            return x509.DNSName(name)
    except ValueError:
        pass
    raise BadArgument(f'"{name}" is no name of a client: a mail address, or letters, digits, dots and hyphens')


def _subject(name: str) -> x509.Name:
    # at most 64 characters; nobody reads it but people
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _of_authority() -> Sequence[tuple[x509.ExtensionType, bool]]:
    return [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_key_usage(is_authority=True), True),
    ]


def _of_leaf(
    names: Sequence[x509.GeneralName], use: x509.ObjectIdentifier
) -> Sequence[tuple[x509.ExtensionType, bool]]:
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(is_authority=False), True),
        (x509.ExtendedKeyUsage([use]), False),
        (x509.SubjectAlternativeName(names), False),
    ]


def _key_usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _sign(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate | None,
    ca_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    days: int,
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca.subject if ca is not None else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(ca_key, hashes.SHA256())


def _files(
    directory: str, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> Mapping[str, tuple[bytes, int]]:
    """Return what the files of a certificate hold, and their modes."""
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        f"{directory}/{name}.crt": (certificate.public_bytes(serialization.Encoding.PEM), 0o644),
        f"{directory}/{name}.key": (written, 0o600),
    }


def _write(directory: str, files: Mapping[str, tuple[bytes, int]]) -> None:
    is_new = not os.path.isdir(directory)
    made: list[str] = []
    try:
        if is_new:
            os.mkdir(directory, 0o700)
        for path, (data, mode) in files.items():
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
            made.append(path)
            with open(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(fd)
    except OSError as error:
        for each in made:
            os.unlink(each)
        if is_new:
            with suppress(OSError):
                os.rmdir(directory)
        path = os.fsdecode(error.filename or directory)
        if isinstance(error, FileExistsError):
            raise InputOutput(
                f"{path} is there already, and nothing was changed; name another directory, or move it away", path=path
            ) from None
        raise InputOutput(f"{path}: {os.strerror(error.errno or 0).lower()}", path=path) from None
