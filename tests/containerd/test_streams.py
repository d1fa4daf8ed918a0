"""What the URIs of standard streams mean."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.containerd.streams import BINARY, FIFO, FILE, Streams, for_keeper, path_of, program
from runjd.errors import BadArgument

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)


def test_paths_and_fifos_are_the_same():
    """With and without a scheme."""
    told = {"in": "/f/in", "out": "/f/out", "err": ""}

    assert for_keeper(Streams("/f/in", "/f/out"), "ns", "one") == told
    assert for_keeper(Streams("fifo:///f/in", "fifo:///f/out"), "ns", "one") == told
    assert Streams("/f/in", "/f/out", "/f/err").outputs == {1: "/f/out", 2: "/f/err"}


def test_no_streams_are_none():
    """Neither FIFOs nor files."""
    assert for_keeper(Streams(), "ns", "one") == {"in": "", "out": "", "err": ""}
    assert Streams().outputs == {}
    assert Streams().kind == FIFO


def test_a_file_takes_both_outputs():
    """They come to us, and we write them there."""
    streams = Streams("/f/in", "file:///log/a%20b", "file:///log/other")

    assert streams.kind == FILE
    assert for_keeper(streams, "ns", "one") == {"in": "/f/in", "out": "ours", "err": "ours"}
    assert streams.outputs == {1: "/log/a b", 2: "/log/a b"}


def test_a_terminal_has_one_output():
    """And the keeper holds the FIFOs, so that their client notices nothing while no daemon copies."""
    streams = Streams("/f/in", "/f/out", "/f/err", True)

    assert for_keeper(streams, "ns", "one") == {"in": "/f/in", "out": "/f/out"}
    assert for_keeper(Streams("/f/in", "file:///f/log", "", True), "ns", "one") == {"in": "/f/in"}
    assert streams.outputs == {1: "/f/out"}


def test_a_program_gets_its_arguments_in_pairs():
    """A key without a value is one word."""
    told = for_keeper(Streams(stdout="binary:///bin/log?a=b&c&d="), "ns", "one")

    assert told["argv"] == ["/bin/log", "a", "b", "c", "d"]
    assert told["env"] == {"CONTAINER_ID": "one", "CONTAINER_NAMESPACE": "ns"}
    assert (told["out"], told["err"]) == ("logger", "logger")
    assert Streams(stdout="binary:///bin/log").outputs == {}
    assert Streams(stdout="binary:///bin/log").kind == BINARY
    assert for_keeper(Streams(stdout="binary:///bin/log", terminal=True), "ns", "one")["argv"] == ["/bin/log"]


@pytest.mark.parametrize("uri", ["npipe:///x", "://x", "HTTP://x/y"])
@pytest.mark.parametrize("terminal", [False, True])
def test_other_schemes_are_refused(uri, terminal):
    """By their name."""
    with pytest.raises(BadArgument, match="unknown STDIO scheme"):
        for_keeper(Streams(stdout=uri, terminal=terminal), "ns", "one")


@given(path=WORDS, pairs=st.lists(st.tuples(WORDS, st.one_of(st.just(""), WORDS)), max_size=4))
def test_whatever_a_client_quotes_arrives_as_it_was(path, pairs):
    """In paths and arguments."""
    uri = f"binary:///{quote(path)}?{urlencode(pairs)}"

    argv, _ = program(uri, "ns", "one")

    assert argv == [f"/{path}", *(word for pair in pairs for word in pair if word)]
    assert path_of(f"file:///{quote(path)}") == f"/{path}"


@given(st.builds(Streams, st.text(), st.text(), st.text(), st.booleans()))
def test_nothing_but_a_refusal_comes_of_odd_streams(streams):
    """No other error."""
    try:
        for_keeper(streams, "ns", "one")
        assert streams.kind in (FIFO, FILE, BINARY)
    except BadArgument:
        return
