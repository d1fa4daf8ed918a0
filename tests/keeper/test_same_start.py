"""What a program finds that a worker became, beside one that a worker forked."""

import json
import os
import sys

import pytest

from tests.keeper.daemon import Daemon
from tests.keeper.running import RunningKeeper

pytestmark = [pytest.mark.root, pytest.mark.skipif(sys.platform != "linux", reason="pid namespaces are Linux's")]

#: prints as JSON all that a process has by inheritance, under names; what must differ is left out
_LOOK = """
import ctypes, json, os, resource, signal, sys
def text(name):
    with open('/proc/self/' + name, 'rb') as file:
        return file.read().decode()
def stands(fd):
    try:
        return os.readlink('/proc/self/fd/%d' % fd).split(':')[0], os.get_inheritable(fd)
    except OSError:
        return None
libc = ctypes.CDLL(None)
def prctl(number):
    return libc.prctl(number, 0, 0, 0, 0)
def death():
    number = ctypes.c_int(-1)
    libc.prctl(2, ctypes.byref(number), 0, 0, 0)
    return number.value
status = dict(line.split(':', 1) for line in text('status').splitlines())
changing = {'SigQ', 'FDSize',
    'VmPeak', 'VmSize', 'VmLck', 'VmPin', 'VmHWM', 'VmRSS', 'RssAnon', 'RssFile', 'RssShmem', 'VmData', 'VmStk',
    'VmExe', 'VmLib', 'VmPTE', 'VmSwap', 'voluntary_ctxt_switches', 'nonvoluntary_ctxt_switches', 'Cpus_allowed'}
found = {each: value.split() for each, value in status.items() if each not in changing}
found['cmdline'] = len(text('cmdline'))
found['fds'] = [each for each in map(stands, range(1024)) if each]
found['environ'] = sorted(text('environ').split(chr(0)))
found['cgroup'] = text('cgroup')
found['limits'] = text('limits')
mounts = [line.split(' - ') for line in text('mountinfo').splitlines()]
found['mounts'] = sorted(after + str(before.split()[4:6]) + str(len(before.split())) for before, after in mounts)
found['score'] = text('oom_score_adj')
found['coredump'] = text('coredump_filter')
found['session'] = os.getsid(0), os.getpgrp(), os.getpid(), os.getppid()
found['dumpable'], found['death'], found['reaper'] = prctl(3), death(), prctl(37)
found['secure'], found['slack'], found['nnp'] = prctl(27), prctl(30), prctl(39)
found['personality'] = libc.personality(0xffffffff)
found['umask'], found['cwd'], found['root'] = os.umask(0), os.getcwd(), os.readlink('/proc/self/root')
found['nice'], found['policy'] = os.getpriority(0, 0), os.sched_getscheduler(0)
found['affinity'] = sorted(os.sched_getaffinity(0))
found['ioprio'] = libc.syscall(252, 1, 0)
found['groups'], found['ids'] = os.getgroups(), (os.getresuid(), os.getresgid())
found['timers'] = text('timers'), signal.getitimer(0), signal.getitimer(1), signal.getitimer(2)
found['hostname'], found['interfaces'] = os.uname().nodename, text('net/dev').split()[:1]
names = sorted(os.listdir('/proc/self/ns'))
found['same'] = [name for name in names if os.readlink('/proc/self/ns/' + name) in sys.argv[1]]
found['others'] = [each for each in os.listdir('/proc') if each.isdigit() and each != '1']
for each in 'timens_offsets', 'loginuid', 'sessionid', 'attr/current', 'setgroups', 'uid_map', 'timerslack_ns':
    try:
        found[each] = text(each)
    except OSError as error:
        found[each] = error.errno
found['maps'] = sorted({line.split()[5] for line in text('maps').splitlines() if len(line.split()) > 5 and '/' in line})
print(json.dumps(found, sort_keys=True), flush=True)
"""


