"""What the filters of runj and runc say of every system call, side by side on this machine."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.container.jails import Jails
from tests.functional.runj.command import Runj
from tests.runtime.linux.bpf import I386, X86_64, verdict
from tests.runtime.linux.filters import needs_libseccomp, needs_x86_64

PODMANS = "/usr/share/containers/seccomp.json"
ERRNO = "SCMP_ACT_ERRNO"

pytestmark = [
    pytest.mark.root,
    needs_libseccomp,
    needs_x86_64,
    pytest.mark.skipif(not shutil.which("runc"), reason="needs runc to compare with"),
]

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_SECCOMP_GET_FILTER = 17, 0x4206, 0x4207, 0x420C
X32, AARCH64 = 0x40000000, 0xC00000B7
CAPABILITIES = ("CAP_CHOWN", "CAP_SETUID", "CAP_SYS_CHROOT")


@pytest.fixture
def linux(private_dir: str) -> Iterator[Runj]:
    jails = Jails(private_dir, "linux")
    yield Runj(jails)
    jails.finish()


def podmans_profile() -> dict[str, Any]:
    """Return podman's profile for a container of few capabilities, as podman makes a bundle's of it."""
    if not os.path.exists(PODMANS):
        pytest.skip("podman's profile is not installed")
    with open(PODMANS, encoding="utf-8") as file:
        found = json.load(file)
    rules = [each for each in found["syscalls"] if _is_meant(each)]
    kept = ("names", "action", "errnoRet", "args")
    return {
        "defaultAction": found["defaultAction"],
        "defaultErrnoRet": found["defaultErrnoRet"],
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [{name: rule[name] for name in kept if rule.get(name) not in (None, [])} for rule in rules],
    }


def _is_meant(rule: dict[str, Any]) -> bool:
    included, excluded = rule.get("includes") or {}, rule.get("excludes") or {}
    if not set(included.get("caps") or ()) <= set(CAPABILITIES) or set(excluded.get("caps") or ()) & set(CAPABILITIES):
        return False
    arches = included.get("arches")
    return (not arches or "amd64" in arches) and "amd64" not in (excluded.get("arches") or ())


def rule(action: str, *names: str, **more: object) -> dict[str, object]:
    """Return a rule."""
    return {"names": list(names), "action": action, **more}


def condition(index: int, op: str, value: int, second: int = 0) -> dict[str, object]:
    """Return a condition."""
    return {"index": index, "op": f"SCMP_CMP_{op}", "value": value, "valueTwo": second}


#: each goes with podman's default filter
CHANGES: dict[str, dict[str, object]] = {
    "as it is": {},
    "EPERM by default": {"defaultErrnoRet": None},
    "killing by default": {"defaultAction": "SCMP_ACT_KILL_PROCESS", "defaultErrnoRet": None},
    "own architecture alone": {"architectures": None},
    "logging by default": {"defaultAction": "SCMP_ACT_LOG", "defaultErrnoRet": None},
}
BY_HAND: dict[str, dict[str, object]] = {
    "actions": {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
            rule(ERRNO, "chmod", errnoRet=22),
            rule(ERRNO, "mkdir", "not_a_call"),
            rule("SCMP_ACT_KILL", "chown"),
            rule("SCMP_ACT_KILL_PROCESS", "rmdir"),
            rule("SCMP_ACT_TRAP", "link"),
            rule("SCMP_ACT_TRACE", "unlink", errnoRet=9),
            rule("SCMP_ACT_LOG", "symlink"),
            rule("SCMP_ACT_ALLOW", "umask"),
        ],
    },
    "conditions": {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86"],
        "syscalls": [
            rule(ERRNO, "chmod", args=[condition(1, "MASKED_EQ", 0o7000, 0o4000)]),
            rule(ERRNO, "fchmod", args=[condition(1, "GE", 2**32 + 1), condition(0, "NE", 3)]),
            rule(ERRNO, "kill", args=[condition(1, "EQ", 9), condition(1, "EQ", 15)]),
            rule(ERRNO, "lseek", args=[condition(1, "LT", 5), condition(2, "LE", 1)]),
            rule(ERRNO, "dup2", args=[condition(1, "GT", 2)]),
            rule("SCMP_ACT_KILL", "dup2", args=[condition(1, "EQ", 2)]),
        ],
    },
}

NUMBERS = (0, 2, 3, 9, 15, 0o4000, 2**32 + 1, 2**64 - 1)
#: conditions are on the first three arguments, of system calls whose numbers are low
ARGUMENTS = [args for each in NUMBERS for args in ((each, each, each), (7, each, 1), (3, each, 9), (each, 0, 9))]


@pytest.mark.parametrize("change", CHANGES)
def test_podmans_profile_filters_the_same(linux: Runj, change: str) -> None:
    """Of podman's profile, and of what differs in its default only, both make the same."""
    filter = podmans_profile() | CHANGES[change]
    compare(linux, {name: value for name, value in filter.items() if value is not None})


@pytest.mark.parametrize("name", BY_HAND)
def test_profiles_by_hand_filter_the_same(linux: Runj, name: str) -> None:
    """All actions, operators and ways to combine conditions come to the same."""
    compare(linux, BY_HAND[name])


def compare(linux: Runj, filter: dict[str, Any]) -> None:
    """Assert that both filters have one verdict on every system call, with any of some numbers as an argument."""
    ours, theirs = programs(linux, filter)
    for architecture, bit, most in ((X86_64, 0, 140), (I386, 0, 140), (X86_64, X32, 0), (AARCH64, 0, 0)):
        for number in range(480):
            for args in ARGUMENTS if number < most else ARGUMENTS[:1]:
                call = (number | bit, args, architecture)
                assert verdict(ours, *call) == verdict(theirs, *call), f"{call}"


def programs(linux: Runj, filter: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return the filters of a container of runj's and of one of runc's."""
    config = linux.jails.config(["sleep", "60"])
    config["ociVersion"] = "1.0.2"
    assert isinstance(config["linux"], dict)
    assert isinstance(config["process"], dict)
    config["linux"]["seccomp"] = filter
    config["process"]["noNewPrivileges"] = False
    bundle = linux.jails.write(config)
    linux.ok("create", "--bundle", bundle, "ours")
    linux.ok("start", "ours")
    runc = ["runc", "--root", f"{linux.directory}/runc"]
    with open(f"{linux.directory}/said", "w+") as said:
        subprocess.run(
            [*runc, "run", "--detach", "--bundle", bundle, "theirs"], stdout=said, stderr=said, timeout=20, check=True
        )
        try:
            found = subprocess.run([*runc, "state", "theirs"], capture_output=True, timeout=20, check=True)
            return loaded(int(linux.state("ours")["pid"])), loaded(int(json.loads(found.stdout)["pid"]))
        finally:
            subprocess.run([*runc, "delete", "--force", "theirs"], stdout=said, stderr=said, timeout=20, check=True)


def loaded(pid: int) -> bytes:
    """Return the filter that a process has, by ptrace(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    long, pointer = ctypes.c_long, ctypes.c_void_p

    def trace(request: int, address: int = 0, data: object = None) -> int:
        result = int(libc.ptrace(long(request), long(pid), pointer(address), data))
        if result == -1:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    trace(PTRACE_SEIZE)
    try:
        trace(PTRACE_INTERRUPT)
        os.waitpid(pid, 0x40000000)
        length = trace(PTRACE_SECCOMP_GET_FILTER)
        program = ctypes.create_string_buffer(length * 8)
        trace(PTRACE_SECCOMP_GET_FILTER, 0, program)
        return program.raw
    finally:
        trace(PTRACE_DETACH)
