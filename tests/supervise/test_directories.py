"""The daemon's directories."""

import os
import stat

import pytest

from runjd.errors import InputOutput, WrongState
from runjd.supervise.directories import lock_directory, make_directory, sign_lock
from tests.rights import without_rights


def mode_of(path):
    """Return the permissions of a file."""
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_missing_directory_is_made_with_those_above(tmp_path):
    """The mode is that of the last one."""
    make_directory(f"{tmp_path}/a/b/state", 0o700)

    assert mode_of(tmp_path / "a/b/state") == 0o700
    assert mode_of(tmp_path / "a") == 0o755


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_umask_does_not_matter(tmp_path, mask):
    """A new directory has exactly the mode that it should have."""
    before = os.umask(mask)
    try:
        make_directory(f"{tmp_path}/state", 0o755)
    finally:
        os.umask(before)

    assert mode_of(tmp_path / "state") == 0o755


def test_an_existing_directory_is_left_as_it_is(tmp_path):
    """One that gives less is fine."""
    (tmp_path / "state").mkdir(0o700)

    make_directory(f"{tmp_path}/state", 0o755)

    assert mode_of(tmp_path / "state") == 0o700


@pytest.mark.parametrize(
    ("found", "wanted", "is_refused"),
    [(0o777, 0o755, True), (0o775, 0o755, True), (0o755, 0o700, True), (0o755, 0o755, False), (0o750, 0o755, False)],
)
def test_a_directory_that_gives_others_too_much_is_refused(tmp_path, found, wanted, is_refused):
    """Nobody else writes there, and nobody looks into what is private."""
    path = tmp_path / "state"
    path.mkdir()
    path.chmod(found)

    if is_refused:
        with pytest.raises(InputOutput, match="chmod"):
            make_directory(str(path), wanted)
    else:
        make_directory(str(path), wanted)


@pytest.mark.parametrize("make", [lambda path: os.symlink("/tmp", path), lambda path: open(path, "w").close()])
def test_what_is_no_directory_is_refused(tmp_path, make):
    """A symbolic link leads nowhere, whatever it points to."""
    path = f"{tmp_path}/state"
    make(path)

    with pytest.raises(InputOutput, match="symbolic link or no directory"):
        make_directory(path, 0o755)


def test_who_may_not_make_a_directory_is_told_what_to_do(tmp_path):
    """The default directories are root's."""
    tmp_path.chmod(0o500)

    with pytest.raises(InputOutput, match="Permission denied; start runjd as root, or name .* by --state and --log"):
        without_rights(make_directory, f"{tmp_path}/deep/state", 0o700)


@pytest.mark.root
def test_a_directory_of_somebody_else_is_refused(tmp_path):
    """Its owner could do what he likes with it."""
    path = tmp_path / "state"
    path.mkdir(0o755)
    os.chown(path, 1234, 1234)

    with pytest.raises(InputOutput, match="belongs to user 1234, not to user 0; name another"):
        make_directory(str(path), 0o755)


def test_there_is_one_daemon_for_a_directory(tmp_path):
    """The second one is told who the first one is, and changes nothing."""
    first = lock_directory(str(tmp_path))
    sign_lock(first)

    with pytest.raises(WrongState, match=f"another runjd serves {tmp_path}, with pid {os.getpid()}"):
        lock_directory(str(tmp_path))
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"

    os.close(first)
    os.close(lock_directory(str(tmp_path)))


def test_a_lock_is_not_made_through_a_link(tmp_path):
    """Nothing is written where a link points to."""
    os.symlink(tmp_path / "elsewhere", tmp_path / "lock")

    with pytest.raises(InputOutput):
        lock_directory(str(tmp_path))
    assert not (tmp_path / "elsewhere").exists()
