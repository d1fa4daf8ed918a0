"""What is done to a daemon in a soak, chosen at random; whoever does it may find the daemon dead at any moment."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from runjd.protocols.control.reply import Failure, Success
from tests.soak.asking import Connection, Lost, ask
from tests.soak.hosted import Hosted
from tests.soak.model import Jail, Model

_OPEN = 12
#: jobs that are left alone, once they have ended
_STAYING = 20
#: how a program of exec may end with its jail
_ENDED = (b"signal=9", b"signal=15")
_REFUSALS = {"STATE", "BUSY", "GONE", "NOJAIL", "EXISTS", "NOTFOUND", "TIMEOUT", "CANCELLED"}


class Deeds:
    """
    A generator of deeds.

    :ivar last: the newest ones, with what came of them.
    :ivar counts: how many of each kind came to their end.
    """

    def __init__(
        self, path: str, model: Model, hosted: Hosted, chance: random.Random, has_terminals: bool = True
    ) -> None:
        self._path = path
        self._model = model
        self._hosted = hosted
        self._chance = chance
        self._open: deque[Connection] = deque()
        self._extras: tuple[str, ...] = ()
        self.last: deque[str] = deque(maxlen=60)
        self.counts: dict[str, int] = {}
        self._deeds: dict[Callable[[], None], int] = {
            self._start: 5,
            self._stop: 4,
            self._restart: 4,
            self._signal: 4,
            self._run: 10,
            self._delete: 6,
            self._exec: 10,
            self._exec_detached: 4,
            self._attach: 6,
            self._look_slowly: 3,
            self._subscribe: 3,
            self._read_log: 4,
            self._files: 3,
            self._reload: 3,
            self._ask_for: 8,
            self._babble: 5,
            self._come_and_go: 3,
            self._say_for_boots: 2,
        }

    @property
    def count(self) -> int:
        """How many came to their end."""
        return sum(self.counts.values())

    def one(self) -> bool:
        """Do one thing. :return: False: the daemon was lost over it."""
        deed = self._chance.choices([*self._deeds], [*self._deeds.values()])[0]
        name = deed.__name__.strip("_")
        self.last.append(name)
        try:
            deed()
        except Lost as lost:
            self.last[-1] += f": lost ({lost})"
            return False
        self.counts[name] = self.counts.get(name, 0) + 1
        return True

    def close(self) -> None:
        """Let go of all connections."""
        while self._open:
            self._open.popleft().close()

    def reload(self) -> None:
        """Have the daemon take the configuration as it is written."""
        self._ask("reload")
        for name, jail in self._model.jails.items():
            if jail.is_configured:
                jail.is_there = not name.startswith("extra") or name in self._extras

    def remove_jobs(self) -> None:
        """Delete all that RUN made."""
        for jail in self._jobs():
            self._remove(jail)

    # --- what changes something ---------------------------------------------------------

    def _start(self) -> None:
        self._want(self._hand(), "start", "up", f" wait={self._chance.choice(('none', 'started', 'ready'))}")

    def _stop(self) -> None:
        self._want(self._hand(), "stop", "down", f" wait={self._chance.choice(('none', 'stopped'))}")

    def _restart(self) -> None:
        verb = self._chance.choice(("restart", "try-restart"))
        wait = f" wait={self._chance.choice(('none', 'started'))}"
        self._want(self._hand(), verb, "up" if verb == "restart" else "", wait)

    def _signal(self) -> None:
        jail = self._hand()
        signal = self._chance.choice(("TERM", "KILL", "WINCH"))
        jail.is_alone = False
        self._ask(f"kill {jail.name} {signal}")

    def _run(self) -> None:
        ends_for_good = self._chance.random() < 0.6
        jail, bundle = self._hosted.new_job("never", ends_for_good)
        jail.is_alone = False
        rule = "never"
        wait = self._chance.choice(("none", "started", "stopped"))
        words = f"run {jail.name} {bundle} restart={rule} rm={'yes' if ends_for_good else 'no'} wait={wait}"
        jail.wants = {"up", "down"}
        if isinstance(self._ask(words), Failure):
            return
        jail.is_there = None if ends_for_good else True

    def _delete(self) -> None:
        jobs = self._jobs()
        there = [jail for jail in jobs if jail.is_there]
        if jobs:  # those that stay, where they become many: else memory would grow with them
            self._remove(self._chance.choice(there if len(there) > _STAYING else jobs))

    def _remove(self, jail: Jail) -> None:
        jail.is_struck = True
        jail.is_there = None
        jail.wants = {"up", "down"}
        end = self._ask(f"delete {jail.name} force=yes")
        if isinstance(end, Success) or end.code == "NOJAIL":
            jail.is_there = False

    def _say_for_boots(self) -> None:
        self._ask(f"{self._chance.choice(('enable', 'disable'))} {self._hand().name}")

    def _reload(self) -> None:
        extras = [name for name in self._extras if self._chance.random() < 0.5]
        if self._chance.random() < 0.6 and sum(name.startswith("extra") for name in self._model.jails) < 40:
            extras.append(self._hosted.new_extra())
        for name, jail in self._model.jails.items():
            if name.startswith("extra") and (name in extras) != (name in self._extras):
                jail.is_there = None
                jail.is_alone = False
        self._extras = tuple(extras)
        self._hosted.write(
            self._extras,
            size=self._chance.choice((64, 256, 1024)),
            compress=self._chance.choice(("none", "none", "gzip")),
        )
        self.reload()

    def _files(self) -> None:
        self._ask(f"log {self._chance.choice(('rotate', 'reopen'))}")

    # --- what looks on ---------------------------------------------------------------------

    def _exec(self) -> None:
        status = self._chance.randrange(200)
        jail = self._chance.choice(self._lasting())
        with Connection(self._path) as connection:
            words = f'exec {jail.name} mode=frame stdin=yes -- /bin/sh -c "read line; echo $line; exit {status}"'
            end, _ = connection.ask(words)
            if isinstance(end, Failure):
                self._refused(end)
                return
            connection.send(b"I 6\nhello\nI 0\n")
            output = b""
            while True:
                letter, data = connection.frame()
                if letter == b"X":
                    break
                output += data if letter == b"O" else b""
            told = f"exec {jail.name}: it ends with {status}, and writes hello; told are {data!r}, {output!r}"
            ends = [b"", *([] if jail.is_alone else _ENDED)]  # the daemon is lost, or the jail was ended meanwhile
            assert data in ends or (data, output) == (b"exit=%d" % status, b"hello\n"), told
        self.last[-1] += f" {jail.name}: {data!r}"

    def _exec_detached(self) -> None:
        status = self._chance.randrange(200)
        jail = self._chance.choice(self._lasting())
        with Connection(self._path) as connection:
            end, _ = connection.ask(f'exec {jail.name} detach=yes -- /bin/sh -c "exit {status}"')
            if isinstance(end, Failure):
                self._refused(end)
                return
            name = end.fields["exec"]
            end, _ = connection.ask(f"wait {jail.name} exec={name} timeout=30")
            if isinstance(end, Failure):
                self._refused(end)
            else:
                assert end.fields.get("exit") in (str(status), None, "unknown"), f"it ends with {status}: {end}"
        self.last[-1] += f" {jail.name}"

    def _attach(self) -> None:
        jail = self._chance.choice(self._lasting())
        with Connection(self._path) as connection:
            end, _ = connection.ask(f"attach {jail.name} mode=frame lines={self._chance.randrange(100)}")
            if isinstance(end, Failure):
                self._refused(end)
                return
            for _ in range(self._chance.randrange(6)):
                connection.frame()
        self.last[-1] += f" {jail.name}"

    def _look_slowly(self) -> None:
        """Attach, or follow a log, and read nothing of it."""
        connection = Connection(self._path)
        jail = self._chance.choice(self._lasting())
        self._keep(connection)
        if self._chance.random() < 0.5:
            connection.send(f"attach {jail.name} mode=raw lines=10000\n".encode())
        else:
            connection.send(f"1 log {jail.name} lines=all follow=yes\n".encode())

    def _subscribe(self) -> None:
        connection = Connection(self._path)
        self._keep(connection)
        connection.ask("subscribe since=none:0")

    def _read_log(self) -> None:
        jail = self._chance.choice(self._lasting())
        self._ask(f"log {jail.name} lines={self._chance.randrange(1, 500)}")

    def _ask_for(self) -> None:
        name = self._chance.choice([*self._model.jails])
        self._ask(self._chance.choice(("status", "list", "stats", "plan", "sessions", f"show {name}", "caps", "help")))

    def _babble(self) -> None:
        """Send what is no request, and vanish."""
        words = [
            self._chance.randbytes(self._chance.randrange(1, 3000)),
            b"GET / HTTP/1.1\r\nHost: runjd\r\n\r\n",
            b"x" * 20_000 + b"\n",
            b"stat",
            b'status "\\x00\n1 status\n1 status\n',
            b"".join(b"%d status\n" % n for n in range(200)),
            b"exec steady0 mode=frame -- /bin/true\nO 99999999\n",
        ]
        connection = Connection(self._path)
        try:
            connection.send(self._chance.choice(words))
        finally:
            connection.close()

    def _come_and_go(self) -> None:
        for _ in range(20):
            Connection(self._path).close()

    # --- inside --------------------------------------------------------------------------------

    def _hand(self) -> Jail:
        return self._chance.choice([jail for name, jail in self._model.jails.items() if name.startswith("hand")])

    def _jobs(self) -> list[Jail]:
        return [jail for jail in self._model.jails.values() if not jail.is_configured and jail.is_there is not False]

    def _lasting(self) -> list[Jail]:
        kinds = ("steady", "hand", "tty")
        return [jail for name, jail in self._model.jails.items() if name.startswith(kinds)]

    def _want(self, jail: Jail, verb: str, want: str, wait: str) -> None:
        jail.is_alone = False
        if want:
            jail.wants |= {want}
        if isinstance(self._ask(f"{verb} {jail.name}{wait}"), Success) and want:
            jail.wants = {want}

    def _ask(self, request: str) -> Success | Failure:
        self.last[-1] = request
        end, _ = ask(self._path, request)
        if isinstance(end, Failure):
            self._refused(end)
        return end

    def _refused(self, end: Failure) -> None:
        self.last[-1] += f": {end.code}"
        assert end.code in _REFUSALS, f"{self.last[-1]}: {end}"

    def _keep(self, connection: Connection) -> None:
        self._open.append(connection)
        if len(self._open) > _OPEN:
            self._open.popleft().close()
