"""The recorded cases of jail_get(2), jail_attach(2), jail_remove(2), and of how jails die."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from runjd.kernel.freebsd import mount as m
from runjd.kernel.freebsd.events import EVFILT_PROC, NOTE_EXIT
from runjd.kernel.freebsd.jail import JAIL_ATTACH, JAIL_CREATE, JAIL_DYING, JAIL_UPDATE
from runjd.kernel.recorder.state import OpenFile
from tests.kernel.recorder.observed import Case, Replay, answer, parameters, same, short

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_TMPFS = parameters({"fstype": "tmpfs", "fspath": "/JR"})


class JailLifeReplay(Replay):
    """Looks for jails, enters and removes them."""

    area = "jail_life"

    def __init__(self) -> None:
        super().__init__()
        self._create("life")
        self._create("life2")

    def get(self, case: Case) -> Iterator[str]:
        """One question, as it stands in the record."""
        select = [(name, value) for name, value in parameters(case.input) if not str(value).startswith("c_int")]
        wanted = [name for name, value in case.input.items() if str(value).startswith("c_int")]
        call = lambda: self.kernel.jail_get(select, wanted, case.out["flags"])["jid"]  # noqa: E731
        yield from self.compare(case, answer(call))

    def both(self, case: Case) -> Iterator[str]:
        """Name and jid at once, one of them empty."""
        name = "life" if "name filled" in case.case else ""
        jid = 1 if "jid filled" in case.case else 0
        select = [("name", name), ("jid", jid)] if name else [("jid", jid), ("name", name)]
        yield from self.compare(case, answer(lambda: self.kernel.jail_get(select)["jid"]))

    def long_forced(self, case: Case) -> Iterator[str]:
        """A jail whose root was forced away goes like any other."""
        self.kernel.nmount(_TMPFS)
        jid = self._create("lf")
        child = self._inside(jid)
        self.kernel.unmount("/tmp/jr", m.MNT_FORCE)
        self.kernel.jail_remove(jid)
        self.kernel.reap(child)
        for after, is_dying in case.out[:-1]:
            self.kernel.wait(after)
            found = answer(lambda: self.kernel.jail_get([("jid", jid)], (), JAIL_DYING)["jid"])
            yield from same(found[1] is None, is_dying, str(after))

    def lastjid_with_names(self, case: Case) -> Iterator[str]:
        """The first jail, with what is asked of it."""
        found = self.kernel.jail_get([("lastjid", 0)], ["name", "dying", "path"])
        yield from same([short(found[name]) for name in ("name", "dying", "path")], case.out)

    def remove(self, case: Case) -> Iterator[str]:
        """One removal."""
        yield from self.compare(case, answer(lambda: self.kernel.jail_remove(case.input)))

    def attach(self, case: Case) -> Iterator[str]:
        """One attempt to enter a jail that is none."""
        yield from same(answer(lambda: self.kernel.jail_attach(case.input))[:2], (-1, "EINVAL"))

    def gone(self, case: Case) -> Iterator[str]:
        """The removed jail is not found, not even as a dying one."""
        flags = JAIL_DYING if "DYING" in case.case else 0
        yield from self.compare(case, answer(lambda: self.kernel.jail_get([("name", "life")], (), flags)["jid"]))

    def sequence(self, case: Case) -> Iterator[str]:
        """Jids go up."""
        self.kernel.jail_remove(2)
        first, second = self._create("s1"), self._create("s2")
        self.kernel.jail_remove(first)
        self.kernel.jail_remove(second)
        third = self._create("s3")
        self.kernel.jail_remove(third)
        yield from same([first, second, third], case.out)

    def zombie(self, case: Case) -> Iterator[str]:
        """A removed jail is dying until its processes are reaped."""
        out = case.out
        self.kernel.nmount(_TMPFS)
        jid = self._create("z1")
        child = self._inside(jid)
        self.kernel.jail_remove(jid)
        yield from same(self._seen("name", "z1", jid), out["right after"])
        yield from same(self._seen("jid", jid, jid), out["by jid"])
        yield from same(answer(lambda: self.kernel.unmount("/tmp/jr"))[1], out["unmount of path"][1])
        again = self._create("z1")
        yield from same(again, out["recreate same name while dying"][0])
        yield from same(list(self._try({"jid": jid, "name": "z"})), out["recreate same jid while dying"])
        yield from same(answer(lambda: self.kernel.jail_attach(jid))[1], "EINVAL")
        update = parameters({"jid": jid, "allow.raw_sockets": "NULL/0"})
        yield from same(
            answer(lambda: self.kernel.jail_set(update, JAIL_UPDATE))[2], out["update dying flags UPDATE"][2]
        )
        given = answer(lambda: self.kernel.jail_set(update, JAIL_UPDATE | JAIL_DYING))
        yield from same(given[0], out["update dying flags UPDATE|DYING"][0])
        yield from same(answer(lambda: self.kernel.jail_remove(jid))[0], out["remove dying"][0])
        yield from same(self.kernel.reap(child), out["wait status"])
        yield from same(self._seen("jid", jid, jid), out["after reap"])
        self.kernel.jail_remove(again)
        yield from same(answer(lambda: self.kernel.unmount("/tmp/jr"))[0], out["unmount after reap"][0])

    def open_file(self, case: Case) -> Iterator[str]:
        """An open file of the host keeps the mount, not the jail."""
        self.kernel.nmount(_TMPFS)
        jid = self._create("o")
        self.kernel.make_file("/tmp/jr/f")
        opened = self.kernel.open("/tmp/jr/f", os.O_RDONLY)
        self.kernel.jail_remove(jid)
        yield from same(answer(lambda: self.kernel.unmount("/tmp/jr"))[1], case.out["unmount"][1])
        yield from same(self._seen("jid", jid, jid), case.out["state"])
        self.kernel.close(opened)
        yield from same(answer(lambda: self.kernel.unmount("/tmp/jr"))[0], case.out["after close"][0])

    def empty(self, case: Case) -> Iterator[str]:
        """An empty jail keeps its mount busy."""
        self.kernel.nmount(_TMPFS)
        jid = self._create("e")
        yield from same(answer(lambda: self.kernel.unmount("/tmp/jr"))[1], case.out["live"][1])
        self.kernel.jail_remove(jid)
        yield from same(answer(lambda: self.kernel.unmount("/tmp/jr"))[0], case.out["after"][0])

    def mounts_stay(self, case: Case) -> Iterator[str]:
        """What was mounted for a jail is mounted after it, the outer is busy until the inner ones are off."""
        self.kernel.nmount(_TMPFS)
        self.kernel.make_tree("/tmp/jr/a", "/tmp/jr/b")
        for name in ("a", "b"):
            self.kernel.nmount(parameters({"fstype": "tmpfs", "fspath": f"/JR/{name}"}))
        jid = self._create("z2")
        self.kernel.jail_remove(jid)
        yield from same(self._seen("name", "z2", jid), case.out["state"])
        paths = ("/tmp/jr", "/tmp/jr/a", "/tmp/jr/b", "/tmp/jr")
        given = [answer(lambda path=path: self.kernel.unmount(path))[:2] for path in paths]
        yield from same([list(each) for each in given], case.out["unmount"])

    def forced(self, case: Case) -> Iterator[str]:
        """The root of a living jail is forced away."""
        self.kernel.nmount(_TMPFS)
        self.kernel.state.last_jid = 10
        jid = self._create("fu")
        child = self._inside(jid)
        yield from same(answer(lambda: self.kernel.unmount("/tmp/jr"))[1], case.out["EBUSY?"][1])
        yield from same(answer(lambda: self.kernel.unmount("/tmp/jr", m.MNT_FORCE))[0], case.out["FORCE"][0])
        yield from same(self._seen("jid", jid, jid), case.out["state after"])
        with self.kernel.acting_as(self.kernel.fork()):
            yield from same(answer(lambda: self.kernel.jail_attach(jid))[1], "ENOTDIR")
        self.kernel.jail_remove(jid)
        yield from same(self.kernel.reap(child), case.out["wait"])

    def atomic(self, case: Case) -> Iterator[str]:
        """Made and entered in one call, not persistent."""
        self.kernel.state.last_jid = 14
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            given = self._try({"name": "np", "persist": None}, JAIL_CREATE | JAIL_ATTACH)
            yield from same(given[0], case.out[0][0])
            yield from same(answer(lambda: self.kernel.jail_get([("name", "np")])["jid"])[2], case.out[4][2])
            yield from same(answer(lambda: self.kernel.jail_get([("lastjid", 0)])["jid"])[2], case.out[5][2])
        self.kernel.exit(child)
        self.kernel.reap(child)

    def atomic_after(self, case: Case) -> Iterator[str]:
        """It is gone with its process."""
        yield from same(self._seen("name", "np", 15), case.out)

    def not_reaped(self, case: Case) -> Iterator[str]:
        """It is dying while its last process is a zombie; its name is free."""
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            jid = self._try({"name": "np", "persist": None}, JAIL_CREATE | JAIL_ATTACH)[0]
        self.kernel.exit(child)
        yield from same(self._seen("name", "np", jid), case.out["zombie unreaped"])
        again = self._create("np")
        yield from same(again, case.out["recreate same name"][0])
        self.kernel.jail_remove(again)
        self.kernel.reap(child)
        yield from same(self._seen("name", "np", jid), case.out["after reap"])

    def not_persistent_any_more(self, case: Case) -> Iterator[str]:
        """It lives as long as its process."""
        jid = self._create("q")
        child = self._inside(jid)
        yield from same(self._update({"jid": jid, "nopersist": "NULL/0"})[0], case.out["update nopersist"][0])
        yield from same(self._seen("jid", jid, jid), case.out["while process"])
        self.kernel.exit(child)
        self.kernel.reap(child)
        yield from same(self._seen("jid", jid, jid), case.out["after process gone"])

    def other_jails(self, case: Case) -> Iterator[str]:
        """From inside neither the own jail nor another can be seen or entered."""
        first, second = self._create("t1"), self._create("t2")
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.jail_attach(first)
            for jid in (first, second):
                yield from same(answer(lambda jid=jid: self.kernel.jail_attach(jid))[1], "EINVAL")
                yield from same(answer(lambda jid=jid: self.kernel.jail_remove(jid))[1], "EINVAL")
                yield from same(
                    answer(lambda jid=jid: self.kernel.jail_get([("jid", jid)]))[2], f"jail {jid} not found"
                )
        self._end(child, first, second)

    def open_directory(self, case: Case) -> Iterator[str]:
        """Nobody enters a jail with a directory open."""
        jid = self._create("d")
        with self.kernel.acting_as(self.kernel.fork()):
            self.kernel.open("/etc", _DIRECTORY)
            yield from same(answer(lambda: self.kernel.jail_attach(jid))[:2], (-1, "EPERM"))
        self._end(self.kernel.state.last_pid, jid)

    def kinds_of_descriptors(self, case: Case) -> Iterator[str]:
        """Of what can be open only directories are in the way."""
        self.kernel.make_file("/etc/passwd")
        jid = self._create("k")
        flags = (_DIRECTORY | os.O_CLOEXEC, _DIRECTORY, 0x400000 | os.O_DIRECTORY, os.O_RDONLY)
        for place, how, wanted in zip(("/etc", "/tmp/jr", "/etc", "/etc/passwd"), flags, case.out, strict=False):
            child = self.kernel.fork()
            with self.kernel.acting_as(child):
                self.kernel.open(place, how)
                yield from same(answer(lambda: self.kernel.jail_attach(jid))[0], wanted[0], place)
            self.kernel.exit(child)
            self.kernel.reap(child)
        self.kernel.jail_remove(jid)

    def cpusets(self, case: Case) -> Iterator[str]:
        """Each jail has a set of processors of its own."""
        jids = [self._create(f"c{index}") for index in range(3)]
        found = {self.kernel.jail_get([("jid", jid)], ["cpuset.id"])["cpuset.id"] for jid in jids}
        yield from same(len(found), len(case.out))
        self._end(0, *jids)

    def same_path(self, case: Case) -> Iterator[str]:
        """Two jails may have one root."""
        self.kernel.state.last_jid = case.ret[0] - 1
        jids = [self._create("p1"), self._create("p2")]
        yield from same(jids, case.ret)
        self._end(0, *jids)

    def mounts_seen(self, case: Case) -> Iterator[str]:
        """How many mounts a jail sees of the host's ten."""
        enforce = int(case.case.partition("enforce_statfs=")[2][0])
        self.kernel.make_tree("/tmp/jr", *(f"/tmp/m{index}" for index in range(6)))
        self.kernel.nmount(_TMPFS)
        self.kernel.make_tree("/tmp/jr/a", "/tmp/jr/b")
        inside = [f"/tmp/jr/{name}" for name in ("a", "b")]
        others = [f"/tmp/m{index}" for index in range(6)]
        for path in inside + others:
            self.kernel.nmount([("fstype", "tmpfs"), ("fspath", path)])
        jid = self._try({"name": "fs", "enforce_statfs": enforce})[0]
        child = self._inside(jid)
        with self.kernel.acting_as(child):
            yield from same(len(self.kernel.getfsstat()), case.out[0])
        self._end(child, jid)
        for path in [*others, *inside, "/tmp/jr"]:
            self.kernel.unmount(path)

    def held(self, case: Case) -> Iterator[str]:
        """Whatever was opened in the jail and is held on the host keeps the jail."""
        jid = self._create("h")
        child = self._inside(jid)
        mine = self.kernel.state.me.descriptors
        mine[99] = OpenFile(None, os.O_RDWR, jid)
        self._end(child, jid)
        dying = self._seen("jid", jid, jid)["dying"] == 1
        self.kernel.close(99)
        yield from same([dying, self._seen("jid", jid, jid)["dying"] == 1], case.out)

    def revived(self, case: Case) -> Iterator[str]:
        """An update of a dying jail can bring it back."""
        self.kernel.state.last_jid = 7
        jid = self._create("rv")
        child = self._inside(jid)
        self.kernel.jail_remove(jid)
        update = parameters({"jid": jid, "persist": "NULL/0"})
        yield from self.compare(case, answer(lambda: self.kernel.jail_set(update, JAIL_UPDATE | JAIL_DYING)))
        yield from same(self.kernel.jail_get([("jid", jid)])["jid"], case.out["jail_get without DYING"][0])
        self.kernel.reap(child)
        self.kernel.jail_remove(jid)
        jid = self._create("rv")
        self._dying = self._inside(jid)
        self.kernel.jail_remove(jid)

    def while_dying(self, case: Case) -> Iterator[str]:
        """What can be made while jail 9 is dying."""
        values: dict[str, Any] = {"name": "rv"}
        flags = JAIL_CREATE | (JAIL_DYING if "|DYING" in case.case else 0)
        if "jid=" in case.case:
            values = {"jid": 9, "name": "other"}
        if "numeric" in case.case:
            values = {"name": "9"}
        if "UPDATE" in case.case:
            values, flags = {"name": "rv", "path": None}, JAIL_CREATE | JAIL_UPDATE
        given = self._try(values, flags)
        yield from self.compare(case, given)
        if given[0] > 0:
            self.kernel.jail_remove(given[0])

    def update_and_attach(self, case: Case) -> Iterator[str]:
        """A jail that is there is entered by an update."""
        self.kernel.reap(self._dying)
        jid = self._create("ua")
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            given = answer(lambda: self.kernel.jail_set([("jid", jid)], JAIL_UPDATE | JAIL_ATTACH))
            yield from same(given, (jid, None, ""))
            yield from same(str(self.kernel.sysctl_number("security.jail.jailed")), case.out[1])
        self._end(child, jid)

    def attach_only(self, case: Case) -> Iterator[str]:
        """To attach alone is no operation."""
        yield from same(self._try({"name": "x"}, JAIL_ATTACH)[2], case.out[2])

    def last_exit(self, case: Case) -> Iterator[str]:
        """When the exit of the last process is told the jail is dying already."""
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            jid = self._try({"name": "le", "persist": None}, JAIL_CREATE | JAIL_ATTACH)[0]
        self.kernel.exit(child)
        yield from same(self._seen("jid", jid, jid)["dying"], case.out["dying"])
        self.kernel.reap(child)

    def sysv(self, case: Case) -> Iterator[str]:
        """What shared memory, semaphores and messages are, by two ways to ask for them."""
        names = ("sysvshm", "sysvsem", "sysvmsg", "allow.sysvipc")
        jid = self._try({"name": "sv", **case.input})[0]
        found = self.kernel.jail_get([("jid", jid)], names)
        yield from same([found[name] for name in names], case.out)
        self.kernel.jail_remove(jid)

    def ip4_of_inheriting(self, case: Case) -> Iterator[str]:
        """The addresses of a jail that has the host's cannot be changed."""
        jid = self._try({"name": "i", "ip4": 2})[0]
        for values, wanted in zip(({"ip4": 2}, {"ip4": 0}, {"ip4.addr": "hex:7f000002"}), case.out, strict=False):
            yield from same(self._update({"jid": jid, **values})[2], wanted[2])
        self.kernel.jail_remove(jid)

    def host_id(self, case: Case) -> Iterator[str]:
        """The host id has 8 bytes."""
        jid = self.kernel.jail_set([("name", "hi"), ("persist", True), ("host.hostid", 77)], JAIL_CREATE)
        yield from same(self.kernel.jail_get([("jid", jid)], ["host.hostid"])["host.hostid"], case.out)
        self.kernel.jail_remove(jid)

    def stubborn(self, case: Case) -> Iterator[str]:
        """A process that ignores signals is killed with its jail."""
        jid = self._create("st")
        child = self._inside(jid)
        self.kernel.state.processes[child].ignores = {2, 15}
        self.kernel.jail_remove(jid)
        yield from same(self.kernel.reap(child), case.out)

    def killed(self, case: Case) -> Iterator[str]:
        """The removal of a jail is the exit of its processes, with the status of SIGKILL."""
        jid = self._create("ke")
        child = self._inside(jid)
        queue = self.kernel.event_queue()
        queue.watch(child, EVFILT_PROC, NOTE_EXIT)
        self.kernel.jail_remove(jid)
        yield from same([[hex(event.notes), event.data] for event in queue.events()], case.out[:1])
        self.kernel.reap(child)

    def at_home(self, case: Case) -> Iterator[str]:
        """The root of the jail is the working directory then, and there is no way up."""
        self.kernel.make_tree("/tmp/jr/only")
        jid = self._create("ah")
        child = self._inside(jid)
        with self.kernel.acting_as(child):
            yield from same(self.kernel.listdir("."), self.kernel.listdir("/"))
            yield from same(self.kernel.stat("/..").st_ino, self.kernel.stat("/").st_ino)
        self._end(child, jid)

    def orphan(self, case: Case) -> Iterator[str]:
        """The child of init is reaped without us."""
        jid = self._create("or")
        between = self.kernel.fork()
        with self.kernel.acting_as(between):
            child = self._inside(jid)
        self.kernel.exit(between)
        self.kernel.reap(between)
        self.kernel.jail_remove(jid)
        yield from same((self.kernel.process(child), self._seen("jid", jid, jid)["dying"]), (None, -1))

    def used_up(self, case: Case) -> Iterator[str]:
        """Which failures use up a jid."""
        self.kernel.state.last_jid = 7
        given = [self._create("u1")]
        self._try({"name": "u", "path": "/nonexistent"})
        given.append(self._create("u2"))
        self._try({"name": "u", "zork": 1})
        given.append(self._create("u3"))
        self._try({"name": "u3"})
        given.append(self._create("u4"))
        yield from same(given, case.out)
        self._end(0, *given)

    def _create(self, name: str) -> Any:
        return self._try({"name": name})[0]

    def _try(self, values: dict[str, Any], flags: int = JAIL_CREATE) -> tuple[Any, str | None, str]:
        given = {"path": "/JR", "persist": "NULL/0", **values}
        wished = parameters({name: value for name, value in given.items() if value is not None})
        return answer(lambda: self.kernel.jail_set(wished, flags))

    def _update(self, values: dict[str, Any]) -> tuple[Any, str | None, str]:
        return answer(lambda: self.kernel.jail_set(parameters(values), JAIL_UPDATE))

    def _inside(self, jid: int) -> int:
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.jail_attach(jid)
        return child

    def _end(self, child: int, *jids: int) -> None:
        if child:
            self.kernel.exit(child)
            self.kernel.reap(child)
        for jid in jids:
            self.kernel.jail_remove(jid)

    def _seen(self, name: str, value: Any, jid: int) -> dict[str, Any]:
        """Return what jail_get tells, without and with the flag for dying ones."""
        plain = answer(lambda: self.kernel.jail_get([(name, value)])["jid"])
        dying = answer(lambda: self.kernel.jail_get([(name, value)], (), JAIL_DYING)["jid"])
        state = answer(lambda: self.kernel.jail_get([("jid", jid)], ["dying"], JAIL_DYING)["dying"])
        return {"flags0": list(plain), "DYING": list(dying), "dying": state[0]}

    _table = (
        (r"jail_get (jid=0 buffer|name filled|jid filled)", both),
        (r"root force-unmounted", long_forced),
        (r"jail_get lastjid 0 with", lastjid_with_names),
        (r"jail_get (by |jid 0$|jid -1|nothing|name empty string|name numeric|lastjid|flags|unknown|name no)", get),
        (r"jail_remove (unknown|0|-1|no processes|again)", remove),
        (r"jail_attach (unknown|0)", attach),
        (r"  then jail_get", gone),
        (r"jid sequence", sequence),
        (r"jail_remove with process", zombie),
        (r"unmount while host", open_file),
        (r"unmount of path while empty", empty),
        (r"mounts under path", mounts_stay),
        (r"force unmount of a live", forced),
        (r"CREATE\|ATTACH without", atomic),
        (r"  afterwards", atomic_after),
        (r"non-persist jail, last", not_reaped),
        (r"nopersist set while", not_persistent_any_more),
        (r"attach t1", other_jails),
        (r"directory fd opened", open_directory),
        (r"jail_attach with: ", kinds_of_descriptors),
        (r"cpuset.id per jail", cpusets),
        (r"two jails, same path", same_path),
        (r"getfsstat", mounts_seen),
        (r"host holds a", held),
        (r"UPDATE\|DYING", revived),
        (r"while dying", while_dying),
        (r"jail_set UPDATE\|ATTACH", update_and_attach),
        (r"jail_set ATTACH only", attach_only),
        (r"state of a non-persist", last_exit),
        (r"sysv combos", sysv),
        (r"UPDATE ip4=2 on", ip4_of_inheriting),
        (r"host.hostid read back", host_id),
        (r"jids: ok", used_up),
        (r"remove kills an ignoring", stubborn),
        (r"jail_remove -> NOTE_EXIT", killed),
        (r"(cwd outside|/\.\. == /)", at_home),
        (r"orphan \(parent = init", orphan),
    )  # fmt: skip
