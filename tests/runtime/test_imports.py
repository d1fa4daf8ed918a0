"""What is loaded when: little at the start, and nothing once a jail was entered."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ENTERING = """
import os, sys
sys.path.insert(0, {checkout!r})
from tests.runtime.driver import Driver, config, make_root
from runjd.runtime.linux.runtime import LinuxRuntime
driver = Driver(LinuxRuntime())
before = set(sys.modules)
runtime = driver.runtime
enter, become = runtime.enter, runtime.become
def watched(process):
    become(process)
    os.write(2, ("|".join(sorted(set(sys.modules) - before))).encode())
runtime.become = watched
print(driver.run(config("true", hostname="a", domainname="b", linux={{"masked_paths": ("/proc/keys",)}}), {bundle!r}))
"""


@pytest.mark.root
def test_entering_imports_nothing(private_dir: str) -> None:
    """A child that enters a jail and takes on its rights loads no module on the way."""
    from tests.runtime.driver import make_root

    make_root(os.path.join(private_dir, "rootfs"))
    script = ENTERING.format(checkout=os.getcwd(), bundle=private_dir)
    found = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout == "(0, '')\n"
    assert found.stderr == ""


FORBIDDEN = ("typing", "dataclasses", "argparse", "enum", "inspect", "socket", "subprocess", "signal", "logging", "re")


@pytest.mark.parametrize("module", ["linux", "plain", "choose", "sealed", "freebsd.runtime"])
def test_start_up_is_lean(module: str) -> None:
    """The runtimes load none of the modules that cost milliseconds at every start."""
    script = f"import sys; sys.path.insert(0, {os.getcwd()!r}); import runjd.runtime.{module}; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)

    assert not set(found.stdout.split()) & set(FORBIDDEN)


def test_choosing_loads_no_runtime() -> None:
    """Names of runtimes are known without loading one, or ctypes."""
    script = f"import sys; sys.path.insert(0, {os.getcwd()!r}); import runjd.runtime.choose; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)

    assert "ctypes" not in found.stdout.split()


def test_ending_loads_less_than_making() -> None:
    """What ends jails of namespaces loads neither what makes them nor a function of the C library."""
    script = (
        f"import sys; sys.path.insert(0, {os.getcwd()!r}); from runjd.runtime.choose import wardens; "
        "wardens()['linux'](); print(*sys.modules)"
    )
    found = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    loaded = set(found.stdout.split())

    assert "runjd.runtime.linux.warden" in loaded
    assert loaded & {"_ctypes", "runjd.kernel.libc", "runjd.kernel.linux", "runjd.runtime.linux.runtime"} == set()


ELSEWHERE = """
import sys
sys.platform = "freebsd14"
sys.path.insert(0, {checkout!r})
import runjd.kernel.closing, runjd.kernel.credentials, runjd.kernel.limits, runjd.kernel.process, runjd.kernel.reaper
import runjd.runtime.choose
runtime = runjd.runtime.choose.choose("")
print(runtime.name, *sys.modules)
"""


def test_nothing_of_linux_is_loaded_elsewhere() -> None:
    """On another system the default runtime loads no module that calls Linux."""
    script = ELSEWHERE.format(checkout=os.getcwd())
    found = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    words = found.stdout.split()

    assert words[0] == "freebsd"
    for name in ("linux", "mount", "namespaces", "prctl", "capabilities", "openat2", "interfaces", "pidfd", "statfs"):
        assert f"runjd.kernel.{name}" not in words
