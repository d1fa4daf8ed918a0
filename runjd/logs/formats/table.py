"""All forms of a log, by the name that the configuration gives them."""

from __future__ import annotations

from runjd.logs.formats.cri import CriFormat
from runjd.logs.formats.json import JsonFormat
from runjd.logs.formats.raw import RawFormat
from runjd.logs.formats.ts import TsFormat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runjd.logs.formats.contract import Format

FORMATS: Mapping[str, Format] = {each.name: each for each in (RawFormat(), TsFormat(), JsonFormat(), CriFormat())}
