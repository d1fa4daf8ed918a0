"""``start``, with the words and the environment of containerd 1.6 and 2.2."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time

import pytest

from runjd.cli.shim.start import answer
from tests.cli.shim.program import ADDRESS, NEW, OLD, PROGRAM, Shim
from tests.containerd.relay.caller import Caller, Listening
from tests.functional.daemon import wait_until


def path_of(address: str) -> str:
    """Return the path of an address."""
    assert address.startswith("unix:///")
    return address.removeprefix("unix://")


def test_containerd_1_6_gets_a_bare_address(shim: Shim) -> None:
    """And finds it in the bundle, for when it is started anew; nothing else is written, and its output ends."""
    bundle = shim.bundle("box")
    done = shim.start(bundle)
    address = done.stdout.decode()

    assert done.returncode == 0
    with open(f"{bundle}/address", encoding="utf-8") as file:
        assert file.read() == address
    assert sorted(os.listdir(bundle)) == ["address", "rootfs"]
    assert len(path_of(address)) <= 103


def test_containerd_2_gets_the_version_it_knows(shim: Shim) -> None:
    """1.7 refuses what is greater than it says; 2.2 says 2 as well."""
    done = shim.start(shim.bundle("box"), NEW)
    said = json.loads(done.stdout)

    assert (said["version"], said["protocol"]) == (2, "ttrpc")
    assert path_of(said["address"]).startswith(shim.sockets)


@pytest.mark.parametrize(
    ("version", "told"), [(b"", None), (b"1", None), (b"x", None), (b"2", 2), (b"3", 3), (b"9", 3)]
)
def test_the_answer_is_of_the_greatest_version_that_both_know(version: bytes, told: int | None) -> None:
    """Without one, or with one that is no number, a containerd is old."""
    said = answer("unix:///a", version)

    assert (said == "unix:///a") if told is None else json.loads(said)["version"] == told


def test_the_relay_listens_when_start_has_ended(shim: Shim, tmp_path: object) -> None:
    """containerd connects at once; the relay knows whose calls it relays, and where the daemon is."""
    os.mkdir(shim.sockets, 0o700)
    daemon = Listening(f"{shim.sockets}/socket")
    done = shim.start(shim.bundle("box"))
    try:
        with Caller(path_of(done.stdout.decode())) as caller:
            caller.send(1, "Now")
            served = daemon.accept()
            hello = served.hello()
            served.close()
    finally:
        daemon.close()

    assert tuple(hello.origin) == (ADDRESS, f"{ADDRESS}.ttrpc", "default")


def test_nobody_else_reaches_a_relay(shim: Shim) -> None:
    """Its directory is 0700, its socket 0600."""
    path = path_of(shim.start(shim.bundle("box")).stdout.decode())

    assert [stat.S_IMODE(os.stat(each).st_mode) for each in (shim.sockets, path)] == [0o700, 0o600]


def test_one_relay_serves_a_namespace_however_many_start_at_once(shim: Shim) -> None:
    """Eight containers get one address, and another namespace another one."""
    bundles = [shim.bundle(f"box{number}") for number in range(8)]
    words = [*PROGRAM, "-namespace", "default", "-address", ADDRESS]
    environment = {"RUNJD_STATE": shim.state, **OLD}
    started = [
        subprocess.Popen(
            [*words, "-id", os.path.basename(each), "start"], cwd=each, env=environment, stdout=subprocess.PIPE
        )
        for each in bundles
    ]
    addresses = {each.communicate()[0] for each in started}
    other = shim.start(shim.bundle("box0", "k8s.io")).stdout

    assert len(addresses) == 1
    assert other not in addresses
    wait_until(lambda: len(shim.relays()) == 2, "there are not two relays")


def test_a_relay_that_was_killed_is_replaced(shim: Shim) -> None:
    """Its socket is in nobody's way."""
    first = shim.start(shim.bundle("one")).stdout
    wait_until(lambda: bool(shim.relays()), "there is no relay")
    (pid,) = shim.relays()
    os.kill(pid, 9)
    wait_until(lambda: not shim.relays(), "the relay lives")
    second = shim.start(shim.bundle("two")).stdout

    assert second == first
    with Caller(path_of(second.decode())):
        wait_until(lambda: len(shim.relays()) == 1, "there is no relay")


