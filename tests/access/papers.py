"""Certificates of every kind: good ones by our own makers, and bad ones."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runjd.access.certificates import make_authority, make_client
from runjd.config.endpoints import Endpoint
from runjd.config.model import Tls

LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


def authority(directory: Path | str, *names: str, days: int = 30, at: datetime | None = None) -> str:
    """Make an authority and a server's certificate; return the directory."""
    make_authority(str(directory), names or ("localhost", "127.0.0.1"), days, at)
    return str(directory)


def client(directory: str, name: str, days: int = 30, at: datetime | None = None) -> tuple[str, str]:
    """Make a client's certificate; return its path, and that of its key."""
    make_client(directory, name, days, at)
    return f"{directory}/{name}.crt", f"{directory}/{name}.key"


def expired_client(directory: str, name: str) -> tuple[str, str]:
    """Make a client's certificate that was good until yesterday."""
    return client(directory, name, 1, datetime.now(UTC) - timedelta(days=2))


def tls_of(directory: str) -> Tls:
    """Return the configuration of a listener."""
    files = [os.path.join(directory, name) for name in ("server.crt", "server.key", "ca.crt")]
    return Tls(Endpoint(port=0), *files)
