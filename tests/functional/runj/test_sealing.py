"""No container is entered with an interpreter that it could write to."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.container.jails import Jails
from tests.functional.runj.command import PATIENCE, Runj

pytestmark = pytest.mark.root


def test_what_cannot_be_sealed_does_not_enter(private_dir: str) -> None:
    """Without the right to make the interpreter read-only a container is not made, which the log says, too."""
    runj = Runj(Jails(private_dir, "linux"))
    log = os.path.join(private_dir, "log")
    words = runj.argv("create", "--bundle", runj.bundle(["true"]), "web")
    words[words.index("--root") : words.index("--root")] = ["--log", log, "--log-format", "json"]

    done = subprocess.run(
        ["setpriv", "--bounding-set=-sys_admin", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, "runj: seal the interpreter: operation not permitted\n")
    with open(log, encoding="utf-8") as file:
        assert json.loads(file.read())["msg"] == "seal the interpreter: operation not permitted"
    assert not os.path.exists(os.path.join(runj.jails.state_dir, "web"))
