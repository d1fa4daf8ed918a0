"""Hooks, as the command tells of them."""

from __future__ import annotations

import os
import signal
import subprocess

from tests.container.hooked import PHASES, Hooked
from tests.functional.runj.command import PATIENCE, Runj


def test_run_runs_the_hooks_of_all_phases(runj: Runj) -> None:
    """From prestart to poststop, and exits as the program did."""
    hooked = Hooked(runj.jails)
    bundle = hooked.bundle(["sh", "-c", "exit 7"], hooked.every())

    done = runj("run", "--bundle", bundle, "web")

    assert (done.returncode, hooked.phases()) == (7, [*PHASES])


def test_the_error_of_a_hook_is_one_line(runj: Runj) -> None:
    """With what the hook said, made harmless, at its end."""
    hooked = Hooked(runj.jails)
    bundle = hooked.bundle(["true"], hooked.every(createRuntime="printf 'one\\n\\033[2Jtwo\\n'; exit 3"))

    message = runj.fails("create", "--bundle", bundle, "web")

    assert message == (
        'hooks.createRuntime[0]: run the hook: /bin/sh exited with status 3; it said "one\\n\\u001b[2Jtwo"'
    )
    assert hooked.phases()[-1] == "poststop"


def test_a_poststop_hook_that_fails_is_a_warning(runj: Runj) -> None:
    """On standard error only: the log is for calls that failed."""
    hooked = Hooked(runj.jails)
    log = f"{runj.directory}/log.json"
    runj.ok("create", "--bundle", hooked.bundle(["sleep", "60"], hooked.every(poststop="exit 3")), "web")

    done = runj("--log", log, "--log-format", "json", "delete", "web")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "runj: warning: hooks.poststop[0]: run the hook: /bin/sh exited with status 3 and said nothing\n"
    )
    assert not os.path.exists(log)


def test_run_can_be_interrupted_while_a_hook_runs(runj: Runj) -> None:
    """It ends by the signal, and nothing is left of the container."""
    hooked = Hooked(runj.jails)
    bundle = hooked.bundle(["true"], hooked.every(createRuntime="echo 1 >LOG/hanging; exec sleep 60"))
    running = subprocess.Popen(runj.argv("run", "--bundle", bundle, "web"), stdin=subprocess.DEVNULL)
    hooked.wait_for("hanging")

    running.terminate()

    assert running.wait(PATIENCE) == -signal.SIGTERM
    assert hooked.phases() == ["prestart", "createRuntime", "poststop"]
    assert os.listdir(runj.jails.state_dir) == []


def test_a_hook_that_takes_too_long_is_killed(runj: Runj) -> None:
    """A timeout fails create, as any other failure does."""
    hooked = Hooked(runj.jails)
    hooks = {"prestart": [hooked.hook("prestart", "sleep 60 & wait", timeout=1)]}

    message = runj.fails("create", "--bundle", hooked.bundle(["true"], hooks), "web")

    assert message.endswith("/bin/sh took longer than its timeout of 1 s, and was killed with its process group")
    assert os.listdir(runj.jails.state_dir) == []
