"""Daemon and keeper are replaced while jails write, end and are being started: nothing is lost, nothing comes twice."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import pytest

from tests.faults.logged import LoggedDaemon, written
from tests.functional.daemon import wait_until

_JAILS = 20
#: writes numbered lines until it may end
_WRITER = """
n = 0
while not os.path.exists('{end}'):
    n += 1
    line = b'%d ' % n + b'x' * 60 + b'\\n'
    while line:
        line = line[os.write(1 + n % 2, line):]
    if n % 10 == 0:
        time.sleep(0.02)
open('{end}.' + {name!r}, 'w').write(str(n))
sys.exit(0)
"""


@pytest.fixture
def logged() -> Iterator[LoggedDaemon]:
    """Return an installed runjd that is to be described and started."""
    made = LoggedDaemon(installed=True)
    try:
        yield made
    finally:
        made.remove()


def _install(logged: LoggedDaemon, version: str, **changes: str) -> None:
    assert logged.installation is not None
    logged.installation.install(version, **changes)


def _numbers(logged: LoggedDaemon, name: str, stream: str) -> list[int]:
    text = b"".join(written("cri", each, stream) for each in logged.files(name))
    return [int(line.split()[0]) for line in text.splitlines()]


def test_no_line_is_lost_or_doubled(logged: LoggedDaemon) -> None:
    """Twenty jails write on both streams during two upgrades; every line of each is in its log, once and in order."""
    end = f"{logged.directory}/end"
    names = [f"writer{number}" for number in range(_JAILS)]
    for name in names:
        logged.jail(name, _WRITER.format(end=end, name=name))
    logged.start()
    logged.runjctl("start", *names)

    for version in ("2.0", "3.0"):
        _install(logged, version)
        logged.upgrade()
    open(end, "w").close()
    for name in names:
        logged.wait_for_end(name)

    for name in names:
        with open(f"{end}.{name}", encoding="ascii") as file:
            count = int(file.read())
        found = {stream: _numbers(logged, name, stream) for stream in ("out", "err")}
        assert found == {"out": list(range(2, count + 1, 2)), "err": list(range(1, count + 1, 2))}, name


def test_each_exit_is_told_as_it_was(logged: LoggedDaemon) -> None:
    """Jails end in every moment of an upgrade; each has its own status, and none is started again."""
    names = [f"ends{number}" for number in range(_JAILS)]
    for number, name in enumerate(names):
        logged.jail(name, f"time.sleep({number * 0.1})\nsys.exit({number})")
    logged.start()
    logged.runjctl("start", *names)
    _install(logged, "2.0")

    logged.upgrade()

    for name in names:
        logged.runjctl("wait", "--timeout", "30", name, ok=False)
    found = json.loads(logged.runjctl("status", "--json").stdout)
    assert {each["jail"]: (each["exit"], each["restarts"]) for each in found} == {
        name: (number, 0) for number, name in enumerate(names)
    }


def test_a_start_in_flight_is_finished(logged: LoggedDaemon) -> None:
    """The upgrade waits for it; who asked for it is told, and it is there afterwards, once."""
    logged.jail("slow", "time.sleep(1000)")
    path = f"{logged.directory}/bundles/slow/config.json"
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    begun = f"{logged.directory}/begun"
    config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f": > {begun}; sleep 0.5"]}]}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    logged.start()
    _install(logged, "2.0")

    with logged.begin("start", "slow") as start:
        wait_until(lambda: os.path.exists(begun), "the start does not begin")
        logged.upgrade()
        assert start.wait(10) == 0

    status = logged.status("slow")
    assert (status["phase"], status["restarts"]) == ("running", 0)
    os.kill(int(str(status["pid"])), 0)


def test_what_was_wanted_goes_on_where_it_stood(logged: LoggedDaemon) -> None:
    """A jail that is held off stays so, for no longer than before, and its failures are still counted."""
    bundle = logged.shell("crash", "exit 1")
    logged.configure(f'[jail.crash]\nbundle = "{bundle}"\nrestart = "always"\nbackoff = {{ first = "40s" }}\n')
    logged.start()
    wait_until(lambda: logged.status("crash")["phase"] == "backoff", "it is not held off")
    before = logged.status("crash")
    _install(logged, "2.0")

    logged.upgrade()

    after = logged.status("crash")
    assert (after["phase"], after["restarts"], after["exit"]) == ("backoff", before["restarts"], 1)
    assert float(str(after["next_in"])) < float(str(before["next_in"]))


def test_upgrades_in_a_row_keep_both_flat(logged: LoggedDaemon) -> None:
    """Descriptors and memory of daemon and keeper do not grow with each; the jails notice none of them."""
    names = [f"idle{number}" for number in range(5)]
    for name in names:
        logged.jail(name, "time.sleep(1000)", stdin=True)
    logged.start()
    logged.runjctl("start", *names)
    pids = [logged.status(name)["pid"] for name in names]
    logged.upgrade()
    before = _measured(logged)

    for _ in range(int(os.environ.get("RUNJD_UPGRADES", "2"))):
        logged.upgrade()

    after = _measured(logged)
    for what in before:
        assert after[what] <= before[what] * (1.1 if "memory" in what else 1), (what, before, after)
    assert [logged.status(name)["pid"] for name in names] == pids


def _measured(logged: LoggedDaemon) -> dict[str, int]:
    """Return descriptors and own memory of both processes, once they are at rest."""
    found: dict[str, int] = {}
    for name, pid in (("daemon", logged.pid), ("keeper", logged.keeper())):

        def at_rest(pid: int = pid) -> bool:
            first = len(os.listdir(f"/proc/{pid}/fd"))
            time.sleep(0.2)
            return first == len(os.listdir(f"/proc/{pid}/fd"))

        wait_until(at_rest, "it does not come to rest")
        found[f"{name} descriptors"] = len(os.listdir(f"/proc/{pid}/fd"))
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            found[f"{name} memory"] = sum(int(line.split()[1]) for line in file if line.startswith("Private_"))
    return found
