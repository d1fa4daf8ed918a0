"""Everything that is written down, as deeds that a fault may hit, each with what must be true afterwards."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from runjd.container.state import State
from runjd.container.store import Store
from runjd.errors import NoSuchJail
from runjd.keeper import directories
from runjd.keeper.children import Child, Exit
from runjd.keeper.exits import ExitStore
from runjd.logs.compression import compress
from runjd.logs.names import rotated
from runjd.logs.rotation import rotate, settle
from runjd.policy.facts import Definition
from runjd.policy.settings import LogRule
from runjd.supervise.bundles import CONFIG_JSON, Bundles
from runjd.supervise.definitions import Definitions, Known
from runjd.supervise.directories import lock_directory, make_directory, sign_lock
from runjd.supervise.wishes import Wish, Wishes
from tests.faults.tracer import run
from tests.unpacked import open_rotated


class Deed:
    """
    Something that is written down.

    A test calls :meth:`prepare`, has :meth:`act` run in a child, and then calls :meth:`check`.

    :param directory: empty, and for nobody else.
    """

    #: whether it makes a promise to whoever is told that it is done
    tells = True

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def prepare(self) -> None:
        """Write what is there before."""

    def act(self) -> None:
        """Do it."""
        raise NotImplementedError

    def check(self, is_done: bool) -> None:
        """Fail unless all is as it was before, or (and where it is done: only) as it shall be."""
        raise NotImplementedError

    def do_again(self) -> None:
        """Do it once more, where it is not done."""
        assert run(self.act).end == "done"

    def names(self) -> Sequence[str]:
        """Return the paths of all that is there."""
        walk = os.walk(self.directory)
        found = [os.path.join(above, name) for above, below, files in walk for name in (*below, *files)]
        return sorted(os.path.relpath(each, self.directory) for each in found)


class Replaced(Deed):
    """The definition of a jail is replaced."""

    def _known(self, want: str) -> Known:
        return Known(Definition("web", "/bundles/web", "plain"), want, is_expected=True, reason="x" * 9000)

    @property
    def _definitions(self) -> Definitions:
        return Definitions(self.directory, "boot")

    def prepare(self) -> None:
        self._definitions.save(self._known("up"))

    def act(self) -> None:
        self._definitions.save(self._known("down"))

    def check(self, is_done: bool) -> None:
        [found] = self._definitions.load()
        assert found in (*[self._known("up")] * (not is_done), self._known("down"))


class Defined(Replaced):
    """A jail is written down for the first time."""

    def prepare(self) -> None:
        pass

    def check(self, is_done: bool) -> None:
        assert list(self._definitions.load()) in ([self._known("down")], *[[]] * (not is_done))


class Forgotten(Replaced):
    """A jail is forgotten."""

    def act(self) -> None:
        self._definitions.remove("web")

    def check(self, is_done: bool) -> None:
        assert list(self._definitions.load()) in ([], *[[self._known("up")]] * (not is_done))


class Wished(Deed):
    """What must outlast a reboot is written, of three jails."""

    def prepare(self) -> None:
        Wishes(self.directory).write({"a": Wish("up"), "b": Wish("up", True)})

    def act(self) -> None:
        Wishes(self.directory).write({"a": Wish("down"), "b": None, "c": Wish("up", None, Definition("c", "/c", ""))})

    def check(self, is_done: bool) -> None:
        found = Wishes(self.directory).load()
        new = {"a": Wish("down"), "b": None, "c": Wish("up", None, Definition("c", "/c", ""))}
        old = {"a": Wish("up"), "b": Wish("up", True), "c": None}
        for id in "abc":
            assert found.get(id) in (new[id], *[old[id]] * (not is_done))


class Bundled(Deed):
    """The daemon writes the bundles of two jails."""

    def _write(self, word: str) -> None:
        made = {id: (CONFIG_JSON, {"hostname": f"{id}-{word}" * 500}) for id in ("web", "db")}
        Bundles(self.directory, _never).write(made)

    def prepare(self) -> None:
        self._write("old")

    def act(self) -> None:
        self._write("new")

    def check(self, is_done: bool) -> None:
        for id in ("web", "db"):
            with open(f"{self.directory}/{id}/config.json", encoding="utf-8") as file:
                text = file.read()
            words = ("new", *["old"] * (not is_done))
            assert text in [f'{{"hostname": "{f"{id}-{word}" * 500}"}}' for word in words]


class Unbundled(Bundled):
    """A bundle is removed."""

    tells = False  # nobody's trouble

    def act(self) -> None:
        Bundles(self.directory, _never).remove("web")

    def check(self, is_done: bool) -> None:
        self._write("new")


def _never(*_: object) -> Any:
    raise AssertionError


class Exited(Deed):
    """The keeper writes down how a process ended, beside another."""

    def prepare(self) -> None:
        self._store(lambda store: store.save(self._child(10)))

    def act(self) -> None:
        self._store(lambda store: store.save(self._child(11)))

    def check(self, is_done: bool) -> None:
        pids = [child.pid for child in self._store(lambda store: store.load())]
        assert pids in ([10, 11], *[[10]] * (not is_done))

    def _child(self, pid: int) -> Child:
        child = Child("web", "", pid, 77, 3, True, '{"a":[1]}')
        child.exit = Exit(7, None, 1234.5, False)
        return child

    def _store(self, use: Callable[[ExitStore], Any]) -> Any:
        def complain(text: str) -> None:
            raise AssertionError(text)

        fd = os.open(self.directory, os.O_RDONLY)
        try:
            return use(ExitStore(fd, complain))
        finally:
            os.close(fd)


class Acknowledged(Exited):
    """A daemon has dealt with an exit."""

    tells = False  # it is only told again

    def act(self) -> None:
        self._store(lambda store: store.remove(self._child(10)))

    def check(self, is_done: bool) -> None:
        assert [child.pid for child in self._store(lambda store: store.load())] in ([], [10])


class Keeper(Deed):
    """A keeper takes a directory, where an earlier one has left its socket."""

    def prepare(self) -> None:
        self.do_again()

    def act(self) -> None:
        fd = directories.open_private(f"{self.directory}/keeper")
        directories.lock(fd, "it")
        os.close(directories.open_private("exits", fd))
        directories.listen(fd, "it").detach()
        os.close(directories.make_nameless(fd, 1 << 20))
        os.close(fd)

    def check(self, is_done: bool) -> None:
        assert run(self._serve).end == "done"

    def _serve(self) -> None:
        """What a keeper does: in a child, as it changes the working directory and holds a lock."""
        fd = directories.open_private(f"{self.directory}/keeper")
        directories.lock(fd, "it")
        listener = directories.listen(fd, "it")
        os.close(directories.make_nameless(fd, 1 << 20))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{self.directory}/keeper/socket")
        listener.close()


class Served(Deed):
    """A daemon takes its directories."""

    def act(self) -> None:
        make_directory(f"{self.directory}/run/state", 0o755)
        sign_lock(lock_directory(f"{self.directory}/run/state"))
        make_directory(f"{self.directory}/run/state/jails", 0o700)

    def check(self, is_done: bool) -> None:
        self.do_again()


class Contained(Deed):
    """A container is recorded, from the claim on its directory to the record of what runs."""

    @property
    def _store(self) -> Store:
        return Store(f"{self.directory}/state")

    def act(self) -> None:
        with self._store.claim("web") as place:
            place.keep_config(b'{"ociVersion": "1.0.0"}' * 500)
            place.write(State("web", "creating", bundle="/b"))
            place.keep_confinement(b"{}")
            place.mark(State("web", "creating", bundle="/b", pid=4_000_000, start_time=1, boot_id="x"))
            place.write(State("web", "created", bundle="/b", pid=4_000_000, start_time=1, boot_id="x"))
            place.write(State("web", "running", bundle="/b", pid=4_000_000, start_time=1, boot_id="x"))

    def check(self, is_done: bool) -> None:
        """What is there can be removed, by whoever holds it; so it can be claimed anew."""
        try:
            with self._store.hold("web") as place:
                state = place.read()
                assert not is_done or (state is not None and state.status == "running")
                assert state is None or state.bundle == "/b"
                place.check_ours()
                if state is not None and state.status != "creating":
                    assert place.config() == b'{"ociVersion": "1.0.0"}' * 500
                place.remove()
        except NoSuchJail:
            assert not is_done
        self._store.claim("web").close()


class Removed(Contained):
    """A container's directory is removed."""

    def prepare(self) -> None:
        super().act()

    def act(self) -> None:
        with self._store.hold("web") as place:
            place.remove()

    def check(self, is_done: bool) -> None:
        """What is left is known for what it is, and a second removal takes it away."""
        try:
            with self._store.hold("web") as place:
                assert not is_done
                place.check_ours()
                place.salvage()
                place.remove()
        except NoSuchJail:
            pass
        self._store.claim("web").close()


