"""What a new daemon remembers of jails: what it was asked to run in this boot, and what outlasts a reboot."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.logger import Logger

from runjd.policy.desire import at_boot
from runjd.policy.facts import Definition
from runjd.supervise.definitions import Definitions, Known
from runjd.supervise.wishes import Wish, Wishes


class Recall:
    """
    The memory of a daemon that begins.

    :ivar wishes: what was wanted, by jail, of those of which somebody said something.
    """

    _log = Logger()

    def __init__(self, definitions: Definitions, wishes: Wishes) -> None:
        self._definitions = definitions
        self.wishes = wishes.load()

    def jails(self) -> Iterator[Known]:
        """Return the jails that are known before the configuration is read."""
        seen = set()
        for known in self._definitions.load():
            id = known.definition.id
            if known.is_of_this_boot:
                seen.add(id)
                yield known
            elif known.is_configured:
                seen.add(id)
                yield self.configured(known.definition)._replace(last_exit=known.last_exit)
            elif id not in self.wishes:
                self._log.info("{jail} was a job of an earlier boot; it is forgotten", jail=id)
                self._definitions.remove(id)
        for id, wish in list(self.wishes.items()):
            if id not in seen and wish.definition is not None:
                yield _after_boot(wish.definition, wish, is_configured=False)

    def configured(self, definition: Definition) -> Known:
        """Return what is known of a jail of the configuration of which this boot has no record."""
        wish = self.wishes.get(definition.id)
        if wish is None:
            return Known(definition, "", is_configured=True)
        return _after_boot(definition, wish, is_configured=True)


def _after_boot(definition: Definition, wish: Wish, is_configured: bool) -> Known:
    settings = definition.settings
    is_said = bool(wish.want) or wish.enabled is not None or not is_configured
    want = at_boot(wish.want, wish.enabled, settings) if is_said else ""
    return Known(definition, want, is_configured=is_configured, enabled=wish.enabled)
