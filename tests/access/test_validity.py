"""Until when a certificate is good."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from runjd.access.papers import Papers
from runjd.access.validity import days_left, each_left
from tests.access.papers import authority

_KEY = ec.generate_private_key(ec.SECP256R1())
_BEGIN = b"-----BEGIN CERTIFICATE-----\n"


def _good_until(end: datetime) -> bytes:
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, _KEY.public_key(), 1, datetime(1950, 1, 1), end)
    return builder.sign(_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@given(st.datetimes(datetime(1951, 1, 1), datetime(9999, 12, 31)))
def test_its_end_is_read_as_openssl_writes_it(end: datetime) -> None:
    """Both forms of times, before and after the turn of the century and 2050."""
    end = end.replace(microsecond=0)
    now = end.replace(tzinfo=UTC) - timedelta(hours=36)

    assert each_left(_good_until(end), now) == [1.5]


def test_what_ends_first_is_the_end_of_a_certificate_and_what_ends_last_of_authorities(tmp_path: Path) -> None:
    """Clients need all that leads to an authority, of which one is enough; text around them counts for nothing."""
    soon, late = (Path(authority(tmp_path / str(days), days=days), "server.crt").read_bytes() for days in (5, 50))
    chain = b"Certificate:\n  Data: \xff\n" + late + soon

    left = days_left(Papers(chain, b"", chain))

    assert 4.9 < left["certificate"] <= 5
    assert 49.9 < left["ca"] <= 50


@pytest.mark.parametrize("pem", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"])
def test_it_may_not_be_known(pem: bytes) -> None:
    """What cannot be read says nothing about its end."""
    assert days_left(Papers(pem, b"", pem)) == {"certificate": inf, "ca": inf}


_SOME = x509.load_pem_x509_certificate(_good_until(datetime(2030, 1, 1))).public_bytes(serialization.Encoding.DER)


@given(st.data())
def test_a_damaged_certificate_fails_nothing(data: st.DataObject) -> None:
    """Wherever it is cut, or changed."""
    der = bytearray(_SOME)
    for _ in range(data.draw(st.integers(0, 4))):
        der[data.draw(st.integers(0, 60))] = data.draw(st.integers(0, 255))
    cut = der[: data.draw(st.integers(0, len(der)))]

    (left,) = each_left(_BEGIN + b64encode(cut) + b"\n-----END CERTIFICATE-----")

    assert isinstance(left, float)