#: bundles, each by what is other than usual in it
_BUNDLES: dict[str, dict[str, object]] = {
    "usual": {},
    "a terminal": {"process.terminal": True},
    "a user": {
        "process.oomScoreAdj": 77,
        "process.user": {"uid": 77, "gid": 78, "umask": 7, "additionalGids": [5]},
        "process.noNewPrivileges": False,
        "process.cwd": "/usr",
        "hostname": "h",
    },
    "few namespaces": {"linux.namespaces": [{"type": "mount"}, {"type": "pid"}]},
    "all namespaces": {
        "linux.namespaces": [{"type": each} for each in ("mount", "pid", "ipc", "uts", "cgroup", "time", "network")],
    },
    "a joined namespace": {
        "linux.namespaces": [
            {"type": "mount"},
            {"type": "pid"},
            {"type": "network", "path": f"/proc/{os.getpid()}/ns/net"},
        ],
    },
    "limits": {
        "linux.resources": {"pids": {"limit": 30}},
        "linux.namespaces": [{"type": each} for each in ("mount", "pid", "cgroup")],
        "process.rlimits": [{"type": "RLIMIT_CORE", "soft": 1, "hard": 2}],
    },
    "confined": {
        "linux.seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_ERRNO"}],
        },
        "linux.personality": {"domain": "LINUX32"},
        "process.scheduler": {"policy": "SCHED_BATCH", "nice": 5},
        "process.ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 3},
    },
}


@pytest.mark.parametrize("what", _BUNDLES)
def test_no_program_can_tell_how_it_was_started(private_dir: str, what: str) -> None:
    """Descriptors, rights, signals, limits, session, mounts, namespaces and the rest are the same in both ways."""
    found = [
        _started(f"{private_dir}/{name}", seconds, _BUNDLES[what]) for name, seconds in (("one", 0), ("two", 3600))
    ]

    assert found[0] == found[1]


def _started(directory: str, spare_time: int, change: dict[str, object]) -> object:
    """Return what a program finds with a keeper that has, or has not, one who waits to become it."""
    os.mkdir(directory, 0o700)
    options = (f"--spare-time={spare_time}",)
    keeper = RunningKeeper(directory, *options, shell_before="umask 027; ulimit -Sn 777; ulimit -Sc 5")
    try:
        daemon = keeper.greeted()
        daemon.run("before", keeper.isolated_bundle("before", "/bin/true"), "linux")
        daemon.ack(daemon.exit("before"))
        daemon.delete("before")
        if spare_time:
            keeper.wait(lambda: _firsts(keeper.pid), "who waits")
        firsts = _firsts(keeper.pid)
        pid, found = _found(keeper, daemon, change)
        assert [pid] == firsts or not spare_time
        return json.loads(found.replace(directory.encode(), b""))
    finally:
        keeper.end()


def _firsts(keeper: int) -> list[int]:
    """Return the children that are pid 1 of their namespace."""
    with open(f"/proc/{keeper}/task/{keeper}/children", encoding="ascii") as file:
        return [int(each) for each in file.read().split() if _is_first(each)]


def _is_first(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return any(line.split()[-1] == "1" for line in file if line.startswith("NSpid:"))
    except OSError:
        return False


def _namespaces() -> str:
    return " ".join(os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns"))


def _found(keeper: RunningKeeper, daemon: Daemon, change: dict[str, object]) -> tuple[object, bytes]:
    """Run what looks around; return its pid, and what it printed."""
    bundle = keeper.isolated_bundle("web", "/usr/bin/python3", "-I", "-S", "-c", _LOOK, _namespaces())
    with open(f"{bundle}/config.json", encoding="utf-8") as file:
        config = json.load(file)
    for path, value in change.items():
        room, _, key = path.rpartition(".")
        (config[room] if room else config)[key] = value
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)
    has_terminal = config["process"]["terminal"]
    ran = daemon.run("web", bundle, "linux", stdin=not has_terminal, size=(30, 90) if has_terminal else None)
    text = b""
    while not text.endswith(b"\n"):
        text += daemon.read("web", 1, "", "tty" if has_terminal else "out")
    assert daemon.exit("web")["status"] == 0
    daemon.delete("web")
    return ran["pid"], text
