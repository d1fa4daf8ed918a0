"""Control groups that systemd makes: what it is asked for, and what is not believed or taken from others."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import pytest

from runjd.errors import RuntimeFailure, SpecError
from runjd.kernel.process import boot_id
from runjd.runtime.contract import Held, Undo
from runjd.runtime.linux.cgroup.files import read_host
from runjd.runtime.linux.cgroup.record import GROUPS, NO_SCOPE, SCOPE, recorded
from runjd.runtime.linux.cgroup.write import Write
from runjd.runtime.linux.cgroup.writes import plan_writes
from runjd.runtime.linux.plan import has_groups, make_plan
from runjd.runtime.linux.scope.bus import Answer, ask
from runjd.runtime.linux.scope.making import Scopes
from runjd.runtime.linux.scope.naming import Scope, parse_scope, unit_object
from runjd.runtime.linux.scope.standin import StandIn
from runjd.runtime.linux.scope.units import start_scope, stop_scopes
from runjd.runtime.linux.scope.weighing import update, weights
from runjd.runtime.linux.steps import MakeScope
from runjd.runtime.linux.warden import LinuxWarden
from runjd.spec.resources import BlockIO, Cpu, Memory, Resources
from tests.runtime.driver import config
from tests.runtime.linux.cgroup_host import MOUNT, FakeHost

WEB = Scope("machine.slice", "libpod-web.scope")


class Systemd:
    """
    A bus whose systemd knows one scope at most; notes each command.

    :param refuses: what it says to a start.
    :param located: told of slice and scope that a process is in now.
    """

    def __init__(self, refuses: str = "", located: Any = None) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.description = ""
        self._refuses = refuses
        self._located = located
        self.answers = True

    def __call__(self, words: Sequence[str]) -> Answer:
        self.asked.append(tuple(words))
        if not self.answers:
            return Answer(1, "Failed to connect to bus: No such file or directory")
        if words[-1] == "Description":
            return Answer(0, f's "{self.description or words[2]}"')
        if words[-1] == "State":
            return Answer(1, "Unknown object")
        if words[4] == "SetUnitProperties":
            return Answer(1, f"Call failed: {self._refuses}.") if self._refuses else Answer(0, "")
        if words[4] == "StopUnit":
            self.description = ""
        elif self._refuses:
            return Answer(1, f"Call failed: {self._refuses}.")
        else:
            self.description = words[11]
            if self._located:
                self._located(words[14], words[6])
        return Answer(0, 'o "/org/freedesktop/systemd1/job/7"')

    @property
    def methods(self) -> list[str]:
        """The names of what it was asked to do."""
        return [each[4] for each in self.asked if each[0] == "call"]


class ScopeHost(FakeHost):
    """A host whose processes are all where systemd moved them."""

    def open(self, path: str, flags: int, mode: int = 0o777, **more: Any) -> int:  # type: ignore[override]
        return super().open(re.sub(r"^/proc/\d+/", "/proc/self/", path), flags, mode, **more)

    def locate(self, slice: str, unit: str) -> None:
        """Put the process into a scope."""
        self.mkdir(f"{MOUNT}/{slice}")
        self.mkdir(f"{MOUNT}/{slice}/{unit}")
        self._write("/proc/self/cgroup", f"0::/{slice}/{unit}\n")


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("machine.slice:libpod:web", WEB),
        (":runj:web", Scope("system.slice", "runj-web.scope")),
        ("a-b.slice::web", Scope("a-b.slice", "web.scope")),
        ("-.slice:x:y", Scope("-.slice", "x-y.scope")),
    ],
)
def test_a_path_names_slice_prefix_and_name(path: str, scope: Scope) -> None:
    """As runc reads linux.cgroupsPath."""
    assert parse_scope(path) == scope


@pytest.mark.parametrize(
    "path",
    ["/jails/web", "a:b", "a.slice:b:", "a:b:c:d", "a:b:c", "a--b.slice:x:y", "-a.slice:x:y", ".slice:x:y",
     "a/b.slice:x:y", "a.slice:x:y/z", "a.slice:x:y.slice", "a.slice:x:" + "y" * 255, "a.slice:x:\n"],
)  # fmt: skip
def test_what_names_no_scope_is_refused(path: str) -> None:
    """The property is named, and what it should be."""
    with pytest.raises(SpecError, match=r"^linux\.cgroupsPath: .*(expected|letters)"):
        parse_scope(path)


def test_a_unit_is_found_on_the_bus_by_its_name() -> None:
    """Everything but letters and digits is escaped, and a digit where it is the first."""
    assert unit_object("7-a.scope") == "/org/freedesktop/systemd1/unit/_37_2da_2escope"


def test_a_bundle_without_path_gets_a_scope_of_its_id() -> None:
    """systemd has to know of each container that it is to look after."""
    plan = make_plan(config(), "/bundle", "web", scopes=True)

    [step] = [each for each in plan.host_steps if isinstance(each, MakeScope)]
    assert str(step) == "have systemd make runj-web.scope in system.slice"
    assert has_groups(plan)


def test_a_scope_is_announced_before_it_is_asked_for() -> None:
    """It is delegated, of one process, and described by a word that nobody can guess."""
    systemd = Systemd()
    undo: list[Undo] = []

    start_scope(systemd, WEB, "web", 42, undo.append, lambda: bool(systemd.asked))

    [words] = systemd.asked
    assert words[4:9] == ("StartTransientUnit", "ssa(sv)a(sa(sv))", WEB.unit, "fail", "7")
    text = " ".join(words)
    assert " Slice s machine.slice Delegate b true DefaultDependencies b false " in text
    assert text.endswith(" PIDs au 1 42 0")
    assert undo == [Undo(SCOPE, f"{WEB.unit}\n{words[11]}")]


def test_what_systemd_refuses_is_told_and_not_stopped() -> None:
    """A scope of that name is another's; nothing of ours is to be undone, so systemd is not asked again."""
    systemd = Systemd("Unit libpod-web.scope was already loaded or has a fragment file")
    undo: list[Undo] = []

    with pytest.raises(RuntimeFailure, match="already loaded or has a fragment file; .*--cgroup-manager cgroupfs"):
        start_scope(systemd, WEB, "web", 42, undo.append, lambda: False)
    stop_scopes(systemd, undo)

    assert [each.action for each in undo] == [SCOPE, NO_SCOPE]
    assert systemd.methods == ["StartTransientUnit"]


