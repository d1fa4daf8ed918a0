"""A runtime that lives in a chroot itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.runtime.driver import PATIENCE_MS

pytestmark = pytest.mark.root

_SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_SCRIPT = """
import os, sys
sys.path.append(sys.argv[1])
from runjd.keeper.preload import preload
from runjd.kernel import mount as m, namespaces
from runjd.runtime.linux.runtime import LinuxRuntime
from tests.runtime.driver import Driver, config, make_root, shell

top = sys.argv[2]
namespaces.unshare(namespaces.CLONE_NEWNS)
# shared within this test: what is done in the jail would show here
m.mount(None, "/", None, m.MS_PRIVATE | m.MS_REC)
m.mount(None, "/", None, m.MS_SHARED | m.MS_REC)
make_root(top + "/bundle/rootfs")
os.mkdir(top + "/proc")
if sys.argv[3] == "mount":
    m.mount(top, top, None, m.MS_BIND)
m.mount("/proc", top + "/proc", None, m.MS_BIND | m.MS_REC)
preload()
driver = Driver(LinuxRuntime())
os.chroot(top)
os.chdir("/")
mounts = open("/proc/self/mountinfo").read()
held = driver.create(config("sleep 60"), "/bundle")
driver.start(held.pid)
try:
    print(driver.exec(held, shell("echo /*"))[1].split())
    print(open("/proc/self/mountinfo").read() == mounts)
finally:
    driver.end(held)
"""


@pytest.mark.parametrize("kind", ["mount", "directory"])
def test_whoever_enters_a_jail_made_in_a_chroot_finds_the_jail(private_dir: str, kind: str) -> None:
    """The namespace's own root is exchanged, not the chroot, so an exec lands in no root of the host."""
    os.mkdir(f"{private_dir}/top")
    argv = [sys.executable, "-c", _SCRIPT, _SOURCE, f"{private_dir}/top", kind]

    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=PATIENCE_MS / 1000)

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["['/bin', '/dev', '/etc', '/proc', '/sys', '/tmp']", "True"]
