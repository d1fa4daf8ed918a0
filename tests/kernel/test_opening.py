"""The standard descriptors are open."""

from __future__ import annotations

import os

from runjd.kernel.opening import leave_missing, open_missing


def test_closed_standard_descriptors_are_filled() -> None:
    """What a program opens later cannot become its standard error."""
    pid = os.fork()
    if pid == 0:
        try:
            os.close(0)
            os.close(2)
            open_missing()
            same = os.path.samestat(os.fstat(0), os.stat("/dev/null"))
            os._exit(0 if same and os.path.samestat(os.fstat(2), os.stat("/dev/null")) else 1)
        finally:
            os._exit(2)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_whoever_stands_nowhere_goes_to_the_root(private_dir):
    """A directory that is there is not left."""
    before = os.getcwd()
    try:
        os.mkdir(f"{private_dir}/gone")
        os.chdir(f"{private_dir}/gone")
        leave_missing()
        assert os.getcwd() == f"{private_dir}/gone"
        os.rmdir(f"{private_dir}/gone")

        leave_missing()

        assert os.getcwd() == "/"
    finally:
        os.chdir(before)