def test_a_start_that_comes_to_nothing_is_told() -> None:
    """The job is gone, and the process is not in the scope."""
    with pytest.raises(RuntimeFailure, match=r"have systemd start libpod-web\.scope: it did not; `journalctl -u"):
        start_scope(Systemd(), WEB, "web", 42, lambda undo: None, lambda: False)


def test_a_scope_is_stopped_until_systemd_forgets_it() -> None:
    """And none by that name that somebody else has made since."""
    systemd = Systemd()
    undo: list[Undo] = []
    start_scope(systemd, WEB, "web", 42, undo.append, lambda: True)

    stop_scopes(systemd, undo)
    systemd.description = "of another"
    stop_scopes(systemd, undo)

    assert systemd.methods == ["StartTransientUnit", "StopUnit"]
    assert systemd.description == "of another"


def test_a_container_is_not_forgotten_while_systemd_does_not_answer() -> None:
    """delete fails, to be tried again; after a boot there is nothing left to stop."""
    systemd = Systemd()
    systemd.answers = False
    held = Held("web", 0, 0, boot_id(), "", (Undo(SCOPE, "x.scope\ncontainer web"),))

    with pytest.raises(RuntimeFailure, match=r"have systemd stop x\.scope: Failed to connect to bus: .*; try again"):
        LinuxWarden(ask=systemd).remove(held)
    asked = len(systemd.asked)
    LinuxWarden(ask=systemd).remove(held._replace(boot_id="an earlier one"))

    assert len(systemd.asked) == asked


def test_the_container_is_below_the_scope_with_its_limits(private_dir: str) -> None:
    """Where systemd never writes; the process that systemd was given has moved there, too, so limits can be had."""
    host = ScopeHost(private_dir)
    undo: list[Undo] = []
    scopes = Scopes(Systemd(located=host.locate))

    made = scopes.make(host, WEB, "web", Resources(pids_limit=5), undo.append)
    scopes.release()

    group = "machine.slice/libpod-web.scope/container"
    assert made == (f"{MOUNT}/{group}",) == recorded(undo)
    assert host.content(f"{group}/pids.max") == "5"
    assert "+pids" in host.content("machine.slice/libpod-web.scope/cgroup.subtree_control")
    assert [each.action for each in undo] == [SCOPE, GROUPS]


@pytest.mark.parametrize(
    ("writes", "told"),
    [
        ([("cpu.weight", "20"), ("cpu.max", "50000 100000")], ["CPUWeight t 20"]),
        ([("cpu.weight", "20"), ("cpu.weight", "30")], ["CPUWeight t 30"]),
        ([("io.weight", "default 70"), ("io.weight", "8:0 50")], ["IOWeight t 70"]),
        ([("memory.low", "max"), ("memory.min", "4096"), ("memory.max", "8192")],
         [f"MemoryLow t {2**64 - 1}", "MemoryMin t 4096"]),
        ([("cpu.shares", "512"), ("blkio.weight", "500")], ["CPUShares t 512", "BlockIOWeight t 500"]),
        ([("pids.max", "5"), ("cpuset.cpus", "0")], []),
    ],
)  # fmt: skip
def test_a_scope_has_what_counts_for_nothing_below_it(writes: list[tuple[str, str]], told: list[str]) -> None:
    """Weights among those of one parent, and protections; what limits does so below it, too."""
    found = weights([Write(file.partition(".")[0], file, value, "") for file, value in writes])

    assert [" ".join(each) for each in found] == told


