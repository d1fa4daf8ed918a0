"""A bundle with a root of busybox, and who runs jails of it and sees that they leave nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from runjd.runtime.linux.runtime import LinuxRuntime
from tests.runtime.driver import Driver, make_root, mounts, tree


@pytest.fixture
def bundle(private_dir: str) -> str:
    make_root(os.path.join(private_dir, "rootfs"))
    return private_dir


@pytest.fixture
def driver(bundle: str) -> Iterator[Driver]:
    before = mounts()
    driver = Driver(LinuxRuntime())

    yield driver

    assert mounts() == before
    for root, content in driver.roots.items():
        assert tree(root) == content
