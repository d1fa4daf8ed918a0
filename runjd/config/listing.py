"""
A configuration as lines for a report of a fault: what is set otherwise than by default, without what may be secret.

Values of variables and words of commands are left out.
"""

from __future__ import annotations

from runjd.config.difference import difference, keys_of, shown
from runjd.config.model import Configuration, ConfiguredJail, ShortForm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def listing(configuration: Configuration) -> Iterator[str]:
    """Yield a line for each file, each key of the daemon, each rule, and each key of a jail."""
    for file in configuration.files:
        yield f"file {file}"
    for change in difference(Configuration(), configuration._replace(jails=())).changes:
        yield f"{change.key} = {change.after}"
    for jail in configuration.jails:
        yield f"jail {jail.id} ({jail.file})"
        usual = dict(keys_of(ConfiguredJail("", "", short=jail.short and ShortForm())))
        for key, value in keys_of(jail):
            if value != usual.get(key, "") or key.startswith("environment."):
                yield f"    {key} = {_discreet(key, value)}"


def _discreet(key: str, value: object) -> str:
    if key.startswith("environment."):
        return "..."
    if key.rpartition(".")[2] == "command" and isinstance(value, tuple) and value:
        return f"{value[0]} and {len(value) - 1} more" if len(value) > 1 else str(value[0])
    return shown(value)
