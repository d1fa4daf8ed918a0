"""Command lines, whatever they hold."""

from hypothesis import given
from hypothesis import strategies as st

from runjd.cli.options import Argument, Option, Program, Verb, parse, usage
from runjd.errors import BadArgument

PROGRAM = Program(
    "prog",
    "Does things.",
    (Option("root", "where", "DIR", short="r"), Option("debug", "tell more", short="d")),
    (
        Verb("one", "Takes one.", (Argument("ID"),), (Option("force", "anyway", short="f"),)),
        Verb(
            "run",
            "Takes a command.",
            (Argument("ID"), Argument("COMMAND", many=True, literal=True)),
            (Option("env", "set", "NAME=VALUE", short="e", many=True), Option("tty", "terminal", short="t")),
        ),
    ),
)

WORDS = st.lists(
    st.one_of(
        st.sampled_from(["one", "run", "--", "-", "-f", "-tf", "--env", "--env=A=1", "-eX", "--root", "--force", "-h"]),
        st.text(max_size=6),
    ),
    max_size=8,
)


@given(WORDS)
def test_every_line_is_understood_or_refused(words: list[str]) -> None:
    """No line raises anything but BadArgument, and what is understood came from the line."""
    try:
        found = parse(PROGRAM, words)
    except BadArgument:
        return

    taken = [word for each in found.arguments.values() for word in each]
    assert all(word in words for word in taken)
    assert found.verb == "" or found.verb in words


@given(
    st.lists(st.text(), max_size=3),
    st.booleans(),
    st.text(min_size=1).filter(lambda text: not text.startswith("-")),
    st.lists(st.text(), min_size=1),
)
def test_what_was_written_is_read(env: list[str], tty: bool, id: str, command: list[str]) -> None:
    """A line that is put together from values gives these values back, however the options are written."""
    options = [word for each in env for word in ("-e", each)] + (["-t"] if tty else [])

    for words in (["run", *options, "--", id, *command], ["run", id, *options, "--", *command]):
        found = parse(PROGRAM, words)

        assert (found.values("env"), found.flag("tty")) == (tuple(env), tty)
        assert (found.argument("ID"), found.words("COMMAND")) == (id, tuple(command))


@given(st.lists(st.text(), max_size=3))
def test_a_value_behind_an_equals_sign_is_the_same(values: list[str]) -> None:
    """--env=X and --env X mean the same for every X."""
    joined = parse(PROGRAM, ["run", *(f"--env={each}" for each in values), "id", "--", "true"])

    assert joined.values("env") == tuple(values)


@given(st.sampled_from(["", "one", "run"]))
def test_help_fits_on_a_line(verb: str) -> None:
    """No line of the help is longer than a terminal of 100 columns."""
    assert max(map(len, usage(PROGRAM, verb).splitlines())) <= 100
