"""
A jail makes itself a new proc, without the masks: by a user namespace that everybody may make.

The kernel lets it only where a proc or sysfs without anything over it is in the mount
namespace already (mount_too_revealing), so none of the host's may be left there.
"""

from __future__ import annotations

import pytest

from tests.security.hostile import Hostile

pytestmark = pytest.mark.root

REVEAL = """
def reveal(kind):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            outcome = "cannot unshare"
            if libc.unshare(0x10000000 | 0x20000 | 0x20000000 | 0x40000000) == 0:
                for name, content in (("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")):
                    alone(lambda: open(f"/proc/self/{name}", "w").write(content))
                if os.fork() == 0:
                    result = libc.mount(kind, b"/tmp", kind, 0, None)
                    outcome = "revealed" if result == 0 else errno.errorcode[ctypes.get_errno()]
                    os.write(write, outcome.encode())
                    os._exit(0)
                os.wait()
                outcome = ""
            os.write(write, outcome.encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    return os.read(read, 100).decode()
tell([reveal(b"proc"), reveal(b"sysfs")])
"""


@pytest.mark.parametrize("options", [(), ("--no-pivot",)], ids=["pivot_root", "--no-pivot"])
@pytest.mark.parametrize("uid", [0, 1000])
def test_no_new_proc_shows_what_is_masked(hostile: Hostile, options: tuple[str, ...], uid: int) -> None:
    """Neither root nor a user of the jail can mount proc or sysfs without the masks."""
    bundle = hostile.jails.write(hostile.config(hostile.python(REVEAL), uid=uid, gid=uid))

    hostile.runj.ok("run", *options, "-b", bundle, "web")
    found = hostile.heard()

    if found == ["cannot unshare"] * 2:
        pytest.skip("this host does not let everybody make user namespaces")
    assert found == ["EPERM", "EPERM"]


def test_where_nothing_is_masked_it_is_shown(hostile: Hostile) -> None:
    """The attack works where the bundle masks nothing, so it is the masks that are defended."""
    config = hostile.config(hostile.python(REVEAL))
    config["linux"]["maskedPaths"] = config["linux"]["readonlyPaths"] = []  # type: ignore[index]

    hostile.runj.ok("run", "-b", hostile.jails.write(config), "web")
    found = hostile.heard()

    if found == ["cannot unshare"] * 2:
        pytest.skip("this host does not let everybody make user namespaces")
    assert isinstance(found, list)
    assert found[0] == "revealed"
