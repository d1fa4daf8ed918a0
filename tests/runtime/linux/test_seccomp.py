"""Filters of system calls in real jails: what the program finds, and who gets them."""

from __future__ import annotations

import errno
import os

import pytest

from runjd.errors import RuntimeFailure
from runjd.runtime.contract import Undo
from runjd.runtime.linux.runtime import LinuxRuntime
from runjd.spec.model import Capabilities, Config, Namespace, Seccomp, SeccompArgument, SeccompRule, User
from tests.runtime.driver import KEPT, Driver, config, shell
from tests.runtime.linux.filters import needs_libseccomp

pytestmark = [pytest.mark.root, needs_libseccomp]

FORBIDDEN = SeccompRule(("mkdir", "mkdirat"), "SCMP_ACT_ERRNO", errno.EDOM)
MKDIR = "mkdir /tmp/x 2>&1; echo $?"
#: what a static busybox needs to say one word
FEW = (
    "execve", "write", "exit_group", "exit", "arch_prctl", "brk", "mmap", "mprotect", "munmap", "set_tid_address",
    "set_robust_list", "rseq", "prlimit64", "readlink", "readlinkat", "getrandom", "prctl", "uname", "getuid", "getpid",
    "getppid", "rt_sigaction", "rt_sigprocmask", "getcwd", "stat", "newfstatat", "ioctl", "fcntl", "geteuid", "getegid",
    "getgid",
)  # fmt: skip


def filtered(script: str, filter: Seccomp, **process: object) -> Config:
    """Return a configuration with a filter."""
    return config(script, process=process, linux={"seccomp": filter})


