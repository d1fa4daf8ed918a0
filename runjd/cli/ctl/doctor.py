"""The verb that looks at the host: doctor."""

from __future__ import annotations

import os

from runjd.cli.ctl.own_checks import check_own
from runjd.cli.output import Cell, Column
from runjd.runtime.findings import BAD, GOOD, LACKING
from runjd.runtime.host_checks import check_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.ctl.call import Call

_STATE = "/var/run/runjd"
_LOG = "/var/log/runjd"
_STYLES = {GOOD: "good", LACKING: "warn", BAD: "bad"}


def doctor(call: Call) -> int:
    """Tell what the host has and lacks, and how to get it; 1 where jails cannot be made."""
    from runjd.config.files import default_file

    state, config = call.given.value("state", _STATE), call.given.value("config", default_file())
    found = [*check_host((state, call.given.value("log", _LOG))), *check_own(state, os.path.abspath(config))]
    if call.is_json:
        call.put_json_array([each._asdict() for each in found])
    else:
        columns = [Column("LOOKED AT"), Column("IS"), Column("FOUND", shrinks=True)]
        call.out.table(
            columns, [[Cell(each.subject), Cell(each.level, _STYLES[each.level]), Cell(each.text)] for each in found]
        )
        for each in found:
            if each.advice:
                call.notice(f"{each.subject}: {each.advice}")
    return 1 if any(each.level == BAD for each in found) else 0
