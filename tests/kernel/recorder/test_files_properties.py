"""Files in memory behave as those on a disk."""

from __future__ import annotations

import errno
import os
import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.kernel.recorder.kernel import FreeBSDRecorder
from tests.conftest import _remove_tree

pytestmark = pytest.mark.linux

NAMES = st.sampled_from(["a", "b", "c"])
#: none leads above the root of the test, where only the memory is empty
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
STEPS = st.one_of(
    st.tuples(st.just("mkdir"), PATHS),
    st.tuples(st.just("rmdir"), PATHS),
    st.tuples(st.just("unlink"), PATHS),
    st.tuples(st.just("create"), PATHS),
    st.tuples(st.just("symlink"), PATHS, PATHS),
    st.tuples(st.just("listdir"), PATHS),
    st.tuples(st.just("readlink"), PATHS),
    st.tuples(st.just("kind"), PATHS),
)
#: where FreeBSD has another number than the system that the test runs on
_OF_FREEBSD = {"unlink": {errno.EISDIR: errno.EPERM}}


@given(st.lists(STEPS, max_size=20))
def test_they_are_made_found_and_removed_alike(steps: list[tuple[str, ...]]) -> None:
    """Each step has the same result, or the same error, on a disk and in memory."""
    root = tempfile.mkdtemp(prefix="runjd-test-", dir="/tmp")
    kernel = FreeBSDRecorder()
    kernel.make_tree("/top/root")
    try:
        for name, *paths in steps:
            on_disk = _do(os, root, name, paths)
            in_memory = _do(kernel, "/top/root", name, paths)
            assert in_memory == _OF_FREEBSD.get(name, {}).get(on_disk, on_disk), (name, paths)
    finally:
        _remove_tree(root)


def _do(calls: Any, root: str, name: str, paths: list[str]) -> Any:
    path = f"{root}/{paths[0]}"
    try:
        if name == "create":
            calls.close(calls.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        elif name == "symlink":
            calls.symlink(paths[1], path)
        elif name == "kind":
            return calls.stat(path, follow_symlinks=False).st_mode & 0o170000
        else:
            result = getattr(calls, name)(path)
            return tuple(sorted(result)) if isinstance(result, list) else result
    except OSError as error:
        return error.errno
    return None
