"""Whatever is called comes back with an answer or an error of ours; the keeper can do nothing."""

from __future__ import annotations

import os
import tempfile
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from runjd.container.operations import Operations
from runjd.containerd.methods import _METHODS
from runjd.containerd.proto import task_pb2 as pb
from runjd.containerd.side import ContainerdSide, containerd_side
from runjd.errors import RunjdError, RuntimeFailure
from runjd.protocols.ttrpc.call import Call, Caller, Origin
from runjd.runtime.choose import RUNTIMES
from runjd.supervise.connection import AbsentKeeper

ORIGIN = Origin("/run/containerd/containerd.sock", "", "ns")
METHODS = [*_METHODS, "Wait"]
WORDS = st.text(max_size=8)
CREATE = st.builds(
    pb.CreateTaskRequest,
    id=WORDS,
    bundle=st.one_of(WORDS, st.just("/bundle")),
    terminal=st.booleans(),
    stdin=WORDS,
    stdout=st.one_of(WORDS, st.sampled_from(["binary:///a?b", "binary://a", "fifo:///x", "x://y"])),
    checkpoint=st.one_of(st.just(""), WORDS),
    rootfs=st.lists(st.builds(pb.Mount, type=WORDS, source=WORDS, target=WORDS, options=st.lists(WORDS)), max_size=2),
)
EXEC = st.builds(pb.ExecProcessRequest, id=WORDS, exec_id=WORDS, stdout=WORDS)


class UnableKeeper(AbsentKeeper):
    """A keeper that can make nothing."""

    def create(self, jail, bundle, runtime, *, stdio, mounts, note, scopes):
        return fail(RuntimeFailure("make the jail", "nothing can be made"))


@pytest.fixture(scope="module")
def side():
    """Return tasks, with a keeper that can do nothing."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.mkdir(f"{directory}/tasks", 0o700)
        made = containerd_side(
            f"{directory}/tasks",
            Clock(),
            maybeDeferred,
            lambda path, call, *words: maybeDeferred(call, *words),
            UnableKeeper,
            Operations(f"{directory}/state", RUNTIMES, time.time),
            "linux",
        )
        yield made
        made.stop()
        assert os.listdir(f"{directory}/tasks") == []


def outcome(side: ContainerdSide, method: str, payload: bytes, service: str = "containerd.task.v3.Task") -> object:
    """Return an answer, or the error."""
    call = Call(service, method, payload, (), 0.0, Caller(ORIGIN, "c", 1))
    found: list[object] = []
    called: Deferred[bytes] = maybeDeferred(side.services.call, call)
    called.addBoth(found.append)
    assert found, "nobody can be waited for"
    return found[0].value if isinstance(found[0], Failure) else found[0]


@given(method=st.sampled_from(METHODS), payload=st.binary(max_size=64))
def test_odd_bytes_are_answered(side, method, payload):
    """By every method."""
    assert isinstance(outcome(side, method, payload), RunjdError | bytes)


@given(request=st.one_of(CREATE, EXEC))
def test_odd_requests_are_answered_and_leave_nothing(side, request):
    """No task is there that could not be made."""
    method = "Create" if isinstance(request, pb.CreateTaskRequest) else "Exec"

    assert isinstance(outcome(side, method, request.SerializeToString()), RunjdError)
    assert list(side.tasks) == []


@given(service=WORDS, method=WORDS)
def test_unknown_services_and_methods_are_refused(side, service, method):
    """Each by its name."""
    error = outcome(side, method, b"", service)

    assert isinstance(error, RunjdError)
    assert "not implemented" in str(error)
