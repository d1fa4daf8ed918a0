"""The table of verbs, with the role that each needs; :mod:`runjd.protocols.control.authority` asks for it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from runjd.errors import UnknownVerb
from runjd.interfaces import IController
from runjd.policy.access import CONNECTION
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.request import Request
from runjd.protocols.control.verbs.arguments import Argument, Arguments, check_arguments, did_you_mean
from runjd.values import Value


class Verb(Value):
    """
    One verb.

    :ivar role: which includes it.
    :ivar about: what it is about, as :mod:`runjd.policy.access` has it.
    :ivar carry_out: returns its reply, at once or as a coroutine.
    :ivar makes_stream: says of a request whether the connection becomes a stream if it succeeds.
    :ivar jails: which jails a request names, where that is not its ``ID``.
    :ivar finds: which jails it is about that a request does not name; of those who asks may not see he is not told.
    :ivar deed: name and role of a request that is another one than the verb's own; None: it is not.
    :ivar makes_jail: it names a jail that there is not yet.
    """

    name: str
    role: str
    help: str
    carry_out: Callable[[Call], Reply | Coroutine[Any, Any, Reply]]
    words: tuple[Argument[Any], ...] = ()
    keys: tuple[Argument[Any], ...] = ()
    makes_stream: Callable[[Request], bool] | None = None
    about: str = CONNECTION
    jails: Callable[[Arguments, IController], Sequence[str]] | None = None
    finds: Callable[[Arguments, IController], Sequence[str]] | None = None
    deed: Callable[[Arguments], tuple[str, str] | None] | None = None
    makes_jail: bool = False

    def deed_of(self, arguments: Arguments | None) -> tuple[str, str]:
        """Return the name and the role of what is asked; of the verb, where the arguments are not known."""
        found = self.deed(arguments) if self.deed is not None and arguments is not None else None
        return found or (self.name.lower(), self.role)

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


def read_arguments(verb: Verb, request: Request) -> Arguments:
    """Return the arguments of a request for this verb. :raise BadArgument: naming verb and argument."""
    return check_arguments(verb.name, verb.words, verb.keys, request)
