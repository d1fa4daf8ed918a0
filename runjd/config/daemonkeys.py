"""The keys of the daemon itself."""

from __future__ import annotations

from runjd.config import kinds
from runjd.config.endpoints import ENDPOINT
from runjd.config.kinds import whole
from runjd.config.sections import Key

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
)
