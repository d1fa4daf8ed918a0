"""Our functions pass what FreeBSD's prototypes ask for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.linux

CHECKOUT = Path(__file__).parent.parent.parent.parent

SCRIPT = f"""
import ctypes, sys
sys.path.insert(0, {str(CHECKOUT)!r})
from runjd.kernel.freebsd.kernel import FreeBSDKernel as k
from runjd.kernel.libc import libc
libc.told_last.restype = ctypes.c_char_p
result = %s
print(result, "|", libc.told_last().decode())
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Return a library that has FreeBSD's system calls."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    made = tmp_path_factory.mktemp("calls") / "calls.so"
    source = CHECKOUT / "tests" / "data" / "freebsd" / "calls.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(made), str(source)], check=True)
    return made


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            'k.jail_set([("name", "web"), ("persist", True), ("allow.mount", False), ("vnet", 1)], 1)',
            "7 | jail_set name=77656200 persist=NULL/0 allow.nomount=NULL/0 vnet=01000000 10 1",
        ),
        (
            'k.jail_get([("jid", 9)], ("path", "dying", "ip4.addr"), 8)',
            "{'path': '/jails/web', 'dying': 1, 'ip4.addr': ('127.0.0.1', '127.0.0.2'), 'jid': 9} | jail_get 10 8",
        ),
        ("k.jail_attach(9)", "None | jail_attach 9"),
        ("k.jail_remove(2**31 - 1)", "None | jail_remove 2147483647"),
        (
            'k.nmount([("fstype", "tmpfs"), ("fspath", "/x"), ("ro", True)], 0x10000001)',
            "None | nmount fstype=746d70667300 fspath=2f7800 ro=NULL/0 8 0x10000001",
        ),
        ('k.unmount("/x", 0x80000)', "None | unmount /x 0x80000"),
        ("k.unmount_fsid((1791, -41))", "None | unmount FSID:1791:-41 0x8000000"),
        ('k.rctl_get_rules("jail:web")', "jail:web:maxproc:deny=5 | rctl_get_rules jail:web 9"),
        (
            'k.rctl_add_rule("jail:web:maxproc:deny=5")',
            "None | rctl_add_rule jail:web:maxproc:deny=5 24 (nil) 0",
        ),
        ("k.set_jail_affinity(9, [0, 9])", "None | cpuset_setaffinity 3 5 9 128 0102"),
        ("k.jail_affinity(9)", "(0, 2, 255) | cpuset_getaffinity 3 5 9 32"),
        ("k.reap_acquire()", "None | procctl 0 1 2"),
        ("k.reap_kill(9)", "3 | procctl 0 1 6 9 0 0"),
        ("k.reap_kill(15, 77)", "3 | procctl 0 1 6 15 2 77"),
        ("tuple(k.reap_status())", "(True, 2, 5, 44) | procctl 0 1 4"),
        ("k.set_no_new_privileges()", "None | procctl 0 1 19 1"),
        ("k.set_death_signal(9)", "None | procctl 0 1 11 9"),
        ("k.protect(55, True, descendants=True)", "None | procctl 0 1 1 17"),
        ("k.protect(55, False, inherit=True)", "None | procctl 0 1 1 34"),
        ('k.kldload("tmpfs")', "None | kldload tmpfs"),
        ('k.has_module("tmpfs")', "False | modfind tmpfs"),
        ('k.has_kld("tmpfs.ko")', "True | kldfind tmpfs.ko"),
        ('k.sysctl_number("security.jail.jailed")', "-1 | sysctlbyname security.jail.jailed (nil) 0"),
    ],
)
def test_arguments_arrive_as_the_prototypes_say(library, call: str, told: str) -> None:
    """Widths, addresses and lengths are right, and what the kernel writes comes back."""
    assert run(library, call) == told


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ('k.jail_set([("name", "web")], 0)', "OSError: [Errno 22] the kernel's words: 'jail_set'"),
        ('k.sysctl_number("no.such")', "FileNotFoundError: [Errno 2] No such file or directory: 'no.such'"),
    ],
)
def test_an_error_is_that_of_the_call(library, call: str, words: str) -> None:
    """With the number from errno, the kernel's words, and what it was about."""
    assert words in run(library, call, fails=True)


def run(library: Path, call: str, fails: bool = False) -> str:
    """Return what an interpreter with the library says."""
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    command = [sys.executable, "-I", "-S", "-c", SCRIPT % call]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    assert (done.returncode != 0) == fails, done.stderr
    return (done.stderr if fails else done.stdout).strip()
