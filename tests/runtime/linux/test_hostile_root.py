"""Images whose names are traps: no mount leaves the root, and nothing of the host is touched."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from runjd.errors import RunjdError
from runjd.kernel.linux import LinuxKernel
from runjd.runtime.contract import Undo
from runjd.runtime.linux.beneath import Beneath
from runjd.runtime.linux.runtime import LinuxRuntime
from runjd.runtime.undoing import undo_files
from runjd.spec.model import Mount
from tests.runtime.driver import STANDARD_MOUNTS, Driver, config, make_root, mounts, tree

pytestmark = pytest.mark.root


@pytest.fixture
def bundle(private_dir: str) -> str:
    """Return a bundle beside a directory of the host that a jail must not reach."""
    make_root(os.path.join(private_dir, "rootfs"))
    os.mkdir(os.path.join(private_dir, "outside"))
    return private_dir


@pytest.fixture
def driver(bundle: str) -> Iterator[Driver]:
    before = mounts(), tree(os.path.join(bundle, "outside"))
    driver = Driver(LinuxRuntime())

    yield driver

    assert (mounts(), tree(os.path.join(bundle, "outside"))) == before
    for root, content in driver.roots.items():
        assert tree(root) == content


LINKS = [
    ("../../outside", "outside/x"),
    ("../../../../../../../../outside", "outside/x"),
    ("/outside", "outside/x"),
    ("/missing/deep", "missing/deep/x"),
    ("tmp/../../../missing", "missing/x"),
    ("/trap2", "tmp/x"),
]


@pytest.mark.parametrize(("target", "real"), LINKS)
def test_links_are_followed_inside(driver: Driver, bundle: str, target: str, real: str) -> None:
    """A symbolic link on the way to a mount point means what it means inside the root, missing or not."""
    root = os.path.join(bundle, "rootfs")
    os.symlink(target, os.path.join(root, "trap"))
    os.symlink("/tmp", os.path.join(root, "trap2"))
    trapped = config("grep -o ' /[a-z/]*/x ' /proc/mounts", mounts=(*STANDARD_MOUNTS, Mount("/trap/x", "tmpfs")))

    assert driver.run(trapped, bundle)[1].strip() == f"/{real}"


def test_absolute_link_to_the_bundle(driver: Driver, bundle: str) -> None:
    """A link to an absolute path of the host leads to that path beneath the root."""
    outside = os.path.join(bundle, "outside")
    os.symlink(outside, os.path.join(bundle, "rootfs/trap"))
    trapped = config(f"ls {outside}", mounts=(*STANDARD_MOUNTS, Mount("/trap", "bind", "rootfs/bin", ("bind",))))

    assert "busybox" in driver.run(trapped, bundle)[1]
    assert os.listdir(outside) == []


@pytest.mark.parametrize("destination", ["/../../outside", "/tmp/../../outside/x", "/.."])
def test_dots_stay_inside(driver: Driver, bundle: str, destination: str) -> None:
    """``..`` in a destination ends at the root."""
    trapped = config("true", mounts=(*STANDARD_MOUNTS, Mount(destination, "tmpfs")))

    # The kernel may refuse to mount on the root; the fixture sees that nothing else was reached.
    with contextlib.suppress(RunjdError):
        driver.run(trapped, bundle)


@pytest.mark.parametrize("first", ["/trap", "loop"])
def test_loops_are_refused(driver: Driver, bundle: str, first: str) -> None:
    """Links that lead to each other fail the create by the path of the mount."""
    os.symlink(first, os.path.join(bundle, "rootfs/trap"))
    os.symlink("trap", os.path.join(bundle, "rootfs/loop"))
    trapped = config(mounts=(*STANDARD_MOUNTS, Mount("/trap/x", "tmpfs")))

    with pytest.raises(RunjdError, match="too many levels of symbolic links") as caught:
        driver.create(trapped, bundle)

    assert caught.value.details["path"] == f"mounts[{len(STANDARD_MOUNTS)}]"


@pytest.mark.parametrize(
    "target", ["/proc/sys/kernel", "/proc/self/attr", "/sys/kernel", "/proc/1/root", "/proc/self/fd/3"]
)
def test_links_into_proc_are_refused(driver: Driver, bundle: str, target: str) -> None:
    """An image cannot have a volume mounted over what the kernel says, nor use the kernel's own links."""
    os.symlink(target, os.path.join(bundle, "rootfs/data"))
    trapped = config(mounts=(*STANDARD_MOUNTS, Mount("/data", "bind", "outside", ("bind",))))

    with pytest.raises(RunjdError) as caught:
        driver.create(trapped, bundle)

    assert caught.value.details["path"] == f"mounts[{len(STANDARD_MOUNTS)}]"


