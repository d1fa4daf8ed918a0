"""The machine of a jail, every input in every state."""

import itertools
from typing import Any

import pytest

from runjd.policy.facts import ExitRecord
from runjd.protocols.keeperreplies import Launched
from runjd.supervise.machine import machine_of
from tests.supervise.machine_document import PATH, document

LAUNCHED = Launched(7, 1, 0, False, {})
EXIT = ExitRecord(7, 0, None, 1.0)
INPUTS: dict[str, tuple] = {
    "start": (),
    "stop": (1.0,),
    "launched": (LAUNCHED,),
    "launch_failed": (OSError(),),
    "adopted": (LAUNCHED,),
    "exited": (EXIT,),
    "ended": (),
    "deleted": (),
    "delete_failed": (OSError(),),
    "stop_overdue": (),
    "lost": (),
    "orphaned": (),
    "regained": (),
    "missing": (),
    "vanished": (EXIT,),
    "restart": (1.0,),
    "rested": (),
    "held_off": (),
    "given_up": (),
    "due": (),
    "go": (),
    "condemned": (1.0,),
}
WAYS = {
    "idle": [],
    "waiting": ["start"],
    "unknown": ["start", "go", "lost"],
    "starting": ["start", "go"],
    "failed": ["start", "go", "launch_failed", "given_up"],
    "backoff": ["start", "go", "launch_failed", "held_off"],
    "weighing": ["start", "go", "launch_failed"],
    "aborting": ["start", "go", "stop"],
    "running": ["start", "go", "launched"],
    "stopping": ["start", "go", "launched", "stop"],
    "ending": ["start", "go", "launched", "exited"],
    "removing": ["start", "go", "launched", "exited", "ended"],
    "mourning": ["start", "go", "lost", "vanished"],
}


class Core:
    """Writes down what the machine makes it do."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def do(*words: object, **more: object) -> None:
            self.done.append(f"{name} {words[0]}" if name in ("show", "again") else name)

        return do


def machine_in(state: str):
    """Return a machine that was brought into a state, and its core."""
    core = Core()
    machine = machine_of(core, True)
    for name in WAYS[state]:
        getattr(machine, name)(*INPUTS[name])
    core.done.clear()
    return machine, core


@pytest.mark.parametrize(("state", "name"), list(itertools.product(WAYS, INPUTS)))
def test_nothing_that_happens_is_unheard_of(state, name):
    """Every input has a transition in every state."""
    machine, _ = machine_in(state)

    getattr(machine, name)(*INPUTS[name])


@pytest.mark.parametrize(
    ("state", "name", "done"),
    [
        ("idle", "start", ["ask"]),
        ("idle", "stop", []),
        ("idle", "adopted", ["take", "show running"]),
        ("failed", "start", ["ask"]),
        ("waiting", "go", ["show starting", "launch"]),
        ("waiting", "start", []),
        ("waiting", "stop", ["forgive", "rest", "withdraw"]),
        ("waiting", "adopted", ["take", "show running"]),
        ("waiting", "lost", []),
        ("failed", "stop", ["forgive", "rest"]),
        ("failed", "due", ["ask"]),
        ("failed", "lost", ["pause"]),
        ("failed", "regained", ["unpause"]),
        ("backoff", "due", ["ask"]),
        ("backoff", "start", ["ask"]),
        ("backoff", "restart", ["ask"]),
        ("backoff", "stop", ["forgive", "rest"]),
        ("backoff", "lost", ["pause"]),
        ("backoff", "regained", ["unpause"]),
        ("backoff", "adopted", ["take", "show running"]),
        ("weighing", "rested", ["rest"]),
        ("weighing", "held_off", ["hold_off"]),
        ("weighing", "given_up", ["give_up"]),
        ("weighing", "lost", []),
        ("mourning", "adopted", ["take", "show running"]),
        ("starting", "start", []),
        ("starting", "stop", ["show stopping", "abort"]),
        ("starting", "launched", ["take", "show running"]),
        ("starting", "launch_failed", ["weigh"]),
        ("aborting", "start", ["show starting"]),
        ("aborting", "launched", ["take", "terminate"]),
        ("aborting", "launch_failed", ["weigh"]),
        ("running", "start", []),
        ("running", "stop", ["again False", "show stopping", "terminate"]),
        ("running", "exited", ["close"]),
        ("running", "condemned", ["show stopping", "terminate"]),
        ("stopping", "condemned", []),
        ("stopping", "start", ["again True"]),
        ("stopping", "stop_overdue", ["force"]),
        ("stopping", "exited", ["close"]),
        ("ending", "start", ["again True"]),
        ("ending", "stop", ["again False"]),
        ("ending", "ended", ["delete"]),
        ("ending", "deleted", []),
        ("removing", "deleted", ["weigh"]),
        ("removing", "delete_failed", ["weigh"]),
        ("removing", "start", ["again True"]),
        ("removing", "lost", []),
        ("removing", "regained", ["delete"]),
        ("mourning", "deleted", ["weigh"]),
        ("mourning", "delete_failed", ["weigh"]),
        ("mourning", "lost", ["detach", "show unknown"]),
        ("ending", "exited", []),
        ("unknown", "start", []),
        ("unknown", "adopted", ["take", "show running"]),
        ("unknown", "missing", ["resume"]),
        ("unknown", "vanished", ["mourn"]),
        ("unknown", "deleted", []),
        ("running", "lost", ["detach", "show unknown"]),
        ("running", "orphaned", ["stay_alone"]),
        ("running", "regained", []),
        ("stopping", "orphaned", ["stay_alone"]),
        ("stopping", "regained", ["remind"]),
        ("idle", "lost", []),
        ("ending", "lost", []),
    ],
)
def test_what_happens_makes_the_jail_do_this(state, name, done):
    """The transitions, one by one."""
    machine, core = machine_in(state)

    getattr(machine, name)(*INPUTS[name])

    assert core.done == done


def test_a_start_that_was_taken_back_and_given_again_goes_on():
    """Stop, then start, while the keeper is still starting: the jail runs."""
    machine, core = machine_in("aborting")

    machine.start()
    machine.launched(LAUNCHED)

    assert core.done == ["show starting", "take", "show running"]


def test_the_document_is_up_to_date():
    """The diagram in docs/ is that of the machine."""
    assert PATH.read_text(encoding="utf-8") == document(), "python -m tests.supervise.machine_document writes it anew"
