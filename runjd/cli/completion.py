"""
What may stand at the end of a command line that is being typed.

The shells ask for it at each press of the key, so there is one answer to be kept
right, the table of the program, and not a copy of it for each shell.  Pure.
"""

from __future__ import annotations

from runjd.cli.options import Argument
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from runjd.cli.options import Option, Program, Verb

#: what the shell completes itself, by what stands for the value in the help
FILES, DIRECTORIES = ":files", ":directories"
_BY_SHELL = {
    "FILE": FILES,
    "PATH": FILES,
    "SOCKET": FILES,
    "COMMAND": FILES,
    "ARGUMENT": FILES,
    "DIR": DIRECTORIES,
    "BUNDLE": DIRECTORIES,
}
_SIGNALS = ("HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "CONT", "STOP")


class Candidate(Value):
    """A word that may stand there, and what it is, for shells that show that."""

    word: str
    text: str = ""


def candidates(program: Program, words: Sequence[str], ids: Callable[[], Iterable[str]]) -> list[Candidate]:
    """
    Return what may stand in the place of the last word.

    :param words: of the command line, without the program's name; the last one is begun, and may be empty.
    :param ids: returns the jails or containers that there are; only asked where one may be named.
    :return: sorted; or one of :data:`FILES` and :data:`DIRECTORIES`, where the shell knows better.
    """
    *before, begun = _joined(words) or [""]
    read = _read(program, before)
    if read.waiting is not None:
        return _matching(_values(read.waiting.name, read.waiting.value, read.waiting.choices, ids), begun)
    options = read.verb.options if read.verb else program.options
    if begun.startswith("-") and not read.literal:
        return _of_options(options, begun, ids, is_split="=" in words[-2:])
    if read.verb is None:
        return _matching(_verbs(program, read.family), begun)
    slot = _slot(read.verb, read.arguments)
    if slot.name == "VERB":
        return _matching([Candidate(each.name, each.text) for each in program.verbs], begun)
    return _matching(_values(slot.name, slot.name, slot.choices, ids), begun)


class _Read(Value):
    """
    What stands before the last word.

    :ivar family: the first word of a verb that has two, or a word that is no verb.
    :ivar arguments: how many the verb has.
    :ivar waiting: the option whose value comes next.
    :ivar literal: nothing is an option any more.
    """

    verb: Verb | None = None
    family: str = ""
    arguments: int = 0
    waiting: Option | None = None
    literal: bool = False


def _joined(words: Sequence[str]) -> list[str]:
    """Put ``--wait``, ``=``, ``started`` together again: bash takes them for three words."""
    joined: list[str] = []
    for word in words:
        is_value = joined and joined[-1].startswith("--") and joined[-1].endswith("=")
        if joined and ((word == "=" and joined[-1].startswith("--")) or is_value):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _read(program: Program, words: Sequence[str]) -> _Read:
    read, table = _Read(), program.options
    for word in words:
        if read.waiting is not None:
            read = read._replace(waiting=None)
        elif word.startswith("-") and word != "-" and not read.literal:
            read = read._replace(waiting=_needs_value(table, word), literal=word == "--")
        elif read.verb is None:
            family = f"{read.family} {word}".strip()
            verb = next((each for each in program.verbs if family == each.name or family in each.aliases), None)
            read = read._replace(verb=verb, family=family, literal=verb is not None and _slot(verb, 0).literal)
            table = verb.options if verb else table
        else:
            # what takes all words as they are begins with its first one
            literal = read.literal or _slot(read.verb, read.arguments).literal
            read = read._replace(arguments=read.arguments + 1, literal=literal)
    return read


def _needs_value(table: Iterable[Option], word: str) -> Option | None:
    """Return the option that takes the next word as its value."""
    for each in table:
        if each.value and (word == f"--{each.name}" or (each.short and _ends_with(word, each.short))):
            return each
    return None


def _ends_with(word: str, letter: str) -> bool:
    return word.startswith("-") and not word.startswith("--") and word.endswith(letter)


def _of_options(
    options: Iterable[Option], begun: str, ids: Callable[[], Iterable[str]], *, is_split: bool
) -> list[Candidate]:
    name, equals, value = begun.partition("=")
    if not equals:
        help_ = Candidate("--help", "show the help")
        return _matching([*(Candidate(f"--{each.name}", each.text) for each in options), help_], begun)
    option = next((each for each in options if f"--{each.name}" == name), None)
    found = _matching(_values(option.name, option.value, option.choices, ids), value) if option else []
    if is_split:
        return found
    return [each if each.word.startswith(":") else Candidate(f"{name}={each.word}", each.text) for each in found]


def _verbs(program: Program, family: str) -> list[Candidate]:
    """Return the verbs, or the second words of those whose first is there."""
    if family:
        members = [each for each in program.verbs if each.name.startswith(f"{family} ")]
        return [Candidate(each.name.removeprefix(f"{family} "), each.text) for each in members]
    return [Candidate(each.name.split()[0], "" if " " in each.name else each.text) for each in program.verbs]


def _values(name: str, shown: str, choices: Sequence[str], ids: Callable[[], Iterable[str]]) -> list[Candidate]:
    if choices:
        return [Candidate(each) for each in choices]
    if shown in ("ID", "JAIL", "PATTERN") and name != "name":
        return [Candidate(each) for each in ids()]
    if shown == "SIGNAL":
        return [Candidate(each) for each in _SIGNALS]
    return [Candidate(_BY_SHELL[shown])] if shown in _BY_SHELL else []


def _matching(found: Iterable[Candidate], begun: str) -> list[Candidate]:
    by_word = {each.word: each for each in found if each.word.startswith((begun, ":"))}
    return [by_word[word] for word in sorted(by_word)]


def _slot(verb: Verb, index: int) -> Argument:
    if index < len(verb.arguments):
        return verb.arguments[index]
    return verb.arguments[-1] if verb.arguments and verb.arguments[-1].many else Argument("")
