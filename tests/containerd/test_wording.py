"""What containerd's clients are told where something cannot be done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.containerd.wording import check_status, no_streams, told
from runjd.errors import Busy, RuntimeFailure, SpecError, from_record
from runjd.protocols.ttrpc.status import UNKNOWN, TtrpcError

STARTING = "unable to start container process: "
WITHIN = "error during container init: "


@pytest.mark.parametrize(
    ("verb", "error", "words"),
    [
        (
            "create",
            RuntimeFailure('exec: "x"', "executable file not found in $PATH", "process.args[0]"),
            f'create failed: runj create failed: {STARTING}exec: "x": executable file not found in $PATH',
        ),
        (
            "exec",
            RuntimeFailure('exec: "x"', "executable file not found in $PATH", "process.args[0]"),
            f'exec failed: exec failed: {STARTING}exec: "x": executable file not found in $PATH',
        ),
        (
            "create",
            RuntimeFailure("x", "y", "mounts[7]"),
            f"create failed: runj create failed: {STARTING}{WITHIN}error mounting to rootfs: x: y (mounts[7])",
        ),
        (
            "start",
            RuntimeFailure("run the hook", "no", "hooks.poststart[0]"),
            f"start failed: {STARTING}{WITHIN}error running hook: run the hook: no (hooks.poststart[0])",
        ),
        ("create", RuntimeFailure("x", "y", "linux.z"), f"create failed: runj create failed: {STARTING}x: y (linux.z)"),
        ("create", RuntimeFailure("x", "y"), f"create failed: runj create failed: {STARTING}x: y"),
        ("create", SpecError("root", "is missing", "f"), "create failed: runj create failed: f: root: is missing"),
    ],
)
def test_what_the_runtime_cannot_do_is_told_in_the_words_of_runc(verb, error, words):
    """With what was wrong at the end; also where another process found it."""
    for each in (error, from_record(error.to_record())):
        refused = told(verb, each)

        assert isinstance(refused, TtrpcError)
        assert (refused.number, str(refused)) == (UNKNOWN, f"OCI runtime {words}")


def test_what_says_nothing_of_the_container_is_passed_on():
    """As it is, with a code by which the caller knows that."""
    busy = Busy("not now")

    assert told("create", busy) is busy


def test_streams_have_words_of_their_own():
    """A logger that cannot be started is none of the runtime's business."""
    refused = told("create", RuntimeFailure("start the logger", "/x: no such file or directory"))

    reason = "failed to start binary process: /x: no such file or directory"
    assert str(refused) == f"failed to create init process I/O: {reason}" == str(no_streams(reason))


@given(st.sampled_from(["pause", "resume", "exec", "update", "checkpoint"]), st.sampled_from(["created", "running"]))
def test_what_fits_is_let_through(verb, status):
    """Only a task that runs is paused, and only one that is not yet stopped is anything else."""
    fits = {"pause": ["running"], "resume": [], "exec": ["created", "running"]}
    fits |= {"update": ["created", "running"], "checkpoint": ["running"]}

    if status in fits[verb]:
        check_status(verb, status)
    else:
        with pytest.raises(TtrpcError, match=f"cannot {verb} ") as caught:
            check_status(verb, status)
        assert caught.value.number == UNKNOWN


@pytest.mark.parametrize("verb", ["pause", "resume", "exec", "update", "checkpoint"])
def test_what_has_ended_takes_nothing(verb):
    """And each says so."""
    with pytest.raises(TtrpcError, match=f"cannot {verb} .*stopped"):
        check_status(verb, "stopped")
