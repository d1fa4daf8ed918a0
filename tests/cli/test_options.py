"""Command lines read from a table."""

import pytest

from runjd.cli.options import Argument, Option, Program, Verb, nearest, parse, usage
from runjd.errors import BadArgument

FORCE = Option("force", "do it anyway", short="f")
ENV = Option("env", "set a variable", "NAME=VALUE", short="e", many=True)
FORMAT = Option("format", "how", "FORMAT", choices=("table", "json"))
PROGRAM = Program(
    "prog",
    "Does things.",
    (Option("root", "where", "DIR", short="r"), Option("debug", "tell more"), Option("version", "print it")),
    (
        Verb("list", "Print all.", options=(FORMAT, Option("quiet", "less", short="q"))),
        Verb("delete", "Take one away.", (Argument("ID"),), (FORCE,)),
        Verb("kill", "Signal one.", (Argument("ID"), Argument("SIGNAL", optional=True)), (FORCE,)),
        Verb(
            "exec",
            "Run another program.",
            (Argument("ID"), Argument("COMMAND", optional=True, many=True, literal=True)),
            (ENV, Option("tty", "a terminal", short="t"), FORCE),
            "What is not said is as before.",
        ),
        Verb("copy", "Many words.", (Argument("WORD", many=True),), (FORCE,)),
        Verb("demo run", "Run.", aliases=("show run",)),
        Verb("demo walk", "Walk."),
    ),
    {"rm": "delete"},
)


def test_options_stand_before_between_and_behind_arguments() -> None:
    """An option of a verb may stand anywhere behind the verb."""
    for line in ("kill -f web TERM", "kill web -f TERM", "kill web TERM --force"):
        given = parse(PROGRAM, line.split())

        assert (given.flag("force"), given.argument("ID"), given.argument("SIGNAL")) == (True, "web", "TERM")


def test_a_literal_argument_takes_everything_behind_it() -> None:
    """Once the command of exec began, options belong to the command."""
    given = parse(PROGRAM, ["exec", "-t", "web", "ls", "-t", "--", "--force"])

    assert given.words("COMMAND") == ("ls", "-t", "--", "--force")
    assert given.flag("tty")
    assert not given.flag("force")


@pytest.mark.parametrize("line", ["exec -- web ls -l", "exec web -- ls -l", "exec web ls -l"])
def test_two_dashes_end_the_options(line: str) -> None:
    """Behind -- nothing is an option, and the -- itself is no argument."""
    given = parse(PROGRAM, line.split())

    assert (given.argument("ID"), given.words("COMMAND")) == ("web", ("ls", "-l"))


def test_an_argument_may_begin_with_a_dash_behind_two_dashes() -> None:
    """What looks like an option can be given as an argument."""
    assert parse(PROGRAM, ["delete", "--", "--force"]).argument("ID") == "--force"


def test_a_lone_dash_is_an_argument() -> None:
    """A single dash stands for itself."""
    assert parse(PROGRAM, ["delete", "-"]).argument("ID") == "-"


def test_values_are_given_behind_a_blank_or_an_equals_sign() -> None:
    """--root X, --root=X, -r X, -rX and -r=X are the same."""
    for words in (["--root", "/x"], ["--root=/x"], ["-r", "/x"], ["-r/x"], ["-r=/x"]):
        assert parse(PROGRAM, [*words, "list"]).value("root") == "/x"


def test_two_dashes_can_be_the_value_of_an_option() -> None:
    """A word behind an option that takes a value is that value, whatever it looks like."""
    given = parse(PROGRAM, ["exec", "-e", "--", "web", "ls"])

    assert (given.values("env"), given.argument("ID")) == (("--",), "web")


def test_short_flags_are_written_together() -> None:
    """A cluster holds flags, and a value's option at its end."""
    given = parse(PROGRAM, ["exec", "-tfe", "A=1", "web", "ls"])

    assert (given.flag("tty"), given.flag("force"), given.values("env")) == (True, True, ("A=1",))


def test_the_last_of_several_values_counts_unless_all_do() -> None:
    """An option that is repeated replaces itself, or collects."""
    given = parse(PROGRAM, ["--root", "a", "--root", "b", "exec", "-e", "A=1", "-e", "B=2", "web", "ls"])

    assert (given.value("root"), given.values("env")) == ("b", ("A=1", "B=2"))


