"""Hooks of a bundle: their order, where they run, and what becomes of a container whose hook fails."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

FOREVER = "while :; do sleep 1; done"
#: in the order of the specification; the last one runs when the container is gone
PHASES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
#: those of create; those of start
AT_CREATE, AT_START = PHASES[:3], PHASES[3:5]


def hook(script: str, **more: Any) -> dict[str, Any]:
    """Return a hook that runs a script of the shell; ``/bin/sh`` is on the host and in the container."""
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"], **more}


def all_phases(diary: str) -> dict[str, list[dict[str, Any]]]:
    """Return a hook for each phase, which writes its name; that of startContainer into a file of the container."""
    found = {phase: [hook(f"echo {phase} >> {diary}")] for phase in PHASES}
    return {**found, "startContainer": [hook("echo startContainer > /began")]}


def test_all_phases_run_in_their_order(containers) -> None:
    """The first three at create, startContainer and poststart at start, poststop at delete."""
    diary = f"{containers.directory}/diary"
    bundle = containers.create("c", FOREVER, lambda config: config.update(hooks=all_phases(diary)))
    began = f"{bundle}/rootfs/began"
    created, had_begun = _lines(diary), os.path.exists(began)
    containers.ok("start", "c")
    started, has_begun = _lines(diary), os.path.exists(began)
    containers.ok("delete", "--force", "c")

    assert (created, had_begun) == (list(AT_CREATE), False)
    assert (started, has_begun) == ([*AT_CREATE, "poststart"], True)
    assert _lines(diary) == [*AT_CREATE, "poststart", "poststop"]


def test_hooks_read_the_state_and_have_their_own_environment(containers) -> None:
    """On their standard input, with id, pid and bundle; nothing of ours is in their environment."""
    told = f"{containers.directory}/told"
    hooks = {"createRuntime": [hook(f"cat > {told}; echo $A$HOME > {told}.env", env=["A=1", "PATH=/bin:/usr/bin"])]}
    bundle = containers.create("c", FOREVER, lambda config: config.update(hooks=hooks))
    pid = containers.state("c")["pid"]
    containers.ok("delete", "--force", "c")

    with open(told) as file:
        state = json.load(file)
    assert (state["id"], state["pid"], state["bundle"], state["status"]) == ("c", pid, bundle, "creating")
    assert _lines(f"{told}.env") == ["1"]


def test_a_create_container_hook_begins_in_the_root(containers) -> None:
    """Its path is the host's, its working directory the root of the container."""
    hooks = {"createContainer": [hook("echo here > left-by-a-hook")]}
    bundle = containers.create("c", FOREVER, lambda config: config.update(hooks=hooks))
    containers.ok("delete", "--force", "c")

    assert _lines(f"{bundle}/rootfs/left-by-a-hook") == ["here"]


@pytest.mark.parametrize("phase", AT_CREATE)
def test_a_hook_that_fails_at_create_leaves_nothing(containers, phase) -> None:
    """The error names it, with what it said; poststop hooks run nevertheless."""
    diary = f"{containers.directory}/diary"
    hooks = {phase: [hook("echo of no use >&2; exit 3")], "poststop": [hook(f"echo poststop >> {diary}")]}
    said = _refused(containers, hooks)

    assert f"hooks.{phase}[0]" in said
    assert "status 3" in said
    assert "of no use" in said
    assert _lines(diary) == ["poststop"]


@pytest.mark.parametrize("phase", AT_START)
def test_a_hook_that_fails_at_start_stops_the_container(containers, phase) -> None:
    """It is destroyed, and its poststop hooks run."""
    diary = f"{containers.directory}/diary"
    hooks = {phase: [hook("exit 4")], "poststop": [hook(f"echo poststop >> {diary}")]}
    containers.create("c", FOREVER, lambda config: config.update(hooks=hooks))
    said = containers.fails("start", "c")

    assert f"hooks.{phase}[0]" in said
    containers("delete", "--force", "c")
    assert _lines(diary) == ["poststop"]


def test_a_poststop_hook_that_fails_is_a_warning(containers) -> None:
    """The others run, and the container is gone."""
    diary = f"{containers.directory}/diary"
    hooks = {"poststop": [hook("exit 5"), hook(f"echo second >> {diary}")]}
    containers.create("c", FOREVER, lambda config: config.update(hooks=hooks))
    containers.ok("kill", "c", "KILL")
    containers.becomes("c", "stopped")
    done = containers("delete", "c")

    assert done.returncode == 0
    assert "hooks.poststop[0]" in done.stderr
    assert _lines(diary) == ["second"]
    assert containers.ok("list", "--quiet") == ""


def test_a_hook_may_not_take_longer_than_its_timeout(containers) -> None:
    """It is killed with what it started, and create fails in time."""
    before = time.monotonic()
    said = _refused(containers, {"createRuntime": [hook("sleep 1000 & sleep 1000", timeout=1)]})

    assert "timeout of 1 s" in said
    assert time.monotonic() - before < 20


def _refused(containers, hooks: dict[str, Any]) -> str:
    config = containers.config(FOREVER)
    config["hooks"] = hooks
    said = containers.fails("create", "--bundle", containers.bundle(config), "c")
    assert containers.ok("list", "--quiet") == ""
    return said


def _lines(path: str) -> list[str]:
    with open(path) as file:
        return file.read().split()