def allowing_but(*rules: SeccompRule, **more: object) -> Seccomp:
    """Return a filter that allows all but what the rules say."""
    return Seccomp("SCMP_ACT_ALLOW", syscalls=rules, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("no_new_privileges", [False, True])
@pytest.mark.parametrize("uid", [0, 1000])
def test_a_system_call_fails(driver: Driver, bundle: str, no_new_privileges: bool, uid: int) -> None:
    """The number of the rule is what the program gets, whoever it is, with no_new_privs and without."""
    wanted = filtered(MKDIR, allowing_but(FORBIDDEN), no_new_privileges=no_new_privileges, user=User(uid, uid))
    _status, output = driver.run(wanted, bundle)

    assert output == f"mkdir: can't create directory '/tmp/x': {os.strerror(errno.EDOM)}\n1\n"


def test_a_system_call_ends_the_process(driver: Driver, bundle: str) -> None:
    """Kill and trap end the program by SIGSYS."""
    for action in ("SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"):
        rule = SeccompRule(FORBIDDEN.names, action)
        assert driver.run(filtered(MKDIR, allowing_but(rule)), bundle)[1].endswith("159\n")


def test_a_system_call_is_logged(driver: Driver, bundle: str) -> None:
    """Log lets the call through; so do the flags of the specification."""
    flags = ("SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC")
    rule = SeccompRule(FORBIDDEN.names, "SCMP_ACT_LOG")

    assert driver.run(filtered("mkdir /dev/shm/x; echo $?", allowing_but(rule, flags=flags)), bundle) == (0, "0\n")


def test_arguments_are_compared(driver: Driver, bundle: str) -> None:
    """A rule with a condition counts for that value of the argument only."""
    condition = SeccompArgument(0, "SCMP_CMP_MASKED_EQ", 0o007, 0o005)
    rule = SeccompRule(("umask",), "SCMP_ACT_KILL", None, (condition,))
    script = "(umask 025) 2>/dev/null; echo $?; (umask 077); echo $?"

    assert driver.run(filtered(script, allowing_but(rule)), bundle)[1].splitlines()[-2:] == ["159", "0"]


@pytest.mark.parametrize("no_new_privileges", [False, True])
def test_only_execve_has_to_pass(driver: Driver, bundle: str, no_new_privileges: bool) -> None:
    """A filter that allows what the program needs and nothing of what we do is enough."""
    for default in ("SCMP_ACT_KILL_PROCESS", "SCMP_ACT_ERRNO"):
        filter = Seccomp(default, syscalls=(SeccompRule(FEW, "SCMP_ACT_ALLOW"),))
        wanted = filtered("", filter, args=("/bin/busybox", "echo", "here"), no_new_privileges=no_new_privileges)
        assert driver.run(wanted, bundle) == (0, "here\n")


def test_execve_that_is_forbidden_is_told(driver: Driver, bundle: str) -> None:
    """Where the filter forbids the program itself, the init process ends."""
    filter = allowing_but(SeccompRule(("execve",), "SCMP_ACT_KILL_PROCESS"))

    assert driver.run(filtered("", filter), bundle)[0] == -31


@pytest.mark.parametrize("uid", [0, 1000])
def test_the_right_to_load_a_filter_is_not_left(driver: Driver, bundle: str, uid: int) -> None:
    """Loading without no_new_privs takes CAP_SYS_ADMIN, of which the program has nothing in any set."""
    wanted = filtered("cat /proc/self/status", allowing_but(FORBIDDEN), user=User(uid, uid))
    lines = dict(line.split(":\t") for line in driver.run(wanted, bundle)[1].splitlines() if ":\t" in line)

    sets = {name: int(lines[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    kept = 1 << 5 | 1 << 10
    allowed = kept if uid == 0 else 0
    assert sets == {"CapInh": 0, "CapPrm": allowed, "CapEff": allowed, "CapBnd": kept, "CapAmb": 0}
    assert (lines["NoNewPrivs"], lines["Seccomp"]) == ("0", "2")


def status_of(pid: int) -> dict[str, int]:
    """Return what the kernel says of a process's rights: capabilities, and 2 for a filter."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        words = [line.split() for line in file]
    return {each[0][:-1]: int(each[1], 16) for each in words if each[0].startswith(("Cap", "Seccomp:"))}


ADMIN = 1 << 21


@pytest.mark.parametrize("uid", [0, 1000])
def test_an_init_that_is_alone_waits_without_its_filter(driver: Driver, bundle: str, uid: int) -> None:
    """Until it is started it may load its filter, which nobody can make use of; it has no such right in effect."""
    held = driver.create(filtered("", allowing_but(FORBIDDEN), user=User(uid, uid)), bundle)
    found = status_of(held.pid)
    driver.end(held)

    assert (found["CapPrm"] & ADMIN, found["CapEff"] & ADMIN, found["Seccomp"]) == (ADMIN, 0, 0)


@pytest.mark.parametrize("uid", [0, 1000])
def test_who_is_seen_by_others_has_no_such_right(driver: Driver, bundle: str, uid: int) -> None:
    """An exec process, and an init process among others, are filtered before one with CAP_SYS_PTRACE could use them."""
    tracing = (*KEPT, "CAP_SYS_PTRACE")
    sets = Capabilities(tracing, tracing, (), tracing, ())
    first = driver.create(filtered("sleep 60", allowing_but(FORBIDDEN), capabilities=sets), bundle, "first")
    driver.start(first.pid)
    shared = tuple(Namespace(kind, f"/proc/{first.pid}/ns/pid" if kind == "pid" else "") for kind in ("mount", "pid"))
    wanted = filtered(MKDIR, allowing_but(FORBIDDEN), user=User(uid, uid))._replace(hostname="")
    second = driver.create(wanted._replace(linux=wanted.linux and wanted.linux._replace(namespaces=shared)), bundle)
    third = driver.enter(first, shell(MKDIR, user=User(uid, uid)))
    kept = 1 << 5 | 1 << 10

    for pid in (second.pid, third):
        found = status_of(pid)
        assert (found["CapPrm"], found["CapEff"], found["CapBnd"], found["Seccomp"]) == (kept, kept, kept, 2)
        driver.start(pid)
        assert os.strerror(errno.EDOM) in driver.finish(pid)[1]
    driver.end(second)
    driver.end(first)


def test_a_right_to_administer_that_was_given_stays(driver: Driver, bundle: str) -> None:
    """A process that is given CAP_SYS_ADMIN has it, in the sets that it was given it in."""
    sets = Capabilities(("CAP_SYS_ADMIN",), (), (), ("CAP_SYS_ADMIN",), ())
    tracing = Capabilities(("CAP_SYS_PTRACE",))
    held = driver.create(filtered("sleep 60", allowing_but(FORBIDDEN), capabilities=tracing), bundle)
    driver.start(held.pid)
    pid = driver.enter(held, shell("", capabilities=sets))
    found = status_of(pid)
    driver.start(pid)
    driver.finish(pid)
    driver.end(held)

    assert (found["CapPrm"], found["CapEff"], found["Seccomp"]) == (ADMIN, 0, 2)


def test_ambient_capabilities_stay(driver: Driver, bundle: str) -> None:
    """What an ordinary user is given over the execve is given with a filter, too."""
    sets = Capabilities(KEPT, KEPT, KEPT, KEPT, KEPT)
    wanted = filtered(
        "grep CapEff /proc/self/status", allowing_but(FORBIDDEN), user=User(1000, 1000), capabilities=sets
    )

    assert driver.run(wanted, bundle)[1].split()[1] == "0000000000000420"


def test_clone3_may_be_absent(driver: Driver, bundle: str) -> None:
    """Profiles say that there is no clone3, whose arguments they cannot look into: an exec does without."""
    absent = SeccompRule(("clone3",), "SCMP_ACT_ERRNO", errno.ENOSYS)
    held = driver.create(filtered("sleep 60", allowing_but(absent)), bundle)
    driver.start(held.pid)

    assert driver.exec(held, shell("echo here")) == (0, "here\n")
    driver.end(held)


@pytest.mark.parametrize("no_new_privileges", [False, True])
def test_an_exec_process_gets_the_filter_of_its_jail(driver: Driver, bundle: str, no_new_privileges: bool) -> None:
    """Whoever joins is filtered as the init process is."""
    held = driver.create(filtered("sleep 60", allowing_but(FORBIDDEN)), bundle)
    driver.start(held.pid)
    status, output = driver.exec(held, shell(MKDIR, no_new_privileges=no_new_privileges))
    driver.end(held)

    assert (status, os.strerror(errno.EDOM) in output) == (0, True)


def test_nobody_joins_without_the_record(driver: Driver, bundle: str) -> None:
    """Where what confines the jail is not known, an exec fails; it does not run unfiltered."""
    held = driver.create(filtered("sleep 60", allowing_but(FORBIDDEN)), bundle)
    driver.start(held.pid)

    for record in (b"", b"CNF1", bytes(16)):
        with pytest.raises(RuntimeFailure, match="missing or damaged"):
            driver.runtime.join(held, shell(""), record)
    driver.end(held)


def test_a_filter_that_cannot_be_made_is_found_before_the_fork(bundle: str) -> None:
    """Nothing is forked for a filter that the kernel would refuse."""
    args = [SeccompArgument(0, "SCMP_CMP_EQ", value) for value in range(4096)]
    filter = allowing_but(*[SeccompRule(("chmod",), "SCMP_ACT_ERRNO", None, (each,)) for each in args])
    runtime = LinuxRuntime()
    made: list[Undo] = []

    with pytest.raises(RuntimeFailure, match="longer than the kernel allows"):
        runtime.prepare(runtime.plan(filtered("", filter), bundle, "web"), made.append)
    assert made == []
