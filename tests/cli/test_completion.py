"""What may stand at the end of a command line that is being typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.cli.completion import candidates
from runjd.cli.ctl.table import PROGRAM as RUNJCTL
from runjd.cli.oci.table import PROGRAM as RUNJ

JAILS = ["db", "web-1", "web-2"]


def words_of(line, program=RUNJCTL):
    """Return the candidates for a line; a blank at its end begins another word."""
    return [each.word for each in candidates(program, line.split(" "), lambda: JAILS)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sta", ["start", "status"]),
        ("--sock", ["--socket"]),
        ("--color al", ["always"]),
        ("start ", JAILS),
        ("start web-1 d", ["db"]),
        ("start --wait ", ["none", "ready", "started", "stopped"]),
        ("start --wait=r", ["--wait=ready"]),
        ("start --wait = r", ["ready"]),
        ("start --wait started w", ["web-1", "web-2"]),
        ("kill -s K", ["KILL"]),
        ("kill -as K", ["KILL"]),
        ("log r", ["reopen", "rotate"]),
        ("log rotate d", ["db"]),
        ("logs db ", []),
        ("rm --f", ["--force"]),
        ("check ", [":files"]),
        ("import --to ", [":directories"]),
        ("run --name ", []),
        ("exec db ", [":files"]),
        ("exec -u 0 d", ["db"]),
        ("exec db ls --", [":files"]),
        ("help stat", ["status"]),
        ("nonsense ", []),
        ("--socket /x sta", ["start", "status"]),
        ("-s /x start d", ["db"]),
        ("start -- d", ["db"]),
    ],
)
def test_runjctl(line, expected):
    """Verbs, options, their values and jails are offered where each may stand."""
    assert words_of(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dem", ["demo"]),
        ("demo ", ["download", "oci-image", "spec"]),
        ("demo download --mac", ["--machine"]),
        ("run --bundle ", [":directories"]),
        ("state d", ["db"]),
        ("--log-format j", ["json"]),
    ],
)
def test_runj(line, expected):
    """Also verbs of two words."""
    assert words_of(line, RUNJ) == expected


def test_verbs_are_explained():
    """For shells that show it."""
    [found] = candidates(RUNJCTL, ["statu"], lambda: ())

    assert found.text == "show how jails are"


@given(
    st.sampled_from([RUNJ, RUNJCTL]),
    st.lists(
        st.one_of(
            st.text(max_size=5),
            st.sampled_from(["start", "exec", "demo", "--wait", "=", "--", "-s", "--json", "db", "--color=", "help"]),
        ),
        max_size=7,
    ),
)
def test_whatever_is_typed_is_only_carried_on(program, words):
    """What is offered begins as the last word does, or is what comes behind its equals sign."""
    begun = words[-1] if words else ""

    for each in candidates(program, words, lambda: JAILS):
        assert each.word.startswith((begun, ":")) or "=" in words or begun.endswith("=")
