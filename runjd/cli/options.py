"""
Command lines, read from a table: what argparse does, at a tenth of its start.

A :class:`Program` has options of its own and :class:`Verb` s; a verb has options
and arguments.  :func:`parse` turns the words of the command line into
:class:`Given`; :func:`usage` writes the help.  Pure: nothing is printed, nothing
exits.  Options may stand before, between and behind arguments, but an argument
with ``literal`` takes all the words that follow it as they are, so that
``exec web ls -l`` needs no ``--``.
"""

from __future__ import annotations

from runjd.errors import BadArgument
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WIDTH = 26
#: what ends a row of options, but an argument or the end of the line
_HELP = "help"
_END = "--"
#: what a flag may be said to be, as Go's strconv.ParseBool reads it
_TRUE = frozenset(["1", "t", "T", "true", "True", "TRUE"])
_FALSE = frozenset(["0", "f", "F", "false", "False", "FALSE"])


class Option(Value):
    """
    One option.

    :ivar name: the long name, without dashes.
    :ivar text: what it does, for the help.
    :ivar value: what stands for its value in the help, as ``FILE``; empty: a flag.
    :ivar short: its letter, empty where it has none.
    :ivar choices: the only values it takes, empty for any.
    :ivar many: it may be repeated, and all its values count; else the last one does.
    """

    name: str
    text: str
    value: str = ""
    short: str = ""
    choices: tuple[str, ...] = ()
    many: bool = False


class Argument(Value):
    """
    One positional argument.

    :ivar name: as the help shows it, in capitals.
    :ivar many: it takes all words that are left; only the last may.
    :ivar literal: once it began, nothing is an option any more.
    :ivar first: it begins with whatever word comes first, also with one that looks like an option.
    :ivar choices: the words that a shell offers for it; the verb itself refuses others, and says why.
    """

    name: str
    optional: bool = False
    many: bool = False
    literal: bool = False
    first: bool = False
    choices: tuple[str, ...] = ()


class Verb(Value):
    """
    One verb; ``text`` says in a line what it does, ``more`` is a paragraph for its help, ``aliases`` work, too.

    A name may have two words, as ``demo spec``.
    """

    name: str
    text: str
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    more: str = ""
    aliases: tuple[str, ...] = ()


class Program(Value):
    """
    A program: its name, what it is, its options before the verb, its verbs.

    :ivar elsewhere: words that other programs have for it, and what it is called here.
    """

    name: str
    text: str
    options: tuple[Option, ...]
    verbs: tuple[Verb, ...]
    elsewhere: Mapping[str, str] = {}

    def verb(self, name: str) -> Verb:
        """
        Return the verb of that name.

        :raise BadArgument: there is none; a near miss is named.
        """
        for each in self.verbs:
            if name == each.name or name in each.aliases:
                return each
        family = [each.name for each in self.verbs if each.name.startswith(f"{name} ")]
        if family:
            raise BadArgument(f'"{name}" needs one more word; there are {", ".join(family)}')
        if name in self.elsewhere:
            raise BadArgument(f'unknown verb "{name}"; here that is "{self.name} {self.elsewhere[name]}"')
        hint = _hint(name, [each.name for each in self.verbs]) or f'; "{self.name} help" lists them'
        raise BadArgument(f'unknown verb "{name}"{hint}')


class Given(Value):
    """
    A command line that was understood.

    :ivar verb: empty where only options such as ``--version`` were given.
    :ivar options: values by the option's name; a flag has one empty value.
    :ivar arguments: words by the argument's name.
    :ivar help: help was asked for; then nothing was checked behind it.
    """

    verb: str
    options: Mapping[str, tuple[str, ...]]
    arguments: Mapping[str, tuple[str, ...]]
    help: bool = False

    def flag(self, name: str) -> bool:
        """Return whether the option was given."""
        return name in self.options

    def value(self, name: str, default: str = "") -> str:
        """Return the option's value, the last one where it was repeated."""
        return self.options[name][-1] if name in self.options else default

    def values(self, name: str) -> tuple[str, ...]:
        """Return all values of the option, in order."""
        return self.options.get(name, ())

    def argument(self, name: str, default: str = "") -> str:
        """Return the argument's word, the first where it takes many."""
        return self.arguments[name][0] if self.arguments.get(name) else default

    def words(self, name: str) -> tuple[str, ...]:
        """Return all words of the argument."""
        return self.arguments.get(name, ())


