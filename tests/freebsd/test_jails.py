"""Jails: made, found, entered, removed."""

from __future__ import annotations

import errno
import os
import time

import pytest

from runjd.kernel.freebsd.jail import (
    JAIL_ATTACH,
    JAIL_CREATE,
    JAIL_DYING,
    JAIL_GET_DESC,
    JAIL_OWN_DESC,
    JAIL_UPDATE,
    NEW,
)


def test_a_jail_is_what_was_asked_for(machine, jail, directory) -> None:
    """Its parameters read back; what was not said has the kernel's default."""
    jid = jail(host__hostname="inside.example", allow__raw_sockets=True, allow__set_hostname=False, children__max=3)
    names = ("path", "host.hostname", "allow.raw_sockets", "allow.set_hostname", "children.max", "persist", "dying")
    more = ("host", "enforce_statfs", "allow.mount", "sysvshm", "vnet")
    found = machine.kernel.jail_get([("jid", jid)], names + more)

    assert [found[name] for name in names] == [os.path.realpath(directory), "inside.example", 1, 0, 3, 1, 0]
    assert [found[name] for name in more] == [1, 2, 0, 0, 2]
    assert found["jid"] == jid


def test_addresses_read_back_with_the_first_kept_first(machine, jail) -> None:
    """The first is the primary one, the others are sorted; an address that no interface has is accepted."""
    jid = jail(ip4__addr=("192.0.2.9", "192.0.2.3", "192.0.2.1"), ip6__addr=("2001:db8::1",))
    found = machine.kernel.jail_get([("jid", jid)], ("ip4.addr", "ip6.addr"))

    assert found["ip4.addr"] == ("192.0.2.9", "192.0.2.1", "192.0.2.3")
    assert found["ip6.addr"] == ("2001:db8::1",)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"frobnicate": 1}, "unknown parameter: frobnicate"),
        ({"vnet": NEW, "ip4": NEW}, "vnet jails cannot have IP address restrictions"),
        ({"persist": False}, "new jail must persist or attach"),
        ({"name": "no-such-parent.child"}, 'jail "no-such-parent" not found'),
        ({"name": "0077"}, "name cannot be numeric"),
    ],
)
def test_a_refusal_has_the_words_of_the_kernel(jail, parameters, words) -> None:
    """The text of the error is what the kernel wrote into errmsg."""
    with pytest.raises(OSError, match=words):
        jail(**parameters)


def test_a_name_is_taken_once(machine, jail) -> None:
    """A second jail of the name is refused, in words that name it."""
    name = machine.kernel.jail_get([("jid", jail())], ["name"])["name"]
    with pytest.raises(FileExistsError, match=f'jail "{name}" already exists'):
        jail(name=name)


def test_a_jail_without_processes_is_gone_at_once(machine, jail) -> None:
    """It is found neither alive nor dying."""
    jid = jail()
    machine.kernel.jail_remove(jid)

    assert _is_gone(machine, jid)
    with pytest.raises(FileNotFoundError, match=f"jail {jid} not found"):
        machine.kernel.jail_get([("jid", jid)], (), JAIL_DYING)


def test_a_removed_jail_is_dying_until_its_process_is_reaped(machine, jail) -> None:
    """It is found with JAIL_DYING only, in words that tell; its process was killed."""
    jid = jail()
    pid = machine.start(jid)
    machine.kernel.jail_remove(jid)

    assert machine.is_zombie(pid)
    with pytest.raises(FileNotFoundError, match="is dying"):
        machine.kernel.jail_get([("jid", jid)])
    assert machine.kernel.jail_get([("jid", jid)], ["dying"], JAIL_DYING)["dying"] == 1
    assert machine.wait(pid) == 9
    assert _is_gone(machine, jid)


def test_a_name_is_free_while_its_jail_is_dying(machine, jail) -> None:
    """A new jail may have it at once, with another jid."""
    first = jail(name="runjd-test-again")
    pid = machine.start(first)
    machine.kernel.jail_remove(first)
    machine.is_zombie(pid)

    assert jail(name="runjd-test-again") != first
    machine.wait(pid)


def test_a_process_in_a_jail_sees_its_root_only(machine, jail, directory) -> None:
    """Inside, ``/`` is the jail's directory, and no other jail is there."""
    machine.make_file(f"{directory}/only")
    jid = jail()

    def look() -> tuple[list[str], bool]:
        return machine.kernel.listdir("/"), _is_found(machine, jid)

    assert machine.ask(look, jid) == (["only"], False)


