"""The keeper has loaded whatever its workers may need: once it runs, there is nowhere to import from."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys

import pytest

from tests.keeper.daemon import Failed
from tests.keeper.running import RunningKeeper

_SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
#: what no request of the keeper asks for
_OTHERS = {
    "runjd.container.control",
    "runjd.runtime.linux.cgroup.living",
    "runjd.runtime.linux.cgroup.memory_watch",
    "runjd.runtime.linux.cgroup.usage",
}
_ROOMS = ("spec", "kernel", "runtime", "container")
_CODE = """
import sys
from runjd.keeper import main
from runjd.keeper.preload import preload
preload()
print(*[name for name in sys.modules if name.startswith("runjd.")])
"""


def _loaded() -> set[str]:
    done = subprocess.run([sys.executable, "-c", _CODE], cwd=_SOURCE, stdout=subprocess.PIPE, text=True, check=True)
    return set(done.stdout.split())


#: what a keeper does without, and pays for as long as it lives, and with each worker
_SLOW = {
    "array", "asyncio", "collections", "ctypes", "enum", "functools", "inspect", "json", "logging",
    "operator", "re", "signal", "socket", "subprocess", "threading", "traceback", "twisted", "types", "typing",
}  # fmt: skip
_BARE = f"""
import sys
sys.path.append({_SOURCE!r})
from runjd import bytecode
bytecode.install()
from runjd.keeper import main
from runjd.keeper.preload import preload
preload()
print(*sys.modules)
"""


def test_a_keeper_loads_nothing_slow() -> None:
    """Of the standard library it has little, and that is in C: half a megabyte is regular expressions alone."""
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BARE]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) & _SLOW == set()


def _path(module: str) -> str:
    path = os.path.join(_SOURCE, *module.split("."))
    return f"{path}/__init__.py" if os.path.isdir(path) else f"{path}.py"


def _later(module: str) -> set[str]:
    """Return the modules of ours that functions of a module import when they are called."""
    with open(_path(module), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    found = set()
    for function in [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]:
        for each in ast.walk(function):
            if isinstance(each, ast.Import):
                found |= {alias.name for alias in each.names}
            elif isinstance(each, ast.ImportFrom) and each.module:
                below = {f"{each.module}.{alias.name}" for alias in each.names}
                found |= {each.module} | {name for name in below if os.path.exists(_path(name))}
    return {name for name in found if name.startswith("runjd.")}


def test_what_operations_import_on_their_way_is_loaded() -> None:
    """Each module that a loaded one imports late is loaded, but for those of other systems and of other verbs."""
    loaded = _loaded()
    foreign = "linux" if sys.platform != "linux" else "freebsd"
    missing = {
        f"{module} imports {later}"
        for module in loaded
        if module.split(".")[1] in _ROOMS and foreign not in module
        for later in _later(module)
        if later not in loaded | _OTHERS and foreign not in later and later != "runjd.kernel.executable"
    }

    assert missing == set()


@pytest.mark.root
@pytest.mark.skipif(sys.platform != "linux", reason="filters and schedulers of Linux")
def test_a_jail_with_all_that_is_seldom_asked_for(private_dir: str) -> None:
    """A filter, a personality, a scheduler and an I/O priority of the bundle are applied by a worker, too."""
    keeper = RunningKeeper(private_dir)
    daemon = keeper.greeted()
    linux = {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}, "personality": {"domain": "LINUX"}}
    path = keeper.isolated_bundle("web", "/bin/sleep", "1000", linux=linux)
    with open(f"{path}/config.json") as file:
        config = json.load(file)
    config["process"] |= {"scheduler": {"policy": "SCHED_BATCH"}, "ioPriority": {"class": "IOPRIO_CLASS_IDLE"}}
    with open(f"{path}/config.json", "w") as file:
        json.dump(config, file)

    pid = daemon.run("web", path, runtime="linux")["pid"]
    with open(f"/proc/{pid}/status") as file:
        assert "Seccomp:\t2" in file.read()
    assert os.sched_getscheduler(pid) == os.SCHED_BATCH
    config["process"]["apparmorProfile"] = "none-such"
    with open(f"{path}/config.json", "w") as file:
        json.dump(config, file)
    with pytest.raises(Failed, match=r"apparmorProfile"):
        daemon.run("other", path, runtime="linux")

    daemon.delete("web")
    keeper.end()
