"""What is told of jails that a jail waits for."""

from __future__ import annotations

from runjd.errors import Busy, DependencyFailed
from runjd.policy.facts import Event
from runjd.protocols.control.verbs.veil import veiled_error, veiled_event


def sees(jail: str) -> bool:
    """Return whether it is no secret."""
    return not jail.startswith("secret")


def test_an_event_names_no_jail_that_is_not_seen() -> None:
    """It says that there is another one; those that are seen are named, and all else stays."""
    details = (("from", "idle"), ("to", "waiting"), ("reason", "waiting for db (failed), secret-1 (starting)"))
    event = Event(7, 1.0, "web", "state", details)

    assert veiled_event(event, sees).details[-1] == ("reason", "waiting for db (failed), another jail (starting)")
    assert veiled_event(event, sees)._replace(details=details) == event
    assert veiled_event(event, lambda jail: True) is event


def test_who_leans_on_a_jail_is_veiled_as_what_it_leans_on() -> None:
    """Also where a stop waits for it."""
    event = Event(7, 1.0, "web", "state", (("reason", "waiting for secret-1, b, secret-2 and 4 more to stop"),))

    (detail,) = veiled_event(event, sees).details
    assert detail == ("reason", "waiting for another jail, b, another jail and 4 more to stop")


def test_an_error_names_no_jail_that_is_not_seen() -> None:
    """The one about what a start waits for in vain; others are what they are."""
    error = DependencyFailed('jail "web" is waiting for secret (failed)', jail="web")
    veiled = veiled_error(error, sees)

    assert (veiled.code, str(veiled)) == ("DEPEND", 'jail "web" is waiting for another jail (failed)')
    assert veiled.details == {"jail": "web"}
    other = Busy("waiting for secret (failed)")
    assert veiled_error(other, sees) is other
    assert veiled_error(error, lambda jail: True) is error
