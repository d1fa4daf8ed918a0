"""The alerts in the documentation."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from runjd.config.endpoints import Endpoint
from runjd.config.load import load
from runjd.policy.usage import Usage

GUIDE = Path(__file__).parent.parent.parent / "docs" / "howto" / "monitoring.md"


def rules() -> str:
    """Return the rules as they are shown."""
    return next(each for each in re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "groups:" in each)


def test_alerts_are_about_metrics_that_there_are(bench):
    """Each expression has one at least; only reasons that there are."""
    bench.jails.usages = {"web": Usage(1.25, 4096, 3, 10, 20)}
    known = {line.split()[2] for line in bench.lines("# TYPE ")}
    expressions = re.findall(r"expr: (.*)", rules())

    assert len(expressions) > 5
    assert {name for each in expressions for name in re.findall(r"runjd_\w+", each)} <= known


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is missing")
def test_prometheus_takes_them(tmp_path):
    """By its own checker."""
    (tmp_path / "rules.yml").write_text(rules())
    done = subprocess.run(["promtool", "check", "rules", str(tmp_path / "rules.yml")], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_that_is_shown_makes_sense(tmp_path):
    """All of it together."""
    text = "".join(re.findall(r"```toml\n(.*?)```", GUIDE.read_text(), re.DOTALL))
    (tmp_path / "runjd.toml").write_text(text)

    found = load(str(tmp_path / "runjd.toml"))

    assert found.daemon.metrics == Endpoint(port=9633)
    assert found.daemon.tls.listen == Endpoint(port=7443, interface="0.0.0.0")
    assert [rule.role for rule in found.rules] == ["operator"]
