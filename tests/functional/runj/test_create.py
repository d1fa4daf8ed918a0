"""``runj create``."""

import json
import os
import socket

import pytest

from tests.container.jails import PATIENCE, read_until, until
from tests.functional.runj.command import Runj


def test_a_container_is_made_of_a_bundle(runj: Runj) -> None:
    """The bundle is given by option, by its short form, as an argument, or is the working directory."""
    bundle = runj.bundle(["sleep", "60"])

    runj.ok("create", "--bundle", bundle, "a")
    runj.ok("create", f"-b{bundle}", "b")
    runj.ok("create", "c", bundle)

    assert [runj.state(id)["status"] for id in "abc"] == ["created"] * 3
    assert {runj.state(id)["bundle"] for id in "abc"} == {bundle}


def test_the_pid_file_holds_the_pid_and_nothing_else(runj: Runj) -> None:
    """Decimal, without a newline, and no temporary file is left."""
    path = f"{runj.directory}/pid"

    runj.ok("create", "-b", runj.bundle(["sleep", "60"]), "--pid-file", path, "web")

    with open(path) as file:
        assert file.read() == str(runj.state("web")["pid"])
    assert [name for name in os.listdir(runj.directory) if name.startswith("pid")] == ["pid"]


def test_a_pid_file_that_cannot_be_written_fails_create(runj: Runj) -> None:
    """The container is taken away again."""
    message = runj.fails("create", "-b", runj.bundle(["true"]), "--pid-file", "/no/such/pid", "web")

    assert message == "write the pid file /no/such/pid: no such file or directory"
    assert runj.ok("list", "-q") == ""


@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_pid_file_is_begun_before_anything_is_run(plain: Runj, verb: str) -> None:
    """A directory of that name is told before the program did something, and no part of a file is left."""
    path, mark = f"{plain.directory}/pid", f"{plain.directory}/mark"
    os.mkdir(path)
    bundle = plain.bundle(["sh", "-c", f"echo > {mark}"])

    assert plain.fails(verb, "-b", bundle, "--pid-file", path, "web") == f"write the pid file {path}: is a directory"
    os.rmdir(path)
    assert "nonesuch" in plain.fails(verb, "-b", plain.bundle(["nonesuch"]), "--pid-file", path, "web")

    assert not os.path.exists(mark)
    assert [name for name in os.listdir(plain.directory) if name.startswith("pid")] == []
    assert plain.ok("list", "-q") == ""


def test_what_is_wrong_with_a_bundle_is_said_in_one_line(plain: Runj) -> None:
    """Each fault names the file, the place in it, and what is wrong."""
    nowhere, empty, broken = f"{plain.directory}/nowhere", f"{plain.directory}/empty", f"{plain.directory}/broken"
    os.mkdir(empty)
    os.mkdir(broken)
    with open(f"{broken}/config.json", "w") as file:
        file.write('{\n  "ociVersion": nonsense\n}')

    assert plain.fails("create", "-b", nowhere, "a").startswith(f"{nowhere}: there is no such bundle")
    missing = 'there is no config.json in the bundle; "runj spec" writes one'
    assert plain.fails("create", "-b", empty, "a") == f"{empty}/config.json: {missing}"
    assert plain.fails("create", "-b", broken, "a").startswith(f"{broken}/config.json:2:17: ")
    assert plain.fails("create", "-b", f"{broken}/config.json", "a").endswith(
        "give the directory that holds config.json"
    )
    assert plain.ok("list", "-q") == ""


def test_the_engines_log_gets_one_json_object(plain: Runj) -> None:
    """What podman reads: level, msg and time, in one line (--log-format json)."""
    log = f"{plain.directory}/log"

    message = plain.fails("--log", log, "--log-format=json", "create", "-b", plain.bundle(["nonesuch"]), "web")

    with open(log) as file:
        record = json.loads(file.read())
    assert record["msg"] == message == 'process.args[0]: exec: "nonesuch": executable file not found in $PATH'
    assert (record["level"], record["time"][-1]) == ("error", "Z")


def test_the_log_tells_of_a_wrong_command_line_too(plain: Runj) -> None:
    """Also what is found before a verb runs is logged, as text by default."""
    log = f"{plain.directory}/log"

    message = plain.fails("--log", log, "craete", "web")

    assert message == 'unknown verb "craete"; did you mean "create"?'
    with open(log) as file:
        assert file.read().endswith(' level=error msg="unknown verb \\"craete\\"; did you mean \\"create\\"?"\n')


def test_the_terminal_is_sent_to_the_console_socket(runj: Runj) -> None:
    """The master comes with the slave's name, and the program writes to it once it is started."""
    # a path that is too long for a socket's address
    deep = f"{runj.directory}/{'d' * 100}"
    os.mkdir(deep)
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(deep)
        listener.bind("console")
        os.chdir(here)
        listener.listen()
        bundle = runj.bundle(["sh", "-c", "tty; exec sleep 60"], terminal=True)
        runj.ok("create", "-b", bundle, "--console-socket", f"{deep}/console", "web")
        connection, _ = listener.accept()
        with connection:
            name, fds, _, _ = socket.recv_fds(connection, 4096, 4)
            connection.settimeout(PATIENCE)
            assert connection.recv(1) == b""

    runj.ok("start", "web")

    shown = read_until(fds[0], "\n")
    assert name.decode() in shown
    assert len(fds) == 1
    os.close(fds[0])


def test_a_console_socket_must_be_there(runj: Runj) -> None:
    """Neither a missing socket nor one that nobody wants is let through."""
    path = f"{runj.directory}/nobody"

    assert runj.fails("create", "-b", runj.bundle(["true"], terminal=True), "--console-socket", path, "a") == (
        f"connect to the console socket {path}: no such file or directory"
    )
    assert "process.terminal is true" in runj.fails("create", "-b", runj.bundle(["true"], terminal=True), "a")


def test_the_init_is_handed_on_when_runj_ends(runj: Runj) -> None:
    """conmon reaps it: no process of runj stays between."""
    pid = runj.create("web", ["sleep", "60"])

    def parent() -> int:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])

    until(lambda: "runjd.cli" not in _command(parent()), "runj is gone")


def _command(pid: int) -> str:
    with open(f"/proc/{pid}/cmdline") as file:
        return file.read()
