"""Tasks on disk."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.containerd.ends import End, end_of
from runjd.containerd.process import STATUSES, TaskProcess
from runjd.containerd.store import TaskStore
from runjd.containerd.streams import Streams
from runjd.containerd.task import Task, task_from_json
from runjd.errors import NotFound
from runjd.policy.facts import ExitRecord
from runjd.protocols.ttrpc.call import Origin

ORIGIN = Origin("/run/containerd/containerd.sock", "/run/events", "ns")
TEXT = st.text(max_size=10)
ENDS = st.one_of(st.none(), st.builds(End, st.integers(0, 255), st.floats(0, 2e9)))


@st.composite
def processes(draw, exec_id=""):
    """Return a process in any state."""
    streams = Streams(draw(TEXT), draw(TEXT), draw(TEXT), draw(st.booleans()))
    made = TaskProcess(exec_id, streams, {"args": [draw(TEXT)]}, draw(TEXT), draw(st.sampled_from(STATUSES)))
    made.pid, made.started, made.end = draw(st.integers(0, 1 << 22)), draw(TEXT), draw(ENDS)
    made.is_told, made.is_input_closed = draw(st.booleans()), draw(st.booleans())
    made.logger = draw(st.sampled_from([(), (7, 8)]))
    return made


@st.composite
def tasks(draw):
    """Return a task with some execs."""
    made = Task(ORIGIN, "one", draw(TEXT), "linux", draw(processes()))
    made.execs = {name: draw(processes(name)) for name in draw(st.sets(st.sampled_from("abc")))}
    made.is_paused, made.deleted = draw(st.booleans()), draw(TEXT)
    made.gone = draw(st.dictionaries(st.sampled_from("xyz"), st.just(["c/1", 5, 0, 1.5])))
    return made


@given(tasks())
def test_a_task_is_read_as_it_was_written(task):
    """Whatever it has gone through."""
    text = json.dumps(task.to_json())

    assert json.dumps(task_from_json(json.loads(text)).to_json()) == text


@given(st.recursive(st.none() | st.integers() | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)))
def test_what_is_no_task_is_refused(document):
    """With one error, whatever it is."""
    with pytest.raises(ValueError, match=r"no (task|process)"):
        task_from_json(document)


def made(id: str = "one") -> Task:
    """Return a task."""
    return Task(ORIGIN, id, "/bundle", "linux", TaskProcess("", Streams(), {}, "c/1", "created"))


def test_tasks_are_found_again_in_the_same_boot_only(private_dir):
    """What another boot left is void, and removed; what cannot be read is left alone."""
    store = TaskStore(private_dir, "boot")
    for id in ("one", "two"):
        store.save(made(id))
    TaskStore(private_dir, "before").save(made("old"))
    with open(f"{private_dir}/ns+broken.json", "w") as file:
        file.write("{")

    assert [task.id for task in store.load()] == ["one", "two"]
    assert sorted(os.listdir(private_dir)) == ["ns+broken.json", "ns+one.json", "ns+two.json"]


def test_a_deleted_task_has_a_name_of_its_own(private_dir):
    """One file for each task, before and after."""
    store, task = TaskStore(private_dir, "boot"), made()
    store.save(task)
    task.deleted = "c/9"
    store.save(task)

    assert os.listdir(private_dir) == ["ns+one.deleted"]
    assert [each.deleted for each in store.load()] == ["c/9"]
    store.remove(task)
    store.remove(task)
    assert os.listdir(private_dir) == []


def test_execs_that_were_deleted_are_remembered_for_a_while():
    """The last sixteen."""
    task = made()
    for number in range(20):
        process = TaskProcess(f"e{number}", Streams(), {}, "c/1", "stopped")
        task.execs[process.exec_id] = process
        task.forget_exec(process, "c/3")

    assert list(task.gone) == [f"e{number}" for number in range(4, 20)]
    with pytest.raises(NotFound, match="process does not exist e19"):
        task.process("e19")


@pytest.mark.parametrize(
    ("record", "status"),
    [
        (ExitRecord(5, 0, None, 1.5), 0),
        (ExitRecord(5, 42, None, 1.5), 42),
        (ExitRecord(5, None, 9, 1.5), 137),
        (ExitRecord(5, None, 15, 1.5), 143),
        (ExitRecord(5, None, None, 1.5), 137),
    ],
)
def test_the_status_is_that_of_a_shell(record, status):
    """Of a process whose end nobody saw, that of SIGKILL."""
    assert end_of(record) == End(status, 1.5)
