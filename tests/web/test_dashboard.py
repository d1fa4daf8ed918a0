"""The dashboard in etc/, and the manual page, show what there is."""

import json
import re
from pathlib import Path

from runjd.policy.usage import Usage

CHECKOUT = Path(__file__).parent.parent.parent


def names(bench) -> set[str]:
    """Return the names of all metrics that there may be."""
    bench.jails.usages = {"web": Usage(1.25, 4096, 3, 10, 20)}
    return {line.split()[2] for line in bench.lines("# TYPE ")}


def test_the_dashboard_asks_for_metrics_that_there_are(bench):
    """Each panel has expressions, and each of those names metrics of ours or of processes."""
    dashboard = json.loads((CHECKOUT / "etc" / "grafana.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    known = names(bench)

    assert len(asked) >= len(dashboard["panels"]) > 10
    for expression in asked:
        found = {name.removesuffix("_bucket") for name in re.findall(r"\b(?:runjd|process)_\w+", expression)}
        assert found, expression
        assert found <= known


def test_the_manual_page_lists_all_of_ours(bench):
    """And no other."""
    page = (CHECKOUT / "man" / "runjd.8").read_text()
    section = re.search(r"^\.Sh METRICS\n(.*?)^\.Sh ", page, re.MULTILINE | re.DOTALL)[1]

    assert set(re.findall(r"\brunjd_\w+", section)) == {name for name in names(bench) if name.startswith("runjd_")}