def test_a_weight_for_bfq_is_told_as_the_other(private_dir: str) -> None:
    """systemd takes the one of io.weight, and writes both."""
    writes = plan_writes(Resources(block_io=BlockIO(weight=10)), read_host(ScopeHost(private_dir)))

    assert weights(writes) == (("IOWeight", "t", "1"),)


def test_weights_are_asked_for_with_the_scope(private_dir: str) -> None:
    """It has them from its first moment, and so has the group of the container."""
    host = ScopeHost(private_dir)
    systemd = Systemd(located=host.locate)
    scopes = Scopes(systemd)

    scopes.make(host, WEB, "web", Resources(cpu=Cpu(shares=512), memory=Memory(reservation=4096)), lambda undo: None)
    scopes.release()

    [words] = systemd.asked
    assert words[8] == "9"
    assert " CPUWeight t 20 PIDs " in " ".join(words).replace(" MemoryLow t 4096", "")
    assert host.content("machine.slice/libpod-web.scope/container/cpu.weight") == "20"


def scoped(host: ScopeHost) -> Held:
    """Return a container with a weight in its scope."""
    undo: list[Undo] = []
    scopes = Scopes(Systemd(located=host.locate))
    scopes.make(host, WEB, "web", Resources(cpu=Cpu(shares=512)), undo.append)
    scopes.release()
    return Held("web", 0, 0, boot_id(), "", tuple(undo))


def test_an_update_is_told_to_systemd(private_dir: str) -> None:
    """What its groups are changed to, and nothing where no weight is."""
    host, systemd = ScopeHost(private_dir), Systemd()
    held = scoped(host)
    warden = LinuxWarden(host, ask=systemd)

    warden.update(held, Resources(pids_limit=7), lambda undo: None)
    warden.update(held, Resources(cpu=Cpu(shares=1024), pids_limit=8), lambda undo: None)

    [words] = systemd.asked
    assert words[4:] == ("SetUnitProperties", "sba(sv)", WEB.unit, "true", "1", "CPUWeight", "t", "39")
    group = "machine.slice/libpod-web.scope/container"
    assert (host.content(f"{group}/cpu.weight"), host.content(f"{group}/pids.max")) == ("39", "8")


def test_an_update_that_systemd_refuses_changes_nothing(private_dir: str) -> None:
    """It is asked first, and its reason is told."""
    host = ScopeHost(private_dir)
    held = scoped(host)

    with pytest.raises(RuntimeFailure, match=r"linux\.resources: have systemd change libpod-web\.scope: It is masked"):
        LinuxWarden(host, ask=Systemd("It is masked")).update(held, Resources(cpu=Cpu(shares=1024)), lambda undo: None)

    assert host.content("machine.slice/libpod-web.scope/container/cpu.weight") == "20"


def test_an_update_that_the_groups_refuse_is_taken_back(private_dir: str) -> None:
    """systemd is told what there was before."""
    host, systemd = ScopeHost(private_dir), Systemd()
    held = scoped(host)

    def refuse() -> None:
        raise RuntimeFailure("write", "no")

    with pytest.raises(RuntimeFailure, match="write: no"):
        update(systemd, host, held, Resources(cpu=Cpu(shares=1024)), refuse)

    assert [words[-3:] for words in systemd.asked] == [("CPUWeight", "t", "39"), ("CPUWeight", "t", "20")]


def test_a_stand_in_is_gone_when_it_is_ended() -> None:
    """Not a zombie either, which would count as a process of the container."""
    stand_in = StandIn()
    pid = stand_in.pid
    assert os.path.exists(f"/proc/{pid}")

    stand_in.end()
    stand_in.end()

    assert not os.path.exists(f"/proc/{pid}")


def test_a_host_without_busctl_is_told_what_to_do(private_dir: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no systemd, or half of it."""
    monkeypatch.setenv("PATH", private_dir)

    with pytest.raises(RuntimeFailure, match="ask systemd: this host has no busctl, which comes with systemd; "):
        ask(["list"])


def test_busctl_gets_the_words_as_they_are(private_dir: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that looks like an option, as the slice of all; what it says and its status come back."""
    with open(f"{private_dir}/busctl", "w") as file:
        file.write('#!/bin/sh\necho "$@"; echo it failed. >&2; exit 3\n')
    os.chmod(f"{private_dir}/busctl", 0o755)
    monkeypatch.setenv("PATH", private_dir)

    answer = ask(["call", "-.slice"])

    assert answer == Answer(3, "--system --no-pager --timeout=25 -- call -.slice\nit failed.")
    assert answer.reason == "it failed"
