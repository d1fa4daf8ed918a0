"""What the shim says of itself."""

from __future__ import annotations

import json

import pytest

import runjd
from runjd.protocols.ttrpc.fields import read_fields
from tests.cli.shim.program import Shim


def test_containerd_learns_name_version_and_features(shim: Shim) -> None:
    """A RuntimeInfo, whose features are those of runj, by the name that containerd knows them by."""
    done = shim.run("/", ["-info"])
    info = dict(read_fields(done.stdout))
    version, features = (dict(read_fields(part)) for part in (info[2], info[4]) if isinstance(part, bytes))

    assert (done.returncode, info[1], version[1]) == (0, b"io.containerd.runj.v1", runjd.__version__.encode())
    assert features[1] == b"types.containerd.io/opencontainers/runtime-spec/1/features/Features"
    assert json.loads(features[2])["annotations"]["org.runjd.version"] == runjd.__version__


def test_people_learn_the_version(shim: Shim) -> None:
    """By -v; -help shows the rest."""
    assert runjd.__version__.encode() in shim.run("/", ["-v"]).stdout
    assert b"start | delete" in shim.run("/", ["-help"]).stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], b"a verb is missing"),
        (["stop"], b"stop is no verb"),
        (["-namespace", "default", "start"], b"-id was not given"),
        (["-namespace", "default", "-id", "a", "delete"], b"-address was not given"),
        (["-bogus", "start"], b"there is no flag -bogus"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(shim: Shim, words: list[str], complaint: bytes) -> None:
    """With the exit status for that, and the reason in one line."""
    done = shim.run("/", words, separate=True)

    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (64, b"", 1)
    assert complaint in done.stderr
