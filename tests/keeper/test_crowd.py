"""Many jails at once."""

import os
import resource
import signal

from runjd.keeper import messages
from tests.keeper.daemon import Daemon, Failed
from tests.keeper.running import RunningKeeper


def _run_all(daemon: Daemon, jails: list[str], bundle: str) -> list[int]:
    reqs = [daemon.ask(messages.ask_run, jail, bundle, "plain", False, None, {}) for jail in jails]
    return [int(str(daemon.ran(req, jail)["pid"])) for req, jail in zip(reqs, jails, strict=True)]


def _is_run(daemon: Daemon, jail: str, bundle: str) -> bool:
    try:
        daemon.run(jail, bundle)
    except Failed as failed:
        if failed.code == "LIMIT":
            return False
        raise
    return True


def test_two_hundred_jails(keeper: RunningKeeper) -> None:
    """200 jails are started, told to the next daemon, killed and reaped; not one descriptor or file is left."""
    daemon = keeper.greeted()
    before = keeper.descriptors()
    jails = [f"sleep{number}" for number in range(200)]
    pids = _run_all(daemon, jails, keeper.bundle("sleep", "/bin/sleep", "1000"))
    assert keeper.descriptors() == before + 400
    daemon.close()

    daemon = keeper.daemon()
    told = daemon.greet()
    assert sorted(message["pid"] for message in told) == sorted(pids)
    assert len(daemon.open) == 400
    for jail in jails:
        daemon.ask(messages.ask_signal, jail, "", signal.SIGKILL, False)
    ended = [daemon.exit(jail) for jail in jails]
    for each in ended:
        daemon.ack(each)
    for req in [daemon.ask(messages.ask_delete, jail, False) for jail in jails]:
        daemon.answer(req)

    assert all(each["signal"] == signal.SIGKILL for each in ended)
    assert os.listdir(keeper.root) == []
    assert os.listdir(f"{keeper.directory}/keeper/exits") == []
    keeper.wait(lambda: keeper.descriptors() == before, "descriptors")


def test_a_hundred_exits_at_once(keeper: RunningKeeper) -> None:
    """100 processes that end in the same moment are all recorded and told, each with its own status."""
    daemon = keeper.greeted()
    fifo = f"{keeper.directory}/go"
    os.mkfifo(fifo)
    script = f'read line < {fifo}; exit "${{0#*-}}"'
    reqs = {}
    for number in range(100):
        bundle = keeper.bundle(f"b{number}", "/bin/sh", "-c", script, f"x-{number}")
        reqs[f"j{number}"] = daemon.ask(messages.ask_run, f"j{number}", bundle, "plain", False, None, {})
    for jail, req in reqs.items():
        daemon.ran(req, jail)

    # sh(1) reads byte by byte, so each takes one empty line
    go = os.open(fifo, os.O_RDWR)
    os.write(go, b"\n" * 100)
    ended = {jail: daemon.exit(jail) for jail in reqs}

    os.close(go)
    assert [ended[f"j{number}"]["status"] for number in range(100)] == list(range(100))
    assert len(os.listdir(f"{keeper.directory}/keeper/exits")) == 100


def test_the_limit_of_descriptors_refuses_the_jail_that_is_too_much(private_dir: str) -> None:
    """Where the keeper has no descriptors left, a jail is refused with LIMIT, and those that run go on."""
    keeper = RunningKeeper(private_dir, shell_before="ulimit -n 100")
    try:
        daemon = keeper.greeted()
        bundle = keeper.bundle("sleep", "/bin/sleep", "1000")
        jails = [f"sleep{number}" for number in range(20)]
        running = sum(_is_run(daemon, jail, bundle) for jail in jails)

        assert 5 <= running < 20
        for jail in jails[:running]:
            daemon.delete(jail)
            daemon.ack(daemon.exit(jail))
        daemon.run("again", bundle)
    finally:
        keeper.end()


def test_descriptors_are_as_many_as_the_hard_limit_says(private_dir: str) -> None:
    """The keeper raises its soft limit of open files to the hard one."""
    keeper = RunningKeeper(private_dir, shell_before="ulimit -Sn 70")
    try:
        keeper.greeted()
        with open(f"/proc/{keeper.pid}/limits", encoding="ascii") as file:
            (line,) = (line for line in file if line.startswith("Max open files"))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        assert line.split()[3:5] == [str(hard), str(hard)]
    finally:
        keeper.end()