@pytest.mark.parametrize(
    ("line", "forced"),
    [
        ("delete --force=true web", True),
        ("delete --force=1 web", True),
        ("delete -f=T web", True),
        ("delete --force=false web", False),
        ("delete -f=0 web", False),
        ("delete --force --force=FALSE web", False),
    ],
)
def test_a_flag_may_have_a_value(line: str, forced: bool) -> None:
    """As callers of other runtimes write it; the last one counts."""
    assert parse(PROGRAM, line.split()).flag("force") == forced


@pytest.mark.parametrize("line", ["demo run", "show run"])
def test_a_verb_may_have_two_words(line: str) -> None:
    """The pair is looked for first, and aliases may be pairs, too."""
    assert parse(PROGRAM, line.split()).verb == "demo run"


def test_an_empty_value_is_a_value() -> None:
    """--root= gives an empty value, which is not the default."""
    given = parse(PROGRAM, ["--root=", "list"])

    assert (given.value("root", "default"), given.flag("root")) == ("", True)


def test_only_options_need_no_verb() -> None:
    """--version can be asked without a verb."""
    given = parse(PROGRAM, ["--version"])

    assert (given.verb, given.flag("version")) == ("", True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lst", 'unknown verb "lst"; did you mean "list"?'),
        ("xyzzy", 'unknown verb "xyzzy"; "prog help" lists them'),
        ("rm web", 'unknown verb "rm"; here that is "prog delete"'),
        ("delete --fore web", "unknown option --fore; did you mean --force?"),
        ("delete -x web", "unknown option -x"),
        ("delete -fx web", "unknown option -x (in -fx)"),
        ("delete --force=yes web", 'option --force cannot be "yes"; it is true or false'),
        ("delete -f=maybe web", 'option --force cannot be "maybe"; it is true or false'),
        ("demo", '"demo" needs one more word; there are demo run, demo walk'),
        ("demo fly", '"demo" needs one more word; there are demo run, demo walk'),
        ("demo run fast", '"fast" is too much; usage: prog demo run'),
        ("exec web --env", "option --env needs a value: --env NAME=VALUE"),
        ("exec -e", "option -e needs a value: -e NAME=VALUE"),
        ("list --format xml", 'option --format cannot be "xml"; it is one of table, json'),
        ("delete", "ID is missing; usage: prog delete [OPTIONS] ID"),
        ("delete a b", '"b" is too much; usage: prog delete [OPTIONS] ID'),
        ("list x", '"x" is too much; usage: prog list [OPTIONS]'),
        ("copy", "WORD is missing; usage: prog copy [OPTIONS] WORD..."),
    ],
)
def test_a_wrong_line_is_refused_with_what_to_do(line: str, message: str) -> None:
    """Each mistake has one sentence that names it."""
    with pytest.raises(BadArgument) as caught:
        parse(PROGRAM, line.split())

    assert str(caught.value) == message


@pytest.mark.parametrize(("line", "verb"), [("--help", ""), ("-h", ""), ("kill --help", "kill"), ("exec -h", "exec")])
def test_help_can_be_asked_for_everywhere(line: str, verb: str) -> None:
    """Help of the program or of the verb is asked for, even where arguments are missing."""
    given = parse(PROGRAM, line.split())

    assert (given.help, given.verb) == (True, verb)


def test_help_behind_a_command_is_the_commands() -> None:
    """exec web ls --help asks ls."""
    given = parse(PROGRAM, ["exec", "web", "ls", "--help"])

    assert (given.help, given.words("COMMAND")) == (False, ("ls", "--help"))


def test_the_help_shows_every_verb_and_option() -> None:
    """The help is made of the table."""
    text = usage(PROGRAM)

    assert all(f"  {each.name} " in text for each in PROGRAM.verbs)
    assert "-r, --root DIR" in text
    assert "What is not said is as before." in usage(PROGRAM, "exec")
    assert "how (table, json)" in usage(PROGRAM, "list")


def test_a_near_miss_is_found_by_the_least_change() -> None:
    """Letters swapped, missing, added or wrong are near; other words are not."""
    known = ["create", "start", "state", "delete"]

    assert [nearest(word, known) for word in ("craete", "strat", "stat", "deletes", "zzz", "")] == [
        "create",
        "start",
        "start",
        "delete",
        "",
        "",
    ]
