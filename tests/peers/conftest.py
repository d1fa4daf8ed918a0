"""podman, conmon and buildah, on a machine of their own, with each runtime in question."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.peers.machine import Machine, MachineError
from tests.peers.podman import RUNTIMES, Podman
from tests.peers.programs import PATH
from tests.peers.thorough import IS_THOROUGH, WANTED


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is for make peers, unless this is it."""
    spared = [] if IS_THOROUGH else [item for item in items if item.get_closest_marker("thorough")]
    if spared:
        items[:] = [item for item in items if item not in spared]
        config.hook.pytest_deselected(items=spared)


@pytest.fixture(scope="session", params=WANTED)
def podman(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Return podman with a runtime; after all tests nothing of its containers may be left."""
    for program in ("podman", "conmon", RUNTIMES[request.param]):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (as root, make test installs it)")
    directory = tmp_path_factory.mktemp(f"peers-{request.param}")
    try:
        # podman is a short-lived program of Go: without garbage collection it takes a sixth less of the processor
        environment = {"PATH": PATH, "HOME": "/root", "TMPDIR": "/var/tmp", "LC_ALL": "C.UTF-8", "GOGC": "off"}
        machine = Machine(str(directory), environment)
    except MachineError as error:
        pytest.skip(f"no machine of its own for podman: {error}")
    try:
        podman = Podman(machine, directory, request.param)
        yield podman
        left = podman.leftovers()
    finally:
        machine.switch_off()
    assert left == [], "left behind by containers:\n" + "\n".join(left)


@pytest.fixture(scope="module")
def containers(podman: Podman) -> Iterator[list[str]]:
    """Return a list of names; the containers are removed after the last test of the module, all at once."""
    names: list[str] = []
    yield names
    podman.remove(*names)


@pytest.fixture
def container(podman: Podman, containers: list[str]) -> str:
    """Return the name of a container to be, which is removed some time after the test."""
    containers.append(podman.name())
    return containers[-1]
