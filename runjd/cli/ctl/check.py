"""
The verb that reads a configuration without a daemon: check.

TOML is loaded only here: tomllib brings along what costs other verbs their start.
"""

from __future__ import annotations

import os

from runjd.cli.output import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.ctl.call import Call
    from runjd.config.faults import Fault


def check(call: Call) -> int:
    """Write what is wrong with configurations; the exit status is that of the error, or 0."""
    from runjd.config.faults import ConfigError, shown_path
    from runjd.config.files import default_file
    from runjd.config.load import load
    from runjd.runtime.choose import available

    faults: list[Fault] = []
    for file in dict.fromkeys([_whole(each) for each in call.given.words("FILE") or (default_file(),)]):
        try:
            jails = len(load(file, available()).jails)
        except ConfigError as error:
            faults += error.faults
            continue
        if not call.is_json:
            call.out.line(f"{visible(file)}: {jails} jail{'' if jails == 1 else 's'}, nothing wrong")
    if call.is_json:
        keys = [{"file": each.file, "line": each.line, "key": shown_path(each.path)} for each in faults]
        call.put_json_array([{**key, "reason": each.reason} for key, each in zip(keys, faults, strict=True)])
    else:
        call.out.write("".join([f"{visible(str(each))}\n" for each in faults]))
    return ConfigError.exit_status if faults else 0


def _whole(file: str) -> str:
    """Return the runjd.toml that a file of jails.d belongs to: what it says depends on the others."""
    path = os.path.abspath(file)
    directory, name = os.path.split(os.path.dirname(path))
    return os.path.join(directory, "runjd.toml") if name == "jails.d" else path
