"""Starting a keeper."""

import os
import resource
import sys

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.task import deferLater

from runjd.supervise.keeperstart import KeeperStart


async def contents_of(path: str) -> str:
    """Return what a program wrote into a file, once it is there."""
    for _ in range(500):
        await deferLater(reactor, 0.01)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                return file.read()
    raise AssertionError("the program wrote nothing")


@pytest.mark.linux
@ensureDeferred
async def test_a_keeper_starts_with_clean_hands(private_dir):
    """It has descriptors 0 to 2, few variables, the root as its directory, and the limits the daemon began with."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    code = (
        "import os, resource, sys\n"
        "seen = [sorted(os.listdir('/proc/self/fd'))[:-1], os.getcwd(), os.environ.get('RUNJD_SECRET'),"
        " resource.getrlimit(resource.RLIMIT_NOFILE)[0]]\n"
        "with open(sys.argv[1] + '.new', 'w') as file: file.write(repr(seen))\n"
        "os.rename(sys.argv[1] + '.new', sys.argv[1])\n"
    )
    os.environ["RUNJD_SECRET"] = "x"
    try:
        KeeperStart(reactor, [sys.executable, "-I", "-c", code, f"{private_dir}/seen"], (min(soft, 200), hard))()
    finally:
        del os.environ["RUNJD_SECRET"]

    seen = await contents_of(f"{private_dir}/seen")
    assert seen == repr([["0", "1", "2"], "/", None, min(soft, 200)])
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
    for _ in range(500):  # until it is reaped
        await deferLater(reactor, 0.01)
        if not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
            break
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
            if not children.read().strip():
                break
