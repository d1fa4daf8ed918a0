"""Threads for files: one for each mount, so that one that does not answer keeps nobody else waiting."""

from __future__ import annotations

from threading import Event, active_count

import pytest
import pytest_twisted
from twisted.internet import reactor

from runjd.supervise.filethreads import LANES_MAX, REMEMBERED_MAX, FileThreads, mount_of


@pytest.fixture
def files():
    """Return threads; the first word of a path is where it is mounted."""
    made = FileThreads(reactor, lambda path: path.split("/")[1])
    yield made
    made.stop()


@pytest_twisted.ensureDeferred
async def test_a_call_that_does_not_return_keeps_those_of_its_mount_alone(files):
    """They are carried out in order, once it does; those of others, and their errors, come at once."""
    go = Event()
    first = files("/stuck/a", go.wait)
    second = files("/stuck/b", lambda: "second")

    assert await files("/good/a", lambda word: word, "word") == "word"
    with pytest.raises(OSError, match="disk"):
        await files("/good/a", _refuse)
    assert not first.called
    assert not second.called
    go.set()
    assert await second == "second"
    assert first.called


@pytest_twisted.ensureDeferred
async def test_there_are_few_threads(files):
    """Beyond so many mounts the others share one."""
    before, go = active_count(), Event()
    stuck = [files(f"/stuck{number}/a", go.wait) for number in range(LANES_MAX + 50)]

    assert active_count() - before <= LANES_MAX + 1
    go.set()
    for each in stuck:
        await each


@pytest_twisted.ensureDeferred
async def test_where_a_path_is_mounted_is_not_looked_up_for_each_chunk():
    """Which takes the reactor long where there are many mounts; of many paths it is forgotten again."""
    asked = []

    def mount(path):
        asked.append(path)
        return "/"

    made = FileThreads(reactor, mount)
    for _ in range(3):
        await made("/a", int)
    assert asked == ["/a"]
    for number in range(REMEMBERED_MAX):
        await made(f"/{number}", int)
    await made("/a", int)
    assert asked.count("/a") == 2
    made.stop()


def test_the_mount_of_a_path_is_told_by_the_table(tmp_path):
    """The longest point above it counts, and a point is no other name's beginning."""
    table = tmp_path / "mountinfo"
    lines = [f"1 1 0:1 / {point} rw - nfs x rw" for point in ("/", "/srv", "/srv/a\\040b", "/srv/deep/er")]
    table.write_text("\n".join(lines) + "\n")

    found = [
        mount_of(path, str(table)) for path in ("/x", "/srv/x", "/srvx/y", "/srv/a b/c", "/srv/deep/er", "/srv/../x")
    ]

    assert found == ["/", "/srv", "/", "/srv/a b", "/srv/deep/er", "/"]
    assert mount_of("/srv/x/y", str(tmp_path / "none")) == "/srv/x"


def _refuse() -> None:
    raise OSError("disk")
