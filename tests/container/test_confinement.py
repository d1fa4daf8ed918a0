"""What confines a container is kept with it, and what its filter forbids is told."""

from __future__ import annotations

import os
import signal
import stat
import struct
from collections.abc import Iterator

import pytest

from runjd.container.stdio import Fifos
from runjd.errors import RunjdError
from runjd.spec.model import Process
from tests.container.jails import Jails, read_all, until, wait
from tests.runtime.linux.filters import needs_libseccomp, needs_x86_64

pytestmark = [pytest.mark.root, needs_libseccomp]


@pytest.fixture
def linux(private_dir: str) -> Iterator[Jails]:
    made = Jails(private_dir, "linux")
    yield made
    made.finish()


def filtered(
    linux: Jails,
    args: list[str],
    *rules: dict[str, object],
    default: str = "SCMP_ACT_ALLOW",
    no_new_privileges: bool = False,
) -> str:
    """Return a bundle with a filter."""
    config = linux.config(args)
    assert isinstance(config["linux"], dict)
    assert isinstance(config["process"], dict)
    config["process"]["noNewPrivileges"] = no_new_privileges
    config["linux"]["seccomp"] = {"defaultAction": default, "syscalls": list(rules)}
    return linux.write(config)


def create(linux: Jails, bundle: str, *, start: bool = False) -> int:
    """Create a container; return its pid."""
    io = linux.keep(Fifos("init", stdin=False))
    return linux.operations.create("web", bundle, io, runtime="linux", start=start).pid


def test_it_is_kept_for_exec_and_goes_with_the_container(linux: Jails) -> None:
    """Nobody else can read or change it, and delete leaves nothing; an exec needs neither library nor bundle."""
    bundle = filtered(linux, ["sleep", "60"], {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 33})
    create(linux, bundle, start=True)
    os.unlink(f"{bundle}/config.json")
    record = f"{linux.state_dir}/web/confinement"
    found = os.stat(record)
    io = Fifos("exec", stdin=False)
    linux.keep(io)

    started = linux.operations.exec("web", Process(("sh", "-c", "mkdir /tmp/x"), env=("PATH=/bin",)), io, "exec")
    status, said = wait(started.pid), read_all(io.held["err"])
    linux.operations.delete("web", force=True)

    assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, os.geteuid())
    assert (status, os.strerror(33) in said) == (1, True)
    assert not os.path.exists(record)


def test_containers_of_one_profile_share_the_work(linux: Jails) -> None:
    """The program is made once and kept where only we can write; it is no container, and stays behind the last one."""
    bundle = filtered(linux, ["sleep", "60"], {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"})
    records = []
    for _ in range(2):
        create(linux, bundle)
        with open(f"{linux.state_dir}/web/confinement", "rb") as file:
            records.append(file.read())
        assert [each.id for each in linux.operations.list()] == ["web"]
        linux.operations.delete("web", force=True)
    kept = os.listdir(f"{linux.state_dir}/.filters")
    modes = [stat.S_IMODE(os.stat(f"{linux.state_dir}/.filters{each}").st_mode) for each in ("", f"/{kept[0]}")]

    assert records[0] == records[1]
    assert (len(kept), modes) == (1, [0o700, 0o600])


def test_without_the_record_nothing_is_executed(linux: Jails) -> None:
    """An exec that could not be confined as its container is, is an error."""
    create(linux, filtered(linux, ["sleep", "60"]), start=True)
    os.unlink(f"{linux.state_dir}/web/confinement")

    with pytest.raises(RunjdError, match="the record of that is missing or damaged"):
        linux.operations.exec("web", Process(("true",)), linux.keep(Fifos("exec", stdin=False)), "exec")


def test_a_program_that_is_missing_is_found_missing_behind_any_filter(linux: Jails) -> None:
    """The program is looked for before the filter counts: a profile that forbids that changes no error."""
    with pytest.raises(RunjdError, match="executable file not found in"):
        create(linux, filtered(linux, ["nothing"], default="SCMP_ACT_ERRNO"))


def test_a_program_that_may_not_be_executed(linux: Jails) -> None:
    """Where the filter refuses execve itself, start says so, in the words that engines look for."""
    create(linux, filtered(linux, ["true"], {"names": ["execve"], "action": "SCMP_ACT_ERRNO"}))

    with pytest.raises(RunjdError, match=r'exec: "/bin/true": operation not permitted'):
        linux.operations.start("web")


def test_a_program_that_is_killed_for_being_executed(linux: Jails) -> None:
    """Where the filter kills at execve, the container ends by SIGSYS."""
    pid = create(linux, filtered(linux, ["true"], {"names": ["execve"], "action": "SCMP_ACT_KILL_PROCESS"}))
    linux.operations.start("web")

    assert wait(pid) == -signal.SIGSYS
    until(lambda: linux.operations.state("web").status == "stopped", "it is stopped")


def tiny_program(status: int) -> bytes:
    """Return a program of x86_64 that makes one system call, exit_group(2)."""
    code = b"\xb8\xe7\x00\x00\x00\xbf" + struct.pack("<I", status) + b"\x0f\x05"
    start, header = 0x400000, 64 + 56
    elf = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, start + header, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    size = header + len(code)
    return elf + struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 4096) + code


@needs_x86_64
@pytest.mark.parametrize("no_new_privileges", [False, True])
def test_only_execve_has_to_pass(linux: Jails, no_new_privileges: bool) -> None:
    """Nothing is called between loading the filter and the program: two system calls that are allowed are enough."""
    allowed = {"names": ["execve", "exit_group"], "action": "SCMP_ACT_ALLOW"}
    bundle = filtered(linux, ["/tiny"], allowed, default="SCMP_ACT_KILL_PROCESS", no_new_privileges=no_new_privileges)
    with open(f"{bundle}/rootfs/tiny", "wb") as file:
        file.write(tiny_program(42))
    os.chmod(f"{bundle}/rootfs/tiny", 0o755)
    pid = create(linux, bundle)
    linux.operations.start("web")

    assert wait(pid) == 42


def test_a_filter_that_forbids_everything_else(linux: Jails) -> None:
    """A created container waits for its start whatever its profile forbids."""
    create(linux, filtered(linux, ["true"], default="SCMP_ACT_KILL_PROCESS"))

    assert linux.operations.state("web").status == "created"
    linux.operations.kill("web", signal.SIGKILL)
    until(lambda: linux.operations.state("web").status == "stopped", "it ends")
