"""The state directory: who holds what, and what is written."""

import os
import stat
import threading

import pytest

from runjd.container import mark
from runjd.container.state import State
from runjd.container.store import Store
from runjd.errors import AlreadyExists, InputOutput, NoSuchJail, RuntimeFailure, WrongState
from tests.container.jails import wait
from tests.rights import without_rights

STATE = State("web", "stopped", bundle="/b")


@pytest.fixture
def store(private_dir: str) -> Store:
    """Return an empty store, whose directory is not there yet."""
    return Store(f"{private_dir}/deep/state")


def test_the_directory_is_made_when_it_is_needed(store: Store) -> None:
    """Its parents, too; itself for nobody else."""
    assert store.ids() == []
    with pytest.raises(NoSuchJail):
        store.look("web")
    assert not os.path.exists(store.root)

    store.claim("web").close()

    assert stat.S_IMODE(os.stat(store.root).st_mode) == 0o700
    assert store.ids() == ["web"]


@pytest.mark.parametrize("umask", [0o777, 0o177, 0])
def test_the_umask_of_the_caller_takes_nothing_from_us(store: Store, umask: int) -> None:
    """By its mode we know a directory for ours, also one whose creator was killed at once."""
    before = os.umask(umask)
    try:
        store.claim("web").close()
        store.claim("db").close()
        assert os.umask(umask) == umask
    finally:
        os.umask(before)

    for path in (store.root, f"{store.root}/web", f"{store.root}/db"):
        assert os.stat(path).st_mode & 0o7777 == 0o700
    assert os.stat(f"{store.root}/web/{mark.NAME}").st_mode & 0o7777 == 0o600


def test_who_has_no_rights_there_is_told_what_to_do(store: Store, private_dir: str) -> None:
    """The default directory is root's."""
    os.chmod(private_dir, 0o555)
    with pytest.raises(RuntimeFailure, match="make the state directory .*: permission denied; .* --root"):
        without_rights(store.claim, "web")

    os.chmod(private_dir, 0)
    with pytest.raises(RuntimeFailure, match="open the state directory .*: permission denied; .* --root"):
        without_rights(store.ids)
    os.chmod(private_dir, 0o700)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_directory_that_others_can_write_is_refused(private_dir: str, mode: int) -> None:
    """They could put their own things in the place of ours."""
    os.mkdir(f"{private_dir}/open")
    os.chmod(f"{private_dir}/open", mode)

    with pytest.raises(InputOutput, match="can be written by others; give it to yourself with mode 0700"):
        Store(f"{private_dir}/open").claim("web")


def test_a_directory_that_is_none_is_refused(private_dir: str) -> None:
    """A file cannot hold containers, nor can a link be one."""
    with open(f"{private_dir}/file", "w"):
        pass
    os.symlink("/tmp", f"{private_dir}/web")
    with open(f"{private_dir}/db", "w"):
        pass

    with pytest.raises(InputOutput, match="is not a directory; choose another one"):
        Store(f"{private_dir}/file").claim("web")
    for id in ("web", "db"):
        with pytest.raises(InputOutput, match="is not a directory; move it away"):
            Store(private_dir).look(id)
    assert Store(private_dir).ids() == []


def test_a_record_is_read_as_it_was_written(store: Store) -> None:
    """Readers hold nothing."""
    with store.claim("web") as place:
        assert place.read() is None
        place.write(STATE)
        with store.look("web") as other:
            assert other.read() == STATE


def test_a_reader_never_sees_half_a_record(store: Store) -> None:
    """The record is replaced as a whole while others read it."""
    with store.claim("web") as place:
        place.write(STATE)
        seen = set()
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                with store.look("web") as other:
                    state = other.read()
                    assert state is not None
                    seen.add(len(state.bundle))

        reader = threading.Thread(target=read)
        reader.start()
        for size in range(200):
            place.write(STATE._replace(bundle="/" * (size * 50)))
        done.set()
        reader.join()
        # the last one certainly
        with store.look("web") as other:
            last = other.read()

    assert last is not None
    assert seen <= {size * 50 for size in range(200)} | {2}


def test_what_is_claimed_is_not_claimed_again(store: Store) -> None:
    """Neither while somebody makes it nor when it is there."""
    with store.claim("web") as place:
        with pytest.raises(AlreadyExists, match="another operation is at work on it"):
            store.claim("web")
        place.write(STATE)

    with pytest.raises(AlreadyExists, match="delete it first"):
        store.claim("web")


def test_a_creation_is_not_waited_for(store: Store) -> None:
    """Whoever wants to hold it is told at once."""
    with store.claim("web") as place:
        place.write(STATE._replace(status="creating"))

        with pytest.raises(WrongState, match='"web" is still being created'):
            store.hold("web")


def test_the_dead_hold_nothing(store: Store) -> None:
    """The lock of a process that was killed is gone."""
    pid = os.fork()
    if pid == 0:
        place = store.claim("web")
        place.write(STATE)
        os._exit(0)
    wait(pid)

    with store.hold("web") as place:
        assert place.read() == STATE


def test_holders_wait_for_each_other(store: Store) -> None:
    """Two who change something come one after the other; those who share do not wait."""
    with store.claim("web") as place:
        place.write(STATE)
    order = []

    with store.hold("web", shared=True), store.hold("web", shared=True):
        waiter = threading.Thread(target=lambda: _hold_and(store, lambda: order.append("second")))
        waiter.start()
        order.append("first")
    waiter.join()

    assert order == ["first", "second"]


def test_whoever_waited_for_a_container_that_went_is_told(store: Store) -> None:
    """It is not there any more, though its directory was."""
    place = store.claim("web")
    place.write(STATE)
    failed = []

    def wait_for_it() -> None:
        try:
            store.hold("web").close()
        except NoSuchJail as error:
            failed.append(error)

    with store.look("web"):
        waiter = threading.Thread(target=wait_for_it)
        waiter.start()
        place.remove()
        place.close()
        waiter.join()

    assert len(failed) == 1
    assert store.ids() == []


def test_removing_takes_everything_along(store: Store) -> None:
    """Files, directories below, and links, which are not followed."""
    with store.claim("web") as place:
        place.write(STATE)
        place.keep_config(b"{}")
        os.makedirs(f"{place.path}/a/b/c")
        os.symlink("/tmp", f"{place.path}/a/link")

        place.remove()

    assert os.listdir(store.root) == []
    assert os.path.isdir("/tmp")


def test_a_missing_copy_of_the_configuration_is_named(store: Store) -> None:
    """The message says how to get rid of what is left."""
    with (
        store.claim("web") as place,
        pytest.raises(InputOutput, match=r"web/config.json is missing; `runj delete --force web`"),
    ):
        place.config()


def _hold_and(store: Store, work: object) -> None:
    assert callable(work)
    with store.hold("web"):
        work()