def test_what_is_left_behind_is_no_burden(shim: Shim) -> None:
    """The relay leads a session, is in no directory that anybody wants to unmount, and has containerd's output not."""
    shim.start(shim.bundle("box"))
    wait_until(lambda: bool(shim.relays()), "there is no relay")
    (pid,) = shim.relays()
    time.sleep(0.2)
    held = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]

    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert os.getsid(pid) not in (os.getsid(0), 0)
    assert [each for each in held if each.startswith("pipe:")] == []
    assert held.count("/dev/null") == 3


def test_a_relay_starts_a_daemon_of_its_own_where_it_is_to(shim: Shim, private_dir: str) -> None:
    """By the twistd beside the program, with the interpreter of the program, and directories that are private."""
    programs = f"{private_dir}/bin"
    os.mkdir(programs)
    script = f"{programs}/containerd-shim-runj-v1"
    os.symlink(PROGRAM[5], script)
    with open(f"{programs}/twistd", "w", encoding="utf-8") as file:
        file.write("import os, sys\nos.write(1, repr(sys.argv).encode())\n")
    bundle = shim.bundle("box")
    words = ["-namespace", "default", "-address", ADDRESS, "-id", "box", "start"]
    done = subprocess.run(
        [*PROGRAM[:5], script, *PROGRAM[6:], *words],
        cwd=bundle,
        env={"RUNJD_PRIVATE_STATE": shim.state, **OLD},
        capture_output=True,
        check=True,
        timeout=10,
    )
    with Caller(path_of(done.stdout.decode())) as caller:
        caller.send(1, "Now")
        said = f"{shim.sockets}/daemon.err"
        wait_until(lambda: os.path.exists(said) and bool(os.stat(said).st_size), "no daemon is started")
    with open(said, encoding="utf-8") as file:
        argv = file.read()

    assert "'--nodaemon', '--pidfile='" in argv
    assert f"'runjd', '--state', '{shim.state}', '--log', '{shim.state}/log']" in argv


def test_a_path_that_is_too_long_for_a_socket_is_told(shim: Shim) -> None:
    """Nothing is started, and containerd gets the reason."""
    shim.state += "/" + "x" * 100
    os.mkdir(shim.state)
    done = shim.start(shim.bundle("box"))

    assert done.returncode != 0
    assert b"is too long for a socket" in done.stdout


def test_a_daemon_that_is_not_there_is_told(shim: Shim) -> None:
    """Where the directory of the daemon that was named does not exist, there is no relay."""
    shim.state += "/nothing"
    done = shim.start(shim.bundle("box"))

    assert done.returncode == 74
    assert done.stdout.startswith(b"containerd-shim-runj-v1: /")
    assert b"No such file or directory" in done.stdout


def test_directories_of_somebody_else_are_refused(shim: Shim) -> None:
    """Who can write where the sockets are could be the daemon."""
    os.mkdir(shim.sockets)
    os.chmod(shim.sockets, 0o777)
    done = shim.start(shim.bundle("box"))

    assert done.returncode == 74
    assert b"must be of user" in done.stdout


def test_start_loads_nothing_slow(shim: Shim) -> None:
    """Neither Twisted nor what of the standard library takes its time."""
    bundle = shim.bundle("box")
    script = (
        "import sys, runpy; sys.argv = sys.argv[1:]; import posix; e = posix._exit\n"
        "def end(status):\n    posix.write(2, ' '.join(sys.modules).encode()); e(status)\n"
        "posix._exit = end; exec(compile(open(sys.argv[0]).read(), sys.argv[0], 'exec'))"
    )
    words = ["-namespace", "default", "-address", ADDRESS, "-id", "box", "start"]
    for verb in (words, [*words[:-1], "delete"]):
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-X", "utf8", "-c", script.replace(", runpy", ""), *PROGRAM[5:], *verb],
            cwd=bundle,
            env={"RUNJD_STATE": shim.state, **OLD},
            capture_output=True,
            check=False,
        )
        loaded = set(done.stderr.decode().split())
        assert done.returncode == 0, done.stderr
        assert loaded & {"twisted", "zope", "typing", "re", "enum", "json", "socket", "subprocess", "hashlib"} == set()
