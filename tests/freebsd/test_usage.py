"""What a jail uses, as the kernel counts it."""

from __future__ import annotations

from runjd.runtime.contract import Held, Undo
from runjd.runtime.meters.freebsd import FreeBSDMeter


def test_the_processes_of_a_jail_are_its_own(machine, jail) -> None:
    """Those with its jid, whether resources are accounted for or not; after their end it is left out."""
    jid = jail()
    pid = machine.start(jid)
    name = str(machine.kernel.jail_get((("jid", jid),), ("name",))["name"])
    held = Held("web", pid, machine.kernel.process(pid).start_time, "", "/", (Undo("jail", f"{name} /"),), jid)
    meter = FreeBSDMeter(machine.kernel, {"web": held}.get)

    found = meter.measure({"web": pid})
    machine.kernel.kill(pid, 9)
    machine.is_zombie(pid)

    assert found["web"].processes == 1
    assert found["web"].cpu >= 0
    assert found["web"].read is None
    assert meter.measure({"web": pid}) == {}
    machine.wait(pid)


def test_time_and_memory_of_a_process(machine) -> None:
    """They stand where we look for them: within what a process can have used since the machine started."""
    mine = machine.kernel.process(machine.own_pid())

    assert 0 <= mine.cpu < 1e7
    assert 0 <= mine.resident < 1 << 32
