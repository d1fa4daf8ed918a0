"""The file that is executed, the home directory, the working directory."""

import os

import pytest

from runjd.container import program
from runjd.errors import RunjdError


@pytest.fixture
def folders(private_dir: str) -> str:
    """Return a directory with programs in a/ and b/."""
    for name, mode in {"a/denied": 0o644, "b/denied": 0o755, "a/only": 0o755, "b/locked": 0o644}.items():
        os.makedirs(f"{private_dir}/{name[0]}", exist_ok=True)
        with open(f"{private_dir}/{name}", "w"):
            pass
        os.chmod(f"{private_dir}/{name}", mode)
    os.mkdir(f"{private_dir}/a/folder")
    os.symlink("loop", f"{private_dir}/a/loop")
    return private_dir


def _find(folders: str, name: str, path: str = "{0}/a:{0}/b") -> str:
    return program.find_executable(name.encode(), [b"PATH=" + path.format(folders).encode()]).decode()


def test_a_name_is_looked_up_in_path(folders: str) -> None:
    """The first that can be executed counts; one that cannot is passed over."""
    assert _find(folders, "only") == f"{folders}/a/only"
    assert _find(folders, "denied") == f"{folders}/b/denied"


def test_a_path_is_taken_as_it_is(folders: str) -> None:
    """A name with a slash is not looked up."""
    assert _find(folders, f"{folders}/a/only", "/nowhere") == f"{folders}/a/only"


def test_without_path_the_usual_directories_are_searched() -> None:
    """As execvp(3) does."""
    assert program.find_executable(b"sh", []) == b"/bin/sh"


def test_an_empty_element_is_the_working_directory(folders: str) -> None:
    """As execvp(3) does."""
    before = os.getcwd()
    os.chdir(f"{folders}/a")
    try:
        assert _find(folders, "only", "/nowhere:") == "./only"
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nonesuch", "executable file not found in $PATH"),
        ("folder", "executable file not found in $PATH"),
        ("locked", "permission denied"),
        ("loop", "executable file not found in $PATH"),
        ("{0}/a/denied", "permission denied"),
        ("{0}/a/folder", "permission denied: it is a directory"),
        ("{0}/a/only/x", "stat {0}/a/only/x: not a directory"),
        ("{0}/a/loop", "stat {0}/a/loop: too many levels of symbolic links"),
        ("/dev/null", "permission denied"),
    ],
)
def test_what_cannot_be_executed_is_told(folders: str, name: str, reason: str) -> None:
    """In the words that engines look for."""
    name, reason = name.format(folders), reason.format(folders)

    with pytest.raises(RunjdError) as caught:
        _find(folders, name)

    assert str(caught.value) == f'process.args[0]: exec: "{name}": {reason}'


PASSWD = b"""\
root:x:0:0:root:/root:/bin/sh
broken
+::::::
relative:x:5:5::home:/bin/sh
short:x:6
user:x:1000:1000:A User:/home/user:/bin/sh
again:x:1000:1000::/home/again:/bin/sh
"""


@pytest.mark.parametrize(
    ("uid", "home"), [(0, b"/root"), (1000, b"/home/user"), (5, b"/"), (6, b"/"), (10, b"/"), (100, b"/")]
)
def test_a_home_is_found_in_passwd(private_dir: str, uid: int, home: bytes) -> None:
    """The first entry of the user counts; what is no entry is passed over."""
    with open(f"{private_dir}/passwd", "wb") as file:
        file.write(PASSWD)

    assert program.home_of(uid, f"{private_dir}/passwd") == home


def test_a_home_that_is_given_stays() -> None:
    """An empty one counts as none."""
    assert program.with_home([b"HOME=/x", b"A=b"], 0) == [b"HOME=/x", b"A=b"]
    assert program.with_home([b"HOME=", b"A=b"], 4711) == [b"A=b", b"HOME=/"]


def test_a_working_directory_that_went_away_is_outside(private_dir: str) -> None:
    """The kernel knows no path for it."""
    before = os.getcwd()
    gone = f"{private_dir}/gone"
    os.mkdir(gone)
    fd = os.open(gone, os.O_RDONLY | os.O_DIRECTORY)
    os.rmdir(gone)
    try:
        with pytest.raises(RunjdError, match="process.cwd: chdir to cwd .*: is outside the root of the container"):
            program.enter_directory(f"/proc/self/fd/{fd}")
    finally:
        os.chdir(before)
        os.close(fd)