def test_nobody_enters_with_a_directory_open(machine, jail) -> None:
    """jail_attach is EPERM, also for one that would be closed at exec."""
    jid = jail()

    def enter() -> str:
        with machine.opened("/"):
            try:
                machine.kernel.jail_attach(jid)
            except PermissionError:
                return "refused"
            return "entered"

    assert machine.ask(enter) == "refused"


def test_a_jail_can_be_made_and_entered_at_once(machine, directory) -> None:
    """Without persist it ends with its last process."""
    name = f"runjd-test-{os.getpid()}-atomic"

    def make() -> int:
        return machine.kernel.jail_set([("name", name), ("path", directory)], JAIL_CREATE | JAIL_ATTACH)

    jid = machine.ask(make)

    assert _is_gone(machine, jid)


def test_a_jail_is_entered_by_an_update(machine, jail) -> None:
    """JAIL_UPDATE with JAIL_ATTACH enters the one that is there."""
    jid = jail()

    def enter() -> int:
        machine.kernel.jail_set([("jid", jid)], JAIL_UPDATE | JAIL_ATTACH)
        return machine.kernel.sysctl_number("security.jail.jailed")

    assert machine.ask(enter) == 1


def test_a_child_jail_goes_with_its_parent(machine, jail) -> None:
    """Names with a dot are of jails below, which are counted, and removed with the one above."""
    above = jail(name="runjd-test-above", children__max=1)
    below = jail(name="runjd-test-above.below")

    assert machine.kernel.jail_get([("jid", above)], ["children.cur"])["children.cur"] == 1
    assert machine.kernel.jail_get([("jid", below)], ["parent"])["parent"] == above
    machine.kernel.jail_remove(above)
    assert _is_gone(machine, below)


def test_a_jail_is_pinned_to_processors(machine, jail) -> None:
    """Its set of processors reads back; one that the machine does not have is EINVAL."""
    jid = jail()
    first = machine.kernel.jail_affinity(jid)[0]
    machine.kernel.set_jail_affinity(jid, [first])

    assert machine.kernel.jail_affinity(jid) == (first,)
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        machine.kernel.set_jail_affinity(jid, [255])


def test_a_jail_has_descriptors_from_15_on(machine, jail) -> None:
    """One names the jail for attach and remove; one that owns it removes it when it is closed."""
    jid, other = jail(), jail(name="runjd-test-owned")
    if int(machine.kernel.sysctl_text("kern.osrelease").partition(".")[0]) < 15:
        with pytest.raises(OSError, match="Invalid argument"):
            machine.kernel.jail_get([("jid", jid)], ["desc"], JAIL_GET_DESC)
        return
    descriptor = machine.kernel.jail_get([("jid", jid)], ["desc"], JAIL_GET_DESC)["desc"]

    def enter() -> int:
        machine.kernel.jail_attach_jd(descriptor)
        return machine.kernel.sysctl_number("security.jail.jailed")

    assert machine.ask(enter) == 1
    machine.kernel.jail_remove_jd(descriptor)
    machine.kernel.close(descriptor)
    owner = machine.kernel.jail_get([("jid", other)], ["desc"], JAIL_OWN_DESC)["desc"]
    machine.kernel.close(owner)

    assert _is_gone(machine, jid)
    assert _is_gone(machine, other)


@pytest.mark.parametrize("call", ["jail_remove", "jail_attach"])
def test_a_jail_that_is_not_there_is_an_invalid_argument(machine, call) -> None:
    """Removal and entry say EINVAL, not ENOENT."""
    with pytest.raises(OSError, match="Invalid argument"):
        getattr(machine.kernel, call)(999_998)


def _is_gone(machine, jid: int) -> bool:
    """Whether a jail is gone within a moment: the kernel forgets it when it has time."""
    deadline = time.monotonic() + 10
    while _is_found(machine, jid):
        if time.monotonic() > deadline or not machine.is_real:
            return False
        time.sleep(0.01)
    return True


def _is_found(machine, jid: int) -> bool:
    try:
        machine.kernel.jail_get([("jid", jid)], (), JAIL_DYING)
    except FileNotFoundError:
        return False
    return True
