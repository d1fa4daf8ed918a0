"""Real jails that end, and a real daemon that is killed on the way."""

from __future__ import annotations

import json
import os
import random
import signal
import time

from tests.functional.daemon import Daemon, wait_until


def _run(daemon: Daemon, jail: str, script: str, rule: str) -> None:
    """Run a jail with a restart rule."""
    daemon.runjctl("run", "--detach", "--restart", rule, "--name", jail, daemon.shell(jail, script))


def _is(daemon: Daemon, jail: str, **facts: object) -> bool:
    """Whether that is true of a jail now."""
    found = daemon.status(jail)
    return all(found.get(key) == value for key, value in facts.items())


def test_a_daemon_that_is_killed_goes_on_where_it_stood(own_daemon: Daemon) -> None:
    """Delay, count and reason of a jail that crashes are the next daemon's, too, and no start is skipped or doubled."""
    _run(own_daemon, "web", "echo once more; exit 3", "always")
    wait_until(lambda: int(str(own_daemon.status("web")["restarts"])) >= 4, "it does not restart")
    wait_until(lambda: _is(own_daemon, "web", phase="backoff"), "it is not held off")
    before = own_daemon.status("web")

    own_daemon.kill()
    own_daemon.start()

    after = own_daemon.status("web")
    assert int(str(after["restarts"])) - int(str(before["restarts"])) in (0, 1)
    assert (after["want"], after["exit"]) == ("up", 3)
    wait_until(lambda: int(str(own_daemon.status("web")["restarts"])) > int(str(after["restarts"])), "it rests")


def test_a_daemon_killed_at_any_moment_starts_nothing_twice(own_daemon: Daemon) -> None:
    """Ten jails crash all the time, and the daemon is killed again and again; the seed is told."""
    seed = random.SystemRandom().randrange(10**6)
    luck = random.Random(seed)
    mark = f"{own_daemon.directory}/alive"
    os.mkdir(mark)
    # whoever finds another of his name alive says so
    script = f"mkdir {mark}/$0 || echo twice >>{mark}.twice; sleep 0.0$(($$ % 9)); rmdir {mark}/$0; exit 1"
    for number in range(10):
        bundle = own_daemon.bundle(f"j{number}", ["/bin/sh", "-c", script, f"j{number}"])
        own_daemon.runjctl("run", "--detach", "--restart", "always", "--name", f"j{number}", bundle)
    for _ in range(5):
        time.sleep(luck.uniform(0.0, 0.4))
        own_daemon.kill()
        own_daemon.start()

    def found(key: str) -> set[object]:
        return {each[key] for each in json.loads(own_daemon.runjctl("status", "--json").stdout)}

    # what a worker of before is still at is unknown, until it has done it
    wait_until(lambda: found("phase") <= {"running", "backoff", "starting", "stopping"}, "they are not taken up")
    assert found("want") == {"up"}
    assert not os.path.exists(f"{mark}.twice"), seed


def test_a_shutdown_wants_nothing(own_daemon: Daemon) -> None:
    """The next daemon brings up what was up, and leaves down what was stopped."""
    _run(own_daemon, "up", "exec sleep 1000", "never")
    _run(own_daemon, "down", "exec sleep 1000", "always")
    own_daemon.runjctl("stop", "down")
    own_daemon.stop()

    own_daemon.start()

    wait_until(lambda: _is(own_daemon, "up", phase="running"), "it does not come up")
    assert _is(own_daemon, "down", phase="idle", want="down")


def test_a_program_that_is_missing_is_tried_again(own_daemon: Daemon) -> None:
    """The reason is shown, the daemon answers, and once the program is there it runs."""
    own_daemon.runjctl(
        "run", "--detach", "--restart", "always", "--name", "web", own_daemon.shell("web", "exec sleep 1000")
    )
    path = f"{own_daemon.directory}/bundles/web/config.json"
    with open(path, encoding="utf-8") as file:
        whole = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(whole.replace('"/bin/sh"', '"/bin/nonsense"'))
    own_daemon.runjctl("kill", "-s", "KILL", "web")
    wait_until(lambda: int(str(own_daemon.status("web")["restarts"])) >= 2, "it is not tried again")
    assert "/bin/nonsense" in str(own_daemon.status("web")["reason"])

    with open(path, "w", encoding="utf-8") as file:
        file.write(whole)

    wait_until(lambda: _is(own_daemon, "web", phase="running"), "it is not tried again")


def test_a_storm_of_sigterm_is_one(own_daemon: Daemon) -> None:
    """The daemon ends in order, once; its jails go on, and the next daemon has them."""
    own_daemon.runjctl("run", "--detach", "--name", "web", own_daemon.shell("web", "exec sleep 1000"))
    before = own_daemon.status("web")["pid"]
    for _ in range(50):
        try:
            own_daemon.send_signal(signal.SIGTERM)
        except ProcessLookupError:
            break
    own_daemon.kill()
    assert "Traceback" not in own_daemon.words()

    own_daemon.start()

    assert own_daemon.status("web")["pid"] == before


def test_ends_that_no_signal_told_are_found(own_daemon: Daemon) -> None:
    """Twenty programs end while the keeper is stopped, for which it gets one SIGCHLD: all are reaped and told."""
    for number in range(20):
        script = "exec sleep 1000"
        own_daemon.runjctl("run", "--detach", "--name", f"j{number}", own_daemon.shell(f"j{number}", script))
    pids = [int(str(own_daemon.status(f"j{number}")["pid"])) for number in range(20)]
    keeper = own_daemon.keeper()
    os.kill(keeper, signal.SIGSTOP)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    os.kill(keeper, signal.SIGCONT)

    for number in range(20):
        wait_until(lambda n=number: _is(own_daemon, f"j{n}", phase="idle", signal=9), f"the end of j{number} is lost")