def parse(program: Program, words: Sequence[str]) -> Given:
    """
    Read a command line.

    :param words: without the program's name.
    :raise BadArgument: it makes no sense; the message says what to do.
    """
    options: dict[str, tuple[str, ...]] = {}
    at, ending = _read_options(program.options, words, 0, options)
    if ending == _HELP:
        return Given("", options, {}, help=True)
    if at == len(words):
        return Given("", options, {})
    verb, at = _read_verb(program, words, at)
    arguments: list[str] = []
    while at < len(words):
        # a verb that takes all words as they are has no options
        is_option = not (_slot(verb, 0).literal or _slot(verb, len(arguments)).first)
        at, ending = _read_options(verb.options, words, at, options) if is_option else (at, "")
        if ending == _HELP:
            return Given(verb.name, options, {}, help=True)
        if ending == _END or _slot(verb, len(arguments)).literal:
            arguments.extend(words[at:])
            break
        arguments.extend(words[at : at + 1])
        at += 1
    return Given(verb.name, options, _assign(program, verb, arguments))


def leading(program: Program, words: Sequence[str]) -> Given:
    """Return the options before the verb as far as they can be read, for who must report that a line is wrong."""
    options: dict[str, tuple[str, ...]] = {}
    try:
        _read_options(program.options, words, 0, options)
    except BadArgument:
        pass
    return Given("", options, {})


def usage(program: Program, verb: str = "") -> str:
    """Return the help of the program, or of one verb, in lines of at most 100 characters."""
    if verb:
        return _verb_usage(program, program.verb(verb))
    lines = [f"usage: {program.name} [OPTIONS] VERB ...", "", program.text, "", "verbs:"]
    lines += [f"  {each.name:<{_WIDTH - 4}}  {each.text}" for each in program.verbs]
    lines += ["", "options:", *_option_lines(program.options)]
    lines += ["", f"{program.name} VERB --help tells more of a verb."]
    return "\n".join(lines) + "\n"


