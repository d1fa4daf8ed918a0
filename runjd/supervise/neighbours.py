"""Which jails name which, as they come, go, and change."""

from __future__ import annotations

from collections.abc import Collection

from runjd.policy.settings import Settings


class Neighbours:
    """The order of all jails from behind: who is asked about whom when something becomes of him."""

    def __init__(self) -> None:
        self._settings: dict[str, Settings] = {}
        self._required_by: dict[str, dict[str, None]] = {}
        self._named_by: dict[str, dict[str, None]] = {}

    def learn(self, id: str, settings: Settings) -> None:
        """A jail is there, with these settings."""
        self.forget(id)
        self._settings[id] = settings
        for name in settings.requires:
            self._required_by.setdefault(name, {})[id] = None
        for name in (*settings.requires, *settings.after):
            self._named_by.setdefault(name, {})[id] = None

    def forget(self, id: str) -> None:
        """A jail is gone; those that name it still do."""
        settings = self._settings.pop(id, None)
        if settings is not None:
            for name in (*settings.requires, *settings.after):
                for each in (self._required_by, self._named_by):
                    each.get(name, {}).pop(id, None)
                    if not each.get(name, True):
                        del each[name]

    def required_by(self, id: str) -> Collection[str]:
        """Return those that require a jail."""
        return self._required_by.get(id, ())

    def named_by(self, id: str) -> Collection[str]:
        """Return those that require a jail or come after it."""
        return self._named_by.get(id, ())
