"""``runj state``."""

import os

import jsonschema

from tests.container.jails import until
from tests.functional.runj.command import Runj


def test_the_state_is_that_of_the_specification(runj: Runj) -> None:
    """ociVersion, id, status, pid, bundle and annotations."""
    config = runj.jails.config(["sleep", "60"]) | {"annotations": {"a.b": "c"}}
    bundle = runj.jails.write(config)
    runj.ok("create", "-b", bundle, "web")

    state = runj.state("web")
    pid = state.pop("pid")

    assert isinstance(pid, int)
    assert state == {
        "ociVersion": config["ociVersion"],
        "id": "web",
        "status": "created",
        "bundle": bundle,
        "annotations": {"a.b": "c"},
    }


def test_an_unknown_container_has_no_state(plain: Runj) -> None:
    """It is an error that says where it was looked for."""
    assert plain.fails("state", "web") == f'no jail named "web"; {plain.jails.state_dir}/web does not exist'


def test_every_status_is_one_of_the_specification(runj: Runj) -> None:
    """created, running, stopped: with a pid as long as there is a process, and always an absolute bundle."""
    here = os.getcwd()
    bundle = runj.bundle(["sleep", "60"])
    os.chdir(os.path.dirname(bundle))
    try:
        runj.ok("create", "-b", os.path.basename(bundle), "web")
    finally:
        os.chdir(here)
    seen = [runj.state("web")]
    runj.ok("start", "web")
    seen.append(runj.state("web"))
    runj.ok("kill", "web", "KILL")
    until(lambda: runj.state("web")["status"] == "stopped", "it ends")
    seen.append(runj.state("web"))

    assert [state["status"] for state in seen] == ["created", "running", "stopped"]
    assert ["pid" in state for state in seen] == [True, True, False]
    assert {state["bundle"] for state in seen} == {bundle}
    for state in seen:
        jsonschema.validate(state, _SCHEMA)


#: runtime.md, "State"
_SCHEMA = {
    "type": "object",
    "required": ["ociVersion", "id", "status", "bundle"],
    "properties": {
        "ociVersion": {"type": "string"},
        "id": {"type": "string"},
        "status": {"enum": ["creating", "created", "running", "stopped"]},
        "pid": {"type": "integer", "minimum": 0},
        "bundle": {"type": "string", "pattern": "^/"},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