def synopsis(program: Program, verb: Verb) -> str:
    """Return one line that shows how the verb is called."""
    parts = [program.name, verb.name]
    if verb.options:
        parts.append("[OPTIONS]")
    for each in verb.arguments:
        shown = f"{each.name}..." if each.many else each.name
        parts.append(f"[{shown}]" if each.optional else shown)
    return " ".join(parts)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that was probably meant, empty where none is near."""
    best, found = max(1, len(word) // 3) + 1, ""
    for each in known:
        distance = _distance(word, each)
        if distance < best:
            best, found = distance, each
    return found


def _read_verb(program: Program, words: Sequence[str], at: int) -> tuple[Verb, int]:
    """Read one word that is a verb, or two."""
    pair = " ".join(words[at : at + 2])
    for each in program.verbs:
        if pair == each.name or pair in each.aliases:
            return each, at + pair.count(" ") + 1
    return program.verb(words[at]), at + 1


def _read_options(
    table: Sequence[Option], words: Sequence[str], at: int, found: dict[str, tuple[str, ...]]
) -> tuple[int, str]:
    """Read options up to the next argument; return where it stands, and what ended them."""
    while at < len(words):
        word = words[at]
        if word == "--":
            return at + 1, _END
        if word == "--help" or (word == "-h" and not any(each.short == "h" for each in table)):
            return at, _HELP
        if word.startswith("--"):
            at = _read_long(table, words, at, found)
        elif word.startswith("-") and word != "-":
            at = _read_cluster(table, words, at, found)
        else:
            break
    return at, ""


def _read_long(table: Sequence[Option], words: Sequence[str], at: int, found: dict[str, tuple[str, ...]]) -> int:
    name, equals, value = words[at][2:].partition("=")
    option = next((each for each in table if each.name == name), None)
    if option is None:
        raise BadArgument(f"unknown option --{name}{_hint(name, [each.name for each in table], '--')}")
    if not option.value:
        return _note_flag(option, value if equals else "true", at + 1, found)
    if equals:
        return _note(option, value, at + 1, found)
    return _note(option, _next_word(option, f"--{name}", words, at), at + 2, found)


def _read_cluster(table: Sequence[Option], words: Sequence[str], at: int, found: dict[str, tuple[str, ...]]) -> int:
    letters = words[at][1:]
    for index, letter in enumerate(letters):
        option = next((each for each in table if each.short == letter), None)
        if option is None:
            within = f" (in {words[at]})" if len(letters) > 1 else ""
            raise BadArgument(f"unknown option -{letter}{within}")
        if option.value:
            attached = letters[index + 1 :]
            if attached:
                return _note(option, attached.removeprefix("="), at + 1, found)
            return _note(option, _next_word(option, f"-{letter}", words, at), at + 2, found)
        if letters[index + 1 : index + 2] == "=":
            return _note_flag(option, letters[index + 2 :], at + 1, found)
        _note(option, "", at, found)
    return at + 1


def _next_word(option: Option, shown: str, words: Sequence[str], at: int) -> str:
    if at + 1 == len(words):
        raise BadArgument(f"option {shown} needs a value: {shown} {option.value}")
    return words[at + 1]


def _note(option: Option, value: str, at: int, found: dict[str, tuple[str, ...]]) -> int:
    if option.choices and value not in option.choices:
        raise BadArgument(f'option --{option.name} cannot be "{value}"; it is one of {", ".join(option.choices)}')
    found[option.name] = (*found.get(option.name, ()), value) if option.many else (value,)
    return at


def _note_flag(option: Option, value: str, at: int, found: dict[str, tuple[str, ...]]) -> int:
    if value in _TRUE:
        return _note(option, "", at, found)
    if value not in _FALSE:
        raise BadArgument(f'option --{option.name} cannot be "{value}"; it is true or false')
    found.pop(option.name, None)
    return at


def _slot(verb: Verb, index: int) -> Argument:
    if index < len(verb.arguments):
        return verb.arguments[index]
    if verb.arguments and verb.arguments[-1].many:
        return verb.arguments[-1]
    return Argument("")


def _assign(program: Program, verb: Verb, words: list[str]) -> dict[str, tuple[str, ...]]:
    assigned: dict[str, tuple[str, ...]] = {}
    left = words
    for each in verb.arguments:
        taken, left = (left, []) if each.many else (left[:1], left[1:])
        if not taken and not each.optional:
            raise BadArgument(f"{each.name} is missing; usage: {synopsis(program, verb)}")
        assigned[each.name] = tuple(taken)
    if left:
        raise BadArgument(f'"{left[0]}" is too much; usage: {synopsis(program, verb)}')
    return assigned


def _verb_usage(program: Program, verb: Verb) -> str:
    lines = [f"usage: {synopsis(program, verb)}", "", verb.text]
    if verb.more:
        lines += ["", verb.more]
    if verb.options:
        lines += ["", "options:", *_option_lines(verb.options)]
    return "\n".join(lines) + "\n"


def _option_lines(options: Sequence[Option]) -> list[str]:
    lines = []
    for each in options:
        names = f"-{each.short}, --{each.name}" if each.short else f"    --{each.name}"
        shown = f"  {names} {each.value}".rstrip()
        text = each.text + (f" ({', '.join(each.choices)})" if each.choices else "")
        if len(shown) < _WIDTH:
            lines.append(f"{shown:<{_WIDTH}}{text}")
        else:
            lines += [shown, " " * _WIDTH + text]
    return lines


def _hint(word: str, known: Iterable[str], before: str = "") -> str:
    found = nearest(word, known)
    quote = "" if before else '"'
    return f"; did you mean {quote}{before}{found}{quote}?" if found else ""


def _distance(one: str, other: str) -> int:
    """Return how many letters must be inserted, deleted, replaced, or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, row = row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = above
    return row[-1]
