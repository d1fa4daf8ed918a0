"""What the options of runj exec make of a process."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.cli.oci.exec_options import change, read
from runjd.cli.oci.table import PROGRAM
from runjd.cli.options import parse
from runjd.errors import BadArgument, RunjdError
from runjd.spec.model import Capabilities, Process, User

PROCESS = Process(("sleep", "60"), env=("A=1", "B=2"), user=User(5, 6, None, (7,)))


def changed(*words: str) -> Process:
    """Return the process with these options."""
    return change(PROCESS, parse(PROGRAM, ["exec", *words, "web"]))


def test_without_options_nothing_changes() -> None:
    """What is not said is that of the bundle."""
    assert changed() == PROCESS


def test_each_option_changes_what_it_names() -> None:
    """One property each."""
    assert changed("--tty") == PROCESS._replace(terminal=True)
    assert changed("--cwd", "/srv") == PROCESS._replace(cwd="/srv")
    assert changed("--no-new-privs") == PROCESS._replace(no_new_privileges=True)
    assert changed("--apparmor", "x") == PROCESS._replace(apparmor_profile="x")
    assert changed("--process-label", "x") == PROCESS._replace(selinux_label="x")
    assert changed("-e", "B=3", "-eC=") == PROCESS._replace(env=("A=1", "B=3", "C="))
    assert changed("-u", "1:2").user == User(1, 2, None, (7,))
    assert changed("-u", "1").user == User(1, 6, None, (7,))
    assert changed("-g", "8", "-g", "9,10").user.additional_gids == (7, 8, 9, 10)


def test_capabilities_are_added_to_what_it_may_do() -> None:
    """By their name with or without CAP_; they are neither inherited nor kept as another user."""
    names = ("CAP_KILL", "CAP_CHOWN")

    assert changed("-c", "CAP_KILL", "--cap", "chown").capabilities == Capabilities(names, names, (), names)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-u", "root"), "--user root is not UID or UID:GID in numbers; names belong to the container's passwd"),
        (("-u", "1:"), "--user 1: is not UID or UID:GID"),
        (("-u", "-1"), "--user -1 is not UID or UID:GID"),
        (("-u", "4294967295"), "--user 4294967295 is not UID or UID:GID"),
        (("-u", "²"), "--user ² is not UID or UID:GID"),
        (("-g", "wheel"), '--additional-gids "wheel" is not a GID'),
        (("-g", "1,,2"), '--additional-gids "" is not a GID'),
        (("--cwd", "srv"), "--cwd srv is no absolute path"),
        (("-e", "A"), "--env A is not NAME=VALUE"),
        (("-e", "=A"), "--env =A is not NAME=VALUE"),
    ],
)
def test_what_makes_no_sense_is_named(words: tuple[str, ...], message: str) -> None:
    """The option, its value, and what was expected."""
    with pytest.raises(BadArgument) as caught:
        changed(*words)

    assert str(caught.value).startswith(message)


@given(st.lists(st.text(max_size=8), max_size=4), st.text(max_size=8), st.text(max_size=8))
def test_any_value_is_taken_or_refused(env: list[str], user: str, group: str) -> None:
    """No value raises anything but BadArgument, and what is taken is a process as before."""
    words = [word for each in env for word in ("-e", each)]
    try:
        made = changed(*words, "-u", user, "-g", group)
    except BadArgument:
        return

    assert (made.args, made.cwd) == (PROCESS.args, PROCESS.cwd)
    assert all(each.find("=") > 0 for each in made.env)
    assert 0 <= made.user.uid < 2**32 - 1


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "empty", "garbage", "array"])
def test_a_process_file_that_is_none_is_told(private_dir: str, kind: str) -> None:
    """With its name, and without waiting for anybody."""
    path = f"{private_dir}/process.json"
    content = {"empty": "", "garbage": "{", "array": "[]"}.get(kind)
    if content is not None:
        with open(path, "w") as file:
            file.write(content)
    elif kind == "directory":
        os.mkdir(path)
    elif kind == "fifo":
        os.mkfifo(path)

    with pytest.raises(RunjdError) as caught:
        read(path)

    assert path in str(caught.value)
