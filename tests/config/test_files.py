"""The files of a configuration: whole, bounded, nobody else's."""

import os
import tempfile
import threading
import time
from pathlib import Path

import pytest

from runjd.config import files
from runjd.config.files import default_file, read_toml
from runjd.config.load import load
from tests.config.written import faults_of, write

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def fault_of(path):
    """Return what is wrong with one file."""
    table, faults = read_toml(str(path))
    assert table == {}
    (fault,) = faults.all()
    return str(fault).removeprefix(str(path))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"x = [1,\n", ":1: is no TOML: there is no value, or a string without quotes at the end"),
        (b"\nx = web\n", ":2: is no TOML: there is no value, or a string without quotes, in column 5"),
        (b"[a]\n[a]\n", ":2: is no TOML: the table is there already, in column 3"),
        (b"a = 1\na = 1\n", ":2: is no TOML: the key is there already, in column 6"),
        (b'a = "1" 2\n', ":1: is no TOML: something is behind the value, in column 9"),
        (b"a b = 1\n", ":1: is no TOML: expected '=' after a key in a key/value pair, in column 3"),
        (b"\xef\xbb\xbfx = 1\n", ":1: starts with a byte order mark; save it as UTF-8 without one"),
        (b"x = 1\n\n\xc3(", ":3: is not UTF-8: byte 0xc3 cannot stand here"),
        (b"x = " + b"[" * 100_000, ": is no TOML: arrays and tables are nested too deeply"),
        (b"x = " + b"9" * 5000, ": is no TOML: a number has too many digits"),
        (b"x = 1\0\n", ":1: is no TOML: "),
    ],
    ids=[
        "ends early",
        "no quotes",
        "table twice",
        "key twice",
        "more",
        "key",
        "BOM",
        "bytes",
        "depth",
        "digits",
        "NUL",
    ],
)
def test_what_is_no_toml_is_told_with_its_line(tmp_path, data, told):
    """In words, wherever the text breaks."""
    path = tmp_path / "x.toml"
    path.write_bytes(data)

    assert fault_of(path).startswith(told)


def test_a_file_that_is_missing_is_told(tmp_path):
    """With the system's words."""
    assert fault_of(tmp_path / "x.toml") == ": cannot be read: No such file or directory"


def test_a_directory_or_a_fifo_is_no_file(tmp_path):
    """Nobody waits for who might write to it."""
    os.mkfifo(tmp_path / "fifo")

    assert fault_of(tmp_path / "fifo") == ": is no file"
    assert fault_of(tmp_path) == ": is no file"


def test_a_file_that_others_can_write_to_is_refused(tmp_path):
    """They could have the daemon run anything as root."""
    path = tmp_path / "x.toml"
    path.write_text("x = 1")
    path.chmod(0o666)

    assert fault_of(path) == ": can be written by everybody; chmod it to go-w"


@AS_ROOT
def test_a_file_of_somebody_else_is_refused(tmp_path):
    """Also through a symbolic link, and where it is a group that can write."""
    path = tmp_path / "x.toml"
    path.write_text("x = 1")
    (tmp_path / "link.toml").symlink_to(path)
    assert read_toml(str(tmp_path / "link.toml"))[0] == {"x": 1}

    os.chown(path, 1234, 0)
    told = ": belongs to user 1234, who could have us run anything; chown it to root"
    assert fault_of(path) == told
    assert fault_of(tmp_path / "link.toml") == told

    os.chown(path, 0, 1234)
    path.chmod(0o660)
    told = ": can be written by the group 1234; chmod it to go-w"
    assert fault_of(path) == told
    os.setegid(1234)
    try:
        assert fault_of(path) == told
    finally:
        os.setegid(0)


def test_a_directory_that_others_can_write_to_is_refused(tmp_path):
    """Whoever can put a file there needs no other."""
    file = write(tmp_path, a='[jail.x]\nbundle = "/b"')
    (tmp_path / "jails.d").chmod(0o777)

    assert faults_of(file) == ["jails.d: can be written by everybody; chmod it to go-w"]


@pytest.fixture
def place():
    """Return a directory of root whose way is open to everybody to read."""
    with tempfile.TemporaryDirectory(prefix="runjd-test-", dir="/tmp") as path:
        os.chmod(path, 0o755)
        yield Path(path)


@AS_ROOT
@pytest.mark.parametrize("mode", [0o777, 0o772])
def test_a_file_that_others_can_exchange_is_refused(place, mode):
    """Where others can write to the directory, or to one above, a link to a file of a jail's root may be there."""
    file = write(place / "above" / "etc", a="")
    told = "can be exchanged: it is reached through {}, where others can write; chmod it to go-w"
    for directory in (place / "above", place / "above" / "etc"):
        directory.chmod(mode)
        assert faults_of(file) == [f"{name}: {told.format(directory)}" for name in ("runjd.toml", "jails.d")]
        directory.chmod(0o755)

    assert load(file).jails == ()


