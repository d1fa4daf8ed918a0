"""The table of verbs, and the one place that says who may use which."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from runjd.errors import Denied, UnknownVerb
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.request import Request
from runjd.protocols.control.roles import Principal, is_allowed
from runjd.protocols.control.verbs.arguments import Argument, Arguments, check_arguments, did_you_mean
from runjd.values import Value


class Verb(Value):
    """
    One verb.

    ``carry_out`` returns its reply, at once or as a coroutine; ``makes_stream``
    says of a request whether the connection becomes a stream if it succeeds.
    """

    name: str
    role: str
    help: str
    carry_out: Callable[[Call], Reply | Coroutine[Any, Any, Reply]]
    words: tuple[Argument[Any], ...] = ()
    keys: tuple[Argument[Any], ...] = ()
    makes_stream: Callable[[Request], bool] | None = None

    @property
    def usage(self) -> str:
        """How it is written, as HELP shows it."""
        parts = [self.name.lower()]
        for word in self.words:
            text = word.name + ("..." if word.is_repeated else "")
            parts.append(text if word.is_required else f"[{text}]")
        for key in self.keys:
            parts.append(f"[{key.name}{'.N' if key.is_repeated else ''}={key.form}]")
        return " ".join(parts)


class VerbTable:
    """All verbs, by name."""

    def __init__(self, verbs: Sequence[Verb]) -> None:
        self.verbs: Mapping[str, Verb] = {verb.name: verb for verb in verbs}

    def find(self, name: str) -> Verb:
        """Return the verb. :raise UnknownVerb: naming a near miss."""
        verb = self.verbs.get(name)
        if verb is None:
            hint = did_you_mean(name.lower(), [each.lower() for each in self.verbs])
            raise UnknownVerb(f'no verb "{name.lower()[:40]}"{hint or "; try help"}')
        return verb


def authorise(principal: Principal, verb: Verb) -> None:
    """:raise Denied: this principal may not use this verb."""
    if not is_allowed(principal.role, verb.role):
        raise Denied(f"{verb.name.lower()} needs the role {verb.role}", verb=verb.name.lower(), role=principal.role)


def read_arguments(verb: Verb, request: Request) -> Arguments:
    """Return the arguments of a request for this verb. :raise BadArgument: naming verb and argument."""
    return check_arguments(verb.name, verb.words, verb.keys, request)
