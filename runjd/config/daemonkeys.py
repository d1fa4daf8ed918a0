"""The keys of the daemon itself."""

from __future__ import annotations

from runjd.config import kinds
from runjd.config.endpoints import ENDPOINT
from runjd.config.kinds import whole
from runjd.config.model import Tls
from runjd.config.sections import Key, Section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def _check(tls: Tls, given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key in ("listen", "certificate", "key", "ca"):
        if key not in given:
            yield key, "is missing; TLS needs listen, certificate, key and ca"
    if tls.listen is not None and tls.listen.path:
        yield "listen", "is a Unix socket, which needs no TLS; give tcp:PORT"


TLS = Section(
    "a table with listen, certificate, key and ca",
    Tls(),
    (Key("listen", ENDPOINT), Key("certificate", kinds.PATH), Key("key", kinds.PATH), Key("ca", kinds.PATH)),
    check=_check,
)
DAEMON = (
    Key("state", kinds.PATH),
    Key("log", kinds.PATH),
    Key("data", kinds.PATH),
    Key("control", kinds.PATH),
    Key("group", kinds.TEXT),
    Key("audit", kinds.PATH),
    Key("keeper", kinds.PATH),
    Key("runtime", kinds.TEXT),
    Key("parallel", whole(1, 1000)),
    Key("shutdown", kinds.SPAN),
    Key("metrics", ENDPOINT),
    Key("tls", TLS),
)
