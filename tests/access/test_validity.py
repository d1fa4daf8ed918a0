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

from runjd.access.validity import days_left
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

    assert days_left(_good_until(end), now) == 1.5


def test_the_first_of_several_counts(tmp_path: Path) -> None:
    """Behind it are those of its authority; text around it counts for nothing."""
    directory = authority(tmp_path / "tls", days=5)
    own, ca = (Path(f"{directory}/{name}.crt").read_bytes() for name in ("server", "ca"))

    assert 4.9 < days_left(b"Certificate:\n  Data: \xff\n" + own + ca) <= 5


@pytest.mark.parametrize("pem", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"])
def test_it_may_not_be_known(pem: bytes) -> None:
    """What cannot be read says nothing about its end."""
    assert days_left(pem) == inf


_SOME = x509.load_pem_x509_certificate(_good_until(datetime(2030, 1, 1))).public_bytes(serialization.Encoding.DER)


@given(st.data())
def test_a_damaged_certificate_fails_nothing(data: st.DataObject) -> None:
    """Wherever it is cut, or changed."""
    der = bytearray(_SOME)
    for _ in range(data.draw(st.integers(0, 4))):
        der[data.draw(st.integers(0, 60))] = data.draw(st.integers(0, 255))
    cut = der[: data.draw(st.integers(0, len(der)))]

    assert isinstance(days_left(_BEGIN + b64encode(cut) + b"\n-----END CERTIFICATE-----"), float)
