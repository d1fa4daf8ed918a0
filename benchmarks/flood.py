"""
What a jail that writes without end does to fifty others that write a little, and to who asks the daemon.

How late this program itself wakes up says how busy the machine is: less than that nobody can be.

    python -m benchmarks.flood
"""

import calendar
import os
import sys
import time

from benchmarks import host
from benchmarks.bundles import BOX, Bundles
from benchmarks.daemon import Daemon
from benchmarks.figure import FLOOR, Figure
from benchmarks.measurement import Plan, run
from benchmarks.timing import until
from runjd.logs.names import rotated

#: jails that write ten lines a second while another one floods
_CALM = 50
_SAYS_THE_TIME = "import time\nwhile True:\n    print(f'{time.time():.6f}', flush=True)\n    time.sleep(0.1)\n"
_EVER = f"while :; do {BOX} cat /data; done"
_NAP = 0.0005
_ROTATED = 64 << 20
_LATE = "beside a jail that floods: how late"


def measure(plan: Plan) -> list[Figure]:
    """Return how late others are while a jail floods."""
    host.leave_hybrid_cgroups()
    with host.work_directory("/dev/shm") as directory:
        installed = plan.installed(directory)
        _describe_jails(directory, Bundles(directory))
        with Daemon(installed, directory) as daemon:
            return _watch(daemon, plan.seconds)


def _watch(daemon: Daemon, seconds: float) -> list[Figure]:
    """
    Let them write, and watch.

    The time of a record tells when the daemon had a line.  One of the jails is watched until its lines are in its
    file.  The control socket is asked a hundred times a second.
    """
    calm = [f"calm{number}" for number in range(_CALM)]
    daemon.control("start", *calm, "flood")
    flood, watched = f"{daemon.directory}/log/flood.log", f"{daemon.directory}/log/{calm[0]}.log"
    until(lambda: os.path.exists(flood) and os.path.exists(watched))
    arrived: list[float] = []
    answers: list[float] = []
    late: list[float] = []
    rest = b""
    before, began, asked = _rotations(flood), time.time(), 0.0
    with open(watched, "rb") as log, daemon.connect() as connection:
        log.seek(os.path.getsize(watched))
        while time.time() - began < seconds:
            rest += log.read()
            *lines, rest = rest.split(b"\n")
            arrived += [time.time() - float(each.split(b" ")[3]) for each in lines]
            if time.monotonic() - asked > 0.01:
                asked = time.monotonic()
                connection.sendall(b"ping\n")
                connection.recv(8192)
                answers.append(time.monotonic() - asked)
            slept = time.monotonic()
            time.sleep(_NAP)
            late.append(time.monotonic() - slept - _NAP)
    rate = (_rotations(flood) - before) * _ROTATED / (time.time() - began) / 1e6
    daemon.control("stop", "--timeout", "0", *calm, "flood")
    taken = [delay for name in calm for delay in _delays(f"{daemon.directory}/log/{name}.log", began)]
    found = [
        Figure(f"{_LATE} {what}", who, "ms", tuple(1e3 * each for each in seconds), role=role)
        for what, who, seconds, role in (
            ("a line of 50 others is at the daemon", "runjd", taken, "ours"),
            ("a line of another one is in its file", "runjd", arrived, "ours"),
            ("the control socket answers", "runjd", answers, "ours"),
            ("the control socket answers", "a program that sleeps", late, FLOOR),
        )
    ]
    return [*found, Figure("rate of the jail that floods", "runjd", "MB/s", (rate,), is_rate=True)]


def _rotations(log: str) -> int:
    return max((each.number for each in rotated(log)), default=0)


def _delays(log: str, since: float) -> list[float]:
    """Return the seconds between a line and the time of its record, of all lines since then."""
    found = []
    with open(log, "rb") as file:
        for record in file:
            at, _, _, text = record.split(b" ")
            if float(text) >= since:
                seconds = calendar.timegm(time.strptime(at[:19].decode(), "%Y-%m-%dT%H:%M:%S"))
                found.append(seconds + float(at[19:29]) - float(text))
    return found


def _describe_jails(directory: str, bundles: Bundles) -> None:
    """Write runjd.toml: one that floods, and the calm ones, which are not isolated."""
    with open(f"{bundles.root}/data", "wb") as file:
        file.write((b"x" * 99 + b"\n") * 1_000_000)
    ever = bundles.make("ever", [BOX, "sh", "-c", _EVER])
    calm = bundles.make_plain("calm", [sys.executable, "-I", "-S", "-c", _SAYS_THE_TIME])
    jails = {"flood": f'bundle = "{ever}"\nlog = {{ max-size = {_ROTATED}, keep = 1 }}'}
    for number in range(_CALM):
        jails[f"calm{number}"] = f'bundle = "{calm}"\nruntime = "plain"'
    with open(f"{directory}/runjd.toml", "w", encoding="utf-8") as file:
        for name, text in jails.items():
            file.write(f'[jail.{name}]\n{text}\nautostart = false\nrestart = "never"\n')


if __name__ == "__main__":
    run(measure, __doc__)