class Compressed(Deed):
    """A rotated log is compressed."""

    _LINES = b"a line\n" * 3000
    _RULE = LogRule(compress="gzip")

    @property
    def _path(self) -> str:
        return f"{self.directory}/web.log"

    def prepare(self) -> None:
        with open(self._path, "wb") as file:
            file.write(self._LINES)
        rotate(self._path, self._RULE)

    def act(self) -> None:
        for file in settle(self._path, self._RULE):
            compress(self._path, file, "gzip")

    def check(self, is_done: bool) -> None:
        """All lines are there, once."""
        settle(self._path, self._RULE)
        [found] = rotated(self._path)
        with open_rotated(found) as file:
            assert file.read() == self._LINES
        assert not is_done or found.compression == "gzip"


class Rotated(Compressed):
    """A log is rotated, and one that is too old is removed."""

    _RULE = LogRule(compress="none", keep=1)

    def prepare(self) -> None:
        super().prepare()
        with open(self._path, "wb") as file:
            file.write(b"new\n")

    def act(self) -> None:
        rotate(self._path, self._RULE)

    def check(self, is_done: bool) -> None:
        settle(self._path, self._RULE)
        [found] = rotated(self._path)
        with open_rotated(found) as file:
            assert file.read() == (self._LINES if os.path.exists(self._path) else b"new\n")

    def do_again(self) -> None:
        if os.path.exists(self._path):
            super().do_again()


DEEDS = [
    *(Defined, Replaced, Forgotten, Wished, Bundled, Unbundled, Exited, Acknowledged),
    *(Keeper, Served, Contained, Removed, Compressed, Rotated),
]