@AS_ROOT
def test_a_group_that_can_exchange_a_file_is_refused(place):
    """Also the one that the daemon runs with."""
    file = write(place / "etc")
    (place / "etc").chmod(0o775)
    os.chown(place / "etc", 0, 1234)
    os.setegid(1234)
    try:
        (told,) = faults_of(file)
    finally:
        os.setegid(0)

    assert told.endswith(f"through {place}/etc, where others can write; chmod it to go-w")


@AS_ROOT
def test_a_file_in_a_sticky_directory_is_read(place):
    """Nobody takes away there what is another's, as in /tmp."""
    place.chmod(0o1777)

    assert load(write(place, a="")).jails == ()


@AS_ROOT
def test_a_link_into_the_directory_of_a_stranger_is_refused(place):
    """Whose the file is does not help, as he can put another in its place; nor may he have made the link."""
    (place / "his").mkdir()
    (place / "his" / "x.toml").write_text("x = 1")
    (place / "link.toml").symlink_to("his/x.toml")
    assert read_toml(str(place / "link.toml"))[0] == {"x": 1}

    os.chown(place / "his", 1234, 1234)
    told = f": can be exchanged: it is reached through {place}/his, which belongs to user 1234; chown it to root"
    assert fault_of(place / "link.toml") == told
    os.chown(place / "his", 0, 0)
    os.lchown(place / "link.toml", 1234, 1234)
    told = f"through the link {place}/link.toml, which user 1234 made; make it anew as root"
    assert fault_of(place / "link.toml").endswith(told)


@AS_ROOT
def test_jails_d_that_is_the_link_of_a_stranger_is_refused(place):
    """Everybody can make one in a sticky directory."""
    file = write(place / "etc")
    (place / "other").mkdir()
    (place / "etc" / "jails.d").symlink_to(place / "other")
    os.lchown(place / "etc" / "jails.d", 1234, 1234)
    (place / "etc").chmod(0o1777)

    (told,) = faults_of(file)
    assert told.endswith(f"through the link {place}/etc/jails.d, which user 1234 made; make it anew as root")


@AS_ROOT
def test_users_read_files_of_their_own(place, monkeypatch):
    """In their directories below those of root, by a relative path, too."""
    file = write(place / "home" / "dev", a="")
    for each in ("", "runjd.toml", "jails.d", "jails.d/a.toml"):
        os.chown(place / "home" / "dev" / each, 1234, 1234)
    monkeypatch.chdir(place / "home" / "dev")
    os.seteuid(1234)
    try:
        assert load(file).jails == load("runjd.toml").jails == load("../dev/runjd.toml").jails == ()
    finally:
        os.seteuid(0)


def test_links_that_lead_nowhere_are_told(tmp_path):
    """Dangling ones and loops, each as a file of its own."""
    file = write(tmp_path, a="")
    (tmp_path / "jails.d" / "b.toml").symlink_to("b.toml")
    (tmp_path / "jails.d" / "c.toml").symlink_to("nowhere")

    assert faults_of(file) == [
        "jails.d/b.toml: cannot be read: Too many levels of symbolic links",
        "jails.d/c.toml: cannot be read: No such file or directory",
    ]


def test_a_file_without_end_is_refused(tmp_path):
    """16 MiB are enough."""
    path = tmp_path / "x.toml"
    with path.open("wb") as file:
        file.truncate(files.LIMIT + 1)

    assert fault_of(path) == ": is larger than 16 MiB"


def test_an_empty_file_is_refused(tmp_path):
    """A crash of the system, or who truncates before he writes, leaves one; nobody means it."""
    path = tmp_path / "x.toml"
    path.touch()

    assert fault_of(path) == ": is empty, as after a crash of the system; remove it, or put a comment into it"


def test_a_file_that_is_being_written_is_read_when_that_is_done(tmp_path):
    """Half of it would be TOML, too."""
    path = tmp_path / "x.toml"
    path.write_text("x = 1\n")
    written = threading.Timer(0.05, path.write_text, ["x = 1\ny = 2\n"])
    written.start()

    table, faults = read_toml(str(path), settle=0.2)

    written.join()
    assert (table, faults.all()) == ({"x": 1, "y": 2}, [])
    began = time.monotonic()
    assert read_toml(str(path), settle=0.01)[0] == table
    assert time.monotonic() - began < 0.1


def test_a_file_that_is_written_all_the_time_is_refused(tmp_path):
    """Nobody waits for ever."""
    path = tmp_path / "x.toml"
    path.write_text("x = 1\n")
    is_over = threading.Event()

    def write():
        while not is_over.wait(0.001):
            path.write_text("x = 1\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        _, faults = read_toml(str(path), settle=0.2)
    finally:
        is_over.set()
        writer.join()

    assert [each.reason for each in faults.all()] == ["is being written all the time; try again when that is done"]


def test_a_file_from_the_future_is_read(tmp_path):
    """Clocks differ; it is not waited until it has come."""
    path = tmp_path / "x.toml"
    path.write_text("x = 1\n")
    os.utime(path, (2**32, 2**32))

    assert read_toml(str(path), settle=0.2)[0] == {"x": 1}


def test_each_system_has_its_place():
    """As hier(7) has it."""
    assert default_file("freebsd14") == "/usr/local/etc/runjd/runjd.toml"
    assert default_file("linux") == "/etc/runjd/runjd.toml"
