"""The interpreter cannot be written to by whom it enters."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runjd.kernel import mount
from runjd.runtime import sealed
from tests.memory import memory_of

pytestmark = pytest.mark.root

PROGRAM = """
import sys
sys.path.insert(0, {checkout!r})
from runjd.runtime import sealed
sealed.seal()
import os
print(os.getpid(), sealed.is_sealed(), "runjd-sealed" in sys._xoptions, *sys.argv[1:], flush=True)
sys.stdin.read()
"""
#: another one, for how it was built: with all of it in one file, which most distributions do
SYSTEMS = "/usr/bin/python3"


class Running:
    """
    A program that sealed itself and waits.

    :ivar words: what it said.
    """

    def __init__(self, python: str, *options: str, before: str = "", env: dict[str, str] | None = None) -> None:
        program = before + PROGRAM.format(checkout=os.getcwd())
        self._child = subprocess.Popen(
            [python, *options, "-c", program, "argument"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        assert self._child.stdout is not None
        self.pid = self._child.pid
        self.words = self._child.stdout.readline().split()

    def end(self) -> int:
        """Let it end; return its exit status."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.stdout.close()
        return self._child.wait()


@pytest.fixture(params=[sys.executable, SYSTEMS], ids=["our interpreter", "the system's"])
def python(request: pytest.FixtureRequest, private_dir: str) -> str:
    """Return a copy of an interpreter, as nobody can write to a program that runs elsewhere too."""
    real = os.path.realpath(request.param)
    asks = "import sys; sys.exit(sys.version_info < (3, 11))"
    if not os.path.exists(real) or subprocess.run([real, "-c", asks], check=False).returncode:
        pytest.skip("no Python of 3.11 or newer")
    path = os.path.join(private_dir, "bin", os.path.basename(real))
    os.mkdir(os.path.dirname(path))
    shutil.copy(real, path)
    with open(os.path.join(private_dir, "pyvenv.cfg"), "w", encoding="utf-8") as file:
        file.write(f"home = {os.path.dirname(real)}\n")
    return path


@pytest.fixture(params=["exchanged", "started over"])
def running(request: pytest.FixtureRequest, python: str) -> Iterator[Running]:
    """Return a program that sealed itself in each of both ways; with modules of a site it starts over."""
    started_over = request.param == "started over"
    made = Running(python, *(["-I"] if started_over else ["-I", "-S"]))
    yield made
    assert made.end() == 0
    assert made.words == [str(made.pid), "True", str(started_over), "argument"]


def open_for_writing(path: str) -> int:
    """Return the errno of opening a file for writing, 0 where it can be."""
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError as error:
        return error.errno or -1
    return 0


def test_program_cannot_be_written(python: str, running: Running) -> None:
    """Sealed, the program runs from a mount that nobody can write through, also when it has ended."""
    # What a jail holds on to, until the program has ended and is writable again.
    held = os.open(f"/proc/{running.pid}/exe", os.O_PATH)
    assert running.end() == 0

    assert open_for_writing(f"/proc/self/fd/{held}") == errno.EROFS
    # Others reach it as ever: updates work.
    assert open_for_writing(python) == 0
    os.close(held)


def test_a_read_only_mount_of_somebody_else_is_not_enough(python: str) -> None:
    """It may be made writable later: what was held before is still not."""
    directory = os.path.dirname(python)
    mount.mount(directory, directory, None, mount.MS_BIND)
    try:
        mount.mount(None, directory, None, mount.MS_REMOUNT | mount.MS_BIND | mount.MS_RDONLY)
        running = Running(python, "-I", "-S")
        held = os.open(f"/proc/{running.pid}/exe", os.O_PATH)
        mount.mount(None, directory, None, mount.MS_REMOUNT | mount.MS_BIND)
        assert running.end() == 0

        assert open_for_writing(f"/proc/self/fd/{held}") == errno.EROFS
        os.close(held)
    finally:
        mount.unmount(directory)


def test_nothing_of_the_program_is_mapped_from_where_it_can_be_written(python: str, running: Running) -> None:
    """Not by a single page can the file be reached by whom it is writable for."""
    file = os.stat(python)
    maps = f"/proc/{running.pid}/map_files"
    mapped = [f"{maps}/{each}" for each in os.listdir(maps)]
    held = [os.open(each, os.O_PATH) for each in mapped if os.path.samestat(os.stat(each), file)]
    assert running.end() == 0

    assert {open_for_writing(f"/proc/self/fd/{each}") for each in held} == {errno.EROFS}
    for each in held:
        os.close(each)


def test_nobody_makes_it_writable_again(running: Running) -> None:
    """Not even root of the host, with all rights: the mount is in no namespace, so it cannot be changed any more."""
    held = os.open(f"/proc/{running.pid}/exe", os.O_PATH)

    with pytest.raises(OSError, match="mount_setattr") as caught:
        mount.set_attributes(held, 0, mount.MOUNT_ATTR_RDONLY)
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(OSError, match=f"/proc/self/fd/{held}") as caught:
        mount.mount(None, f"/proc/self/fd/{held}", None, mount.MS_REMOUNT | mount.MS_BIND)
    assert caught.value.errno == errno.EINVAL
    os.close(held)


def test_mounts_of_the_host_are_left_alone(running: Running) -> None:
    """A sealed program is in the mount namespace it was started in, so what it mounts there shows there."""
    assert os.readlink(f"/proc/{running.pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")


@pytest.mark.parametrize("options", [("-I", "-S"), ("-I",)], ids=["exchanged", "started over"])
def test_variables_of_the_caller_are_not_in_memory(python: str, options: tuple[str, ...]) -> None:
    """What is not ours to know cannot be read from our memory by a jail; what we make use of stays."""
    environment = {"PATH": "/usr/bin:/bin", "RUNJ_ANY": "mackerel", "HOST_SECRET": "swordfish"}
    running = Running(python, *options, env=environment)
    memory = memory_of(running.pid)

    assert running.end() == 0
    assert b"mackerel" in memory
    assert b"swordfish" not in memory


def test_who_is_not_alone_starts_over(python: str) -> None:
    """A thread goes on writing to memory that is being exchanged, so a program that has some is started over."""
    thread = (
        "import sys, _thread, time\n'runjd-sealed' in sys._xoptions or _thread.start_new_thread(time.sleep, (60,))\n"
    )
    running = Running(python, "-I", "-S", before=thread)

    assert running.end() == 0
    assert running.words == [str(running.pid), "True", "True", "argument"]


def test_a_program_that_was_replaced_is_the_one_that_goes_on(python: str) -> None:
    """An upgrade between start and seal changes nothing: what runs is sealed, not what has its name by now."""
    running = Running(python, "-I", "-S", before=f"import posix\nposix.unlink({python!r})\n")

    assert running.end() == 0
    assert running.words == [str(running.pid), "True", "False", "argument"]


def test_unprivileged_program_is_left_alone() -> None:
    """What a jail of an ordinary user could do to the interpreter, that user could do anyway."""
    pid = os.fork()
    if pid == 0:
        os.setresuid(65534, 65534, 65534)
        sealed.seal()
        os._exit(0 if os.geteuid() == 65534 else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