@pytest.mark.parametrize(("name", "kind"), [("proc", "proc"), ("sys", "sysfs")])
def test_proc_must_be_where_it_is_said_to_be(driver: Driver, bundle: str, name: str, kind: str) -> None:
    """/proc and /sys are not mounted through a link: masked paths and labels rely on their place."""
    os.rmdir(os.path.join(bundle, "rootfs", name))
    os.symlink("tmp", os.path.join(bundle, "rootfs", name))

    with pytest.raises(RunjdError, match="symbolic links"):
        driver.create(config(mounts=(Mount(f"/{name}", kind, kind),)), bundle)


def test_device_directory_may_be_a_trap(driver: Driver, bundle: str) -> None:
    """Devices are made beneath the root, wherever the image points /dev at, and taken away again."""
    os.rmdir(os.path.join(bundle, "rootfs/dev"))
    os.symlink("../../outside", os.path.join(bundle, "rootfs/dev"))
    os.mkdir(os.path.join(bundle, "rootfs/outside"))

    assert driver.run(config("test -c /outside/null", mounts=STANDARD_MOUNTS[:1]), bundle)[0] == 0


def test_masks_follow_links_inside(driver: Driver, bundle: str) -> None:
    """A masked path that is a link hides what it leads to inside, never outside."""
    os.symlink("../../outside", os.path.join(bundle, "rootfs/tmp/link"))
    os.symlink("/bin", os.path.join(bundle, "rootfs/tmp/other"))
    paths = {"masked_paths": ("/tmp/link",), "readonly_paths": ("/tmp/other", "/tmp/other/../link")}

    assert driver.run(config("touch /bin/x 2>&1 | grep -c Read-only", linux=paths), bundle)[1] == "1\n"
    assert os.access(os.path.join(bundle, "outside"), os.W_OK)


class Left:
    """A root in which something was made, and the record of it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.undo: list[Undo] = []
        self.kernel = LinuxKernel()
        descriptor = os.open(path, os.O_PATH)
        beneath = Beneath(self.kernel, descriptor, self.undo.append)
        os.close(beneath.mount_point("/a/b/c", True))
        os.close(beneath.mount_point("/f", False))
        os.close(descriptor)

    def take_away(self) -> None:
        undo_files(self.kernel, self.path, self.undo)


@pytest.fixture
def left(bundle: str) -> Left:
    os.mkdir(os.path.join(bundle, "root"))
    return Left(os.path.join(bundle, "root"))


def test_what_was_made_is_taken_away(left: Left) -> None:
    """Directories and files that were made for mounts vanish, in reverse, and twice is no error."""
    assert sorted(tree(left.path)) == ["a", "a/b", "a/b/c", "f"]

    left.take_away()
    left.take_away()

    assert tree(left.path) == {}


def test_what_is_used_stays(left: Left) -> None:
    """What the jail put something into is not taken away."""
    with open(os.path.join(left.path, "f"), "w", encoding="utf-8") as file:
        file.write("kept")
    os.mkdir(os.path.join(left.path, "a/b/kept"))

    left.take_away()

    assert sorted(tree(left.path)) == ["a", "a/b", "a/b/kept", "f"]


def test_what_was_exchanged_stays(left: Left) -> None:
    """Something else of the same name is another's."""
    os.rename(os.path.join(left.path, "f"), os.path.join(left.path, "g"))
    with open(os.path.join(left.path, "f"), "w", encoding="utf-8"):
        pass
    os.rename(os.path.join(left.path, "a/b/c"), os.path.join(left.path, "h"))
    os.mkdir(os.path.join(left.path, "a/b/c"))

    left.take_away()

    assert sorted(tree(left.path)) == ["a", "a/b", "a/b/c", "f", "g", "h"]


def test_links_are_not_followed_when_taking_away(left: Left, bundle: str) -> None:
    """A directory that became a link to the host's takes nothing of the host along."""
    outside = os.path.join(bundle, "outside")
    os.makedirs(os.path.join(outside, "b"))
    os.rename(os.path.join(left.path, "a/b/c"), os.path.join(outside, "b/c"))
    os.rename(os.path.join(left.path, "a"), os.path.join(left.path, "was"))
    os.symlink("../outside", os.path.join(left.path, "a"))

    left.take_away()

    assert sorted(tree(outside)) == ["b", "b/c"]


def test_gone_root_is_no_error(left: Left) -> None:
    """The engine may have unmounted the root before the jail is deleted."""
    os.rename(left.path, left.path + "2")

    left.take_away()
