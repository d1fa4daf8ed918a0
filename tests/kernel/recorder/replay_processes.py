"""The recorded cases of processes: what is seen of them, kqueue, reapers, signals."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from runjd.kernel.freebsd.events import EVFILT_PROC, NOTE_EXEC, NOTE_EXIT
from runjd.kernel.freebsd.jail import JAIL_ATTACH, JAIL_CREATE, JAIL_UPDATE
from tests.kernel.recorder.observed import NOT_REPLAYED, Case, Replay, answer, parameters, same


class ProcessReplay(Replay):
    """Forks, ends and watches processes; jail 1 is there."""

    area = "proc"

    def __init__(self) -> None:
        super().__init__()
        self.kernel.jail_set(parameters({"name": "p", "path": "/JR", "persist": "NULL/0"}), JAIL_CREATE)

    def nobody_there(self, case: Case) -> Iterator[str]:
        """A pid that nobody has."""
        pid = -1 if "-1" in case.case else 99999
        yield from same(self.kernel.process(pid), None)

    def all_once(self, case: Case) -> Iterator[str]:
        """Each process is listed once."""
        pids = [each.pid for each in self.kernel.processes()]
        yield from same(len(pids), len(set(pids)))

    def seen_inside(self, case: Case) -> Iterator[str]:
        """A jail sees its own processes only, and 0 for its number."""
        child = self._inside()
        with self.kernel.acting_as(child):
            found = self.kernel.processes()
            yield from same([len(found), found[0].jid, self.kernel.process(1)], [case.out[1], case.out[5], None])
        self._end(child)

    def zombie_kept(self, case: Case) -> Iterator[str]:
        """A zombie keeps its jail and its start."""
        child = self._inside()
        before = self.kernel.process(child)
        self.kernel.exit(child)
        after = self.kernel.process(child)
        assert before is not None
        assert after is not None
        yield from same((after.jid, after.start_time, after.alive), (1, before.start_time, False))
        self.kernel.reap(child)

    def clock(self, case: Case) -> Iterator[str]:
        """The clock moves, the start since boot does not."""
        before = self.kernel.process(self.kernel.state.me.pid)
        self.kernel.step_clock(1000)
        after = self.kernel.process(self.kernel.state.me.pid)
        self.kernel.step_clock(-1000)
        assert before is not None
        assert after is not None
        yield from same(after.start_time - before.start_time, case.out[1])

    def number(self, case: Case) -> Iterator[str]:
        """A value of the kernel by its name."""
        name, _, value = case.out.partition(": ")
        if not value:
            yield from same(answer(lambda: self.kernel.sysctl_text(case.case.split()[1]))[1], "ENOENT")
        elif not value.isdecimal():
            yield from same(self.kernel.sysctl_text(name), value)
        else:
            given = answer(lambda: self.kernel.sysctl_number(name))
            if given[1]:
                yield NOT_REPLAYED
            else:
                yield from same(given[0], int(value))

    def acquire_again(self, case: Case) -> Iterator[str]:
        """A reaper is one already."""
        self.kernel.reap_acquire()
        yield from same(answer(self.kernel.reap_acquire)[1], case.errmsg)

    def reaper(self, case: Case) -> Iterator[str]:
        """A grandchild in a jail whose parent ended is ours."""
        between = self.kernel.fork()
        with self.kernel.acting_as(between):
            self._grandchild = self._inside()
        self._end(between)
        status = self.kernel.reap_status()
        wanted = case.out["status"][1]
        yield from same((int(status.is_reaper), status.children, status.descendants), (wanted["flags"], 1, 1))
        found = self.kernel.reap_getpids()
        given = [[each.pid == self._grandchild, each.subtree == each.pid, hex(each.flags)] for each in found]
        yield from same(given, case.out["infos(pid==gp, subtree==gp, flags)"])

    def waited(self, case: Case) -> Iterator[str]:
        """Its status is ours, too."""
        self.kernel.exit(self._grandchild, int(case.out["status"], 16))
        yield from same(self.kernel.reap(self._grandchild), int(case.out["status"], 16))

    def reap_kill(self, case: Case) -> Iterator[str]:
        """There is nobody to signal, or no such signal."""
        yield from same(list(answer(lambda: self.kernel.reap_kill(0 if "sig 0" in case.case else 9))[:2]), case.out)

    def reap_kill_subtree(self, case: Case) -> Iterator[str]:
        """A child in a jail and its child."""
        child = self._inside()
        with self.kernel.acting_as(child):
            grandchild = self.kernel.fork()
        yield from same(self.kernel.reap_kill(9, child), case.out["rk_killed"])
        yield from same([self.kernel.reap(pid) for pid in (child, grandchild)], [9, 9])

    def gone(self, case: Case) -> Iterator[str]:
        """procctl of a pid that nobody has."""
        yield from same(list(answer(lambda: self.kernel.reap_status(99998))[:2]), case.out)

    def release(self, case: Case) -> Iterator[str]:
        """A reaper stops to be one once."""
        yield from same(list(answer(self.kernel.reap_release)[:2]), case.out)

    def watched(self, case: Case) -> Iterator[str]:
        """A child that does what the case is named after, each event read as it comes."""
        words = case.case
        if "TRACK" in words or "ONESHOT" in words:
            yield NOT_REPLAYED
            return
        queue, child = self.kernel.event_queue(), self.kernel.fork()
        queue.watch(child, EVFILT_PROC, int(case.input, 16))
        events = []
        status = case.out["wait status"]
        for _ in case.out["events"][:-1]:
            self.kernel.exec(child, "x")
            events += queue.events()
        self.kernel.exit(child, status)
        events += queue.events()
        given = [["self", "filter -5", f"fflags {event.notes:#x}", f"data {event.data}"] for event in events]
        wanted = [[each[0], each[1], each[3], each[4]] for each in case.out["events"]]
        yield from same(given, wanted)
        self.kernel.reap(child)
        queue.close()

    def unread(self, case: Case) -> Iterator[str]:
        """Events that nobody reads become one."""
        queue, child = self.kernel.event_queue(), self.kernel.fork()
        notes = int(case.input, 16)
        queue.watch(child, EVFILT_PROC, notes)
        if "without exec" not in case.case:
            self.kernel.exec(child, "x")
        self.kernel.exit(child, 768 if notes & NOTE_EXIT else 0)
        given = [[hex(event.notes), event.data] for event in queue.events()]
        yield from same(given, [each[:2] for each in case.out[0]])
        yield from same(queue.events(), case.out[1])
        self.kernel.reap(child)
        queue.close()

    def zombie(self, case: Case) -> Iterator[str]:
        """An exit that was is told, an exec that was is not."""
        notes = (NOTE_EXIT if "EXIT" in case.case else 0) | (NOTE_EXEC if "EXEC" in case.case else 0)
        queue, child = self.kernel.event_queue(), self.kernel.fork()
        self.kernel.exit(child, 2048)
        given = answer(lambda: queue.watch(child, EVFILT_PROC, notes))
        if given[1]:
            yield from same(f"register: {given[1]}", case.out)
        else:
            events = queue.events()
            yield from same([f"data {event.data}" for event in events], [case.out[0][4]])
        self.kernel.reap(child)
        queue.close()

    def no_process(self, case: Case) -> Iterator[str]:
        """Nobody there to watch."""
        queue = self.kernel.event_queue()
        given = answer(lambda: queue.watch(99999, EVFILT_PROC, NOTE_EXIT))[1]
        yield from same(f"register: {given}", case.out[1])
        queue.close()

    def jail_filters(self, case: Case) -> Iterator[str]:
        """13.2 has no events of jails."""
        queue = self.kernel.event_queue()
        for filter, wanted in case.out:
            if filter in (-14, -15, -16, -99):
                yield from same(answer(lambda filter=filter: queue.watch(1, filter, 0))[1], wanted, str(filter))
        queue.close()

    def in_child(self, case: Case) -> Iterator[str]:
        """A forked child does not have the queue."""
        queue, child = self.kernel.event_queue(), self.kernel.fork()
        with self.kernel.acting_as(child):
            yield from same(answer(queue.events)[1], "EBADF")
        self._end(child)
        queue.close()

    def forgotten(self, case: Case) -> Iterator[str]:
        """After the exit was told there is nothing to forget."""
        queue, child = self.kernel.event_queue(), self.kernel.fork()
        queue.watch(child, EVFILT_PROC, NOTE_EXIT)
        queue.watch(child, EVFILT_PROC, NOTE_EXIT)
        self.kernel.exit(child, 256)
        yield from same([[hex(each.notes), each.data] for each in queue.events()], case.out[:1])
        yield from same(answer(lambda: queue.forget(child, EVFILT_PROC))[1], case.out[1])
        self.kernel.reap(child)
        queue.close()

    def kill(self, case: Case) -> Iterator[str]:
        """The host's root kills in a jail."""
        child = self._inside()
        yield from same(answer(lambda: self.kernel.kill(child, 0))[0], 0)
        yield from same(answer(lambda: self.kernel.kill(child, 15))[0], 0)
        yield from same(answer(lambda: self.kernel.kill(child, 9))[0], 0, "zombie")
        yield from same(self.kernel.reap(child), case.out[2])
        yield from same(answer(lambda: self.kernel.kill(child, 15))[1], case.out[3])
        for signum in (-1, 129):
            yield from same(answer(lambda signum=signum: self.kernel.kill(1, signum))[1], "EINVAL")

    def kill_inside(self, case: Case) -> Iterator[str]:
        """To kill all spares the caller, and does not leave the jail."""
        child, other = self._inside(), 0
        with self.kernel.acting_as(child):
            if "one other" in case.case:
                other = self.kernel.fork()
            target = (1, 0) if "kill(1,0)" in case.case else (-1, 9)
            given = answer(lambda: self.kernel.kill(*target))
        yield from same(given[1] or "ok", case.out[0] if other else case.out)
        if other:
            yield from same(self.kernel.reap(other), case.out[1])
        self._end(child)

    def as_user(self, case: Case) -> Iterator[str]:
        """Who is root no more enters no jail."""
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.state.me.uid = 65534
            yield from same(answer(lambda: self.kernel.jail_attach(1))[1], "EPERM")
        self._end(child)

    def open_directory(self, case: Case) -> Iterator[str]:
        """A directory is open."""
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
            if "CREATE" in case.case:
                wished = [("name", "od"), ("path", "/tmp/jr")]
                given = answer(lambda: self.kernel.jail_set(wished, JAIL_CREATE | JAIL_ATTACH))
                yield from same(given, (-1, "EPERM", case.out[0][2]))
                yield from same(len(self.kernel.state.prisons), 1)
            else:
                yield from same(answer(lambda: self.kernel.jail_attach(1))[1], "EPERM")
        self._end(child)

    def protection(self, case: Case) -> Iterator[str]:
        """Only the host's root may protect."""
        child = self._inside() if "jail" in case.case else self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.state.me.uid = 65534 if "nobody" in case.case else 0
            given = answer(lambda: self.kernel.protect(child, "CLEAR" not in case.case, "DESCEND" in case.case))
            wanted = case.out[1] if "in jail" in case.case else case.out
            yield from same(given[1], wanted[1])
        self._end(child)

    def death_signal(self, case: Case) -> Iterator[str]:
        """It arrives in a jail, too, when the parent dies."""
        parent = self.kernel.fork()
        with self.kernel.acting_as(parent):
            child = self.kernel.fork()
            with self.kernel.acting_as(child):
                self.kernel.set_death_signal(9)
                if case.input[0]:
                    self.kernel.jail_attach(1)
        self._end(parent)
        found = self.kernel.process(child)
        yield from same(found is not None and found.alive, case.out["alive after the parent's death"])

    def death_signals(self, case: Case) -> Iterator[str]:
        """Which numbers are signals."""
        for signum, result, *_ in case.out[:6]:
            yield from same(answer(lambda signum=signum: self.kernel.set_death_signal(signum))[0], result, str(signum))
        self.kernel.set_death_signal(0)

    def not_inherited(self, case: Case) -> Iterator[str]:
        """A child starts without one."""
        self.kernel.set_death_signal(9)
        child = self.kernel.fork()
        yield from same(self.kernel.state.processes[child].death_signal, case.out)
        self.kernel.set_death_signal(0)
        self._end(child)

    def session(self, case: Case) -> Iterator[str]:
        """A leader cannot start a session."""
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            yield from same(answer(self.kernel.setsid)[1] or "ok", case.out[0])
            yield from same(answer(self.kernel.setsid)[1] or "ok", case.out[1])
        self._end(child)

    def status_of_init(self, case: Case) -> Iterator[str]:
        """Everybody may ask whose reaper is whose."""
        yield from same(list(answer(lambda: len(self.kernel.reap_status(1)) and 0)[:2]), case.out)

    def created_or_updated(self, case: Case) -> Iterator[str]:
        """Both flags: the jail is made, and then it is changed."""
        if "new" in case.case:
            self.kernel.state.last_jid = case.ret - 1
        values = parameters({"name": "cu", "persist": "NULL/0"})
        yield from self.compare(case, answer(lambda: self.kernel.jail_set(values, JAIL_CREATE | JAIL_UPDATE)))

    def mask(self, case: Case) -> Iterator[str]:
        """The umask is kept over an attach."""
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.umask(0o77)
            self.kernel.jail_attach(1)
            yield from same(oct(self.kernel.umask(0o22)), case.out)
        self._end(child)

    def group(self, case: Case) -> Iterator[str]:
        """All of a session are signalled by the number of their group."""
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.setsid()
        self.kernel.kill(-child, 9)
        yield from same(self.kernel.reap(child), case.ret)

    def read_directory(self, case: Case) -> Iterator[str]:
        """A directory is no file to read."""
        opened = self.kernel.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
        yield from same(answer(lambda: self.kernel.read(opened, 1))[1], case.ret)
        self.kernel.close(opened)

    def pids(self, case: Case) -> Iterator[str]:
        """Pids go up one by one."""
        given = [self.kernel.fork() for _ in range(4)]
        yield from same([each - given[0] for each in given], [each - case.out[0][0] for each in case.out[0]])
        for pid in given:
            self._end(pid)

    def _inside(self) -> int:
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.jail_attach(1)
        return child

    def _end(self, pid: int) -> None:
        self.kernel.exit(pid)
        self.kernel.reap(pid)

    _table: Any = (
        (r"KERN_PROC_PID of (a gone|-1)", nobody_there),
        (r"KERN_PROC PROC", all_once),
        (r"KERN_PROC from inside", seen_inside),
        (r"ki_(start of the zombie|jid offset)", zombie_kept),
        (r"ki_start - kern.boottime", clock),
        (r"(sysctl (kern|security)|kern\.ngroups)", number),
        (r"PROC_REAP_ACQUIRE again", acquire_again),
        (r"reaper with a jailed", reaper),
        (r"wait4 of reaped", waited),
        (r"REAP_KILL (with|sig 0)", reap_kill),
        (r"REAP_KILL SUBTREE", reap_kill_subtree),
        (r"procctl gone", gone),
        (r"REAP_RELEASE", release),
        (r"kqueue register", zombie),
        (r"kqueue pid", no_process),
        (r"kqueue filter", jail_filters),
        (r"kqueue fd used in a forked", in_child),
        (r"kqueue (exit|killed|exec|jail_attach|fork|EV_|without)", watched),
        (r"(EXEC and EXIT|EXIT only|EXEC only)", unread),
        (r"EV_ADD twice", forgotten),
        (r"kill into jail", kill),
        (r"kill\(", kill_inside),
        (r"setuid first then jail_attach", as_user),
        (r"(jail_attach with an open|  jail_set CREATE)", open_directory),
        (r"SPROTECT (SET|CLEAR|as nobody|in jail)", protection),
        (r"PDEATHSIG=9", death_signal),
        (r"PDEATHSIG_CTL values", death_signals),
        (r"PDEATHSIG inherited", not_inherited),
        (r"setsid", session),
        (r"pids of 4", pids),
        (r"REAP_STATUS of pid 1", status_of_init),
        (r"CREATE\|UPDATE", created_or_updated),
        (r"umask kept", mask),
        (r"killpg", group),
        (r"open\(dir\)\.read", read_directory),
    )
