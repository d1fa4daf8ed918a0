"""One jail through whatever can happen to it, in any order, beside a model that knows what must be true."""

import shutil
import tempfile

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from runjd.errors import RunjdError, RuntimeFailure
from runjd.policy.facts import Definition
from runjd.policy.settings import RESTARTS, BackoffRule, RestartRule, Settings, StopRule
from tests.supervise.world import TERM, World, words_of

BACKOFF = BackoffRule(first=1.0, factor=2.0, cap=8.0, jitter=0.1, reset_after=20.0, burst=4, window=60.0)
RULES = st.sampled_from(
    [
        *(Settings(restart=RestartRule(kind), backoff=BACKOFF) for kind in RESTARTS),
        Settings(restart=RestartRule("on-failure", tries=2), backoff=BACKOFF._replace(slow_retry=30.0)),
        Settings(restart=RestartRule("always"), backoff=BACKOFF, stop=StopRule(hook=("/bin/flush",), timeout=3.0)),
    ]
)


class Jail(RuleBasedStateMachine):
    """
    The jail web of the configuration, on a keeper without processes.

    :ivar want: what was asked for last.
    :ivar told: pids of init processes whose exit was told, by whatever daemon.
    """

    @initialize(rules=RULES)
    def define(self, rules):
        self.directory = tempfile.mkdtemp()
        self.world = World(self.directory)
        self.world.keeper.holds_starts = True
        self.told = []
        self.listen()
        self.want = ""
        self.is_connected = True
        self.world.controller.define(Definition("web", "/bundles/web", "", settings=rules), "config")

    def listen(self):
        """Hear of exits, from whichever daemon there is."""
        self.world.site.events.subscribe(lambda event: self.hear(words_of(event).split()))

    def hear(self, words):
        if words[1] == "exit" and words[2].startswith("pid="):
            self.told.append(int(words[2].removeprefix("pid=")))

    def ask(self, verb, *words, **more):
        """Ask for something; a refusal is an answer, too."""
        try:
            answer = getattr(self.world.controller, verb)("web", "uid:0", *words, **more)
        except RunjdError:
            return
        if hasattr(answer, "addErrback"):
            answer.addErrback(lambda failure: failure.trap(RunjdError))

    def connect(self):
        """Connect to the keeper, which tells what is left of a jail that nobody runs."""
        keeper = self.world.keeper
        keeper.leftovers = [each for each in keeper.jails if (each, "") not in keeper.programs]
        self.world.connect()
        self.world.reactor.turn()
        self.is_connected = True

    def programs(self):
        """Return the init processes of the jail that live."""
        return [each for each in self.world.keeper.programs.values() if not each.exec_id and each.exit is None]

    # --- what an operator does --------------------------------------------------------------

    @rule(is_once=st.booleans())
    def start(self, is_once):
        if self.is_connected:
            self.want = "once" if is_once else "up"
        self.ask("start", is_once=is_once)

    @rule(timeout=st.sampled_from([None, 0.0, 1.0]))
    def stop(self, timeout):
        if self.is_connected or self.world.controller.facts("web").phase != "unknown":
            self.want = "down"
        self.ask("stop", timeout)

    @rule()
    def restart(self):
        if self.is_connected:
            self.want = "up"
        self.ask("restart")

    @rule()
    def try_restart(self):
        self.ask("try_restart")

    @rule()
    def reset(self):
        self.ask("reset")

    # --- what happens ------------------------------------------------------------------------

    @rule(status=st.sampled_from([0, 3]))
    def exit(self, status):
        for each in self.programs():
            self.world.keeper.end(each.jail, status)
        self.world.reactor.turn()

    @rule()
    def hook_ends(self):
        for each in list(self.world.keeper.programs.values()):
            if each.exec_id and each.exit is None:
                self.world.keeper.end(each.jail, 0, exec_id=each.exec_id)
        self.world.reactor.turn()

    @rule()
    def ignore_signals(self):
        for each in self.programs():
            each.ignores.add(TERM)

    @rule()
    def answer(self):
        self.world.keeper.answer()
        self.world.reactor.turn()

    @rule()
    def fail_next(self):
        self.world.keeper.next_error = RuntimeFailure("exec", "no such file")

    @rule()
    def fail_next_removal(self):
        self.world.keeper.next_delete_error = RuntimeFailure("unmount", "busy")

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 5.0, 30.0]))
    def time_passes(self, seconds):
        self.world.now += seconds
        self.world.reactor.turn(seconds)

    @precondition(lambda self: self.is_connected and not self.world.keeper.held)
    @rule()
    def lose_the_keeper(self):
        self.world.lose_keeper()
        self.is_connected = False

    @precondition(lambda self: not self.is_connected)
    @rule()
    def find_the_keeper(self):
        self.connect()

    @precondition(lambda self: not self.world.keeper.held)
    @rule()
    def kill_the_daemon(self):
        self.world.make_daemon(connects=False)
        self.listen()
        self.connect()

    # --- what must be true ----------------------------------------------------------------------

    @invariant()
    def never_do_two_of_it_run(self):
        assert len(self.programs()) <= 1

    @invariant()
    def it_is_shown_as_it_is(self):
        facts = self.world.controller.facts("web")
        pids = [each.pid for each in self.programs()]
        if facts.phase == "running":
            assert [facts.pid] == pids or not self.is_connected
        elif self.is_connected and facts.phase in ("idle", "failed", "backoff", "starting"):
            assert pids == []
        assert facts.status == ("creating" if facts.phase == "starting" else "running" if facts.pid else facts.status)

    @invariant()
    def what_is_wanted_is_what_was_asked_for(self):
        found = self.world.controller.facts("web").want
        if self.want == "once":
            assert found in ("once", "down")
        else:
            assert found == (self.want or "up")

    @invariant()
    def who_is_held_off_is_wanted_and_knows_when(self):
        facts = self.world.controller.facts("web")
        if facts.phase == "backoff":
            assert facts.want == "up"
            assert 0.0 <= facts.next_in <= BACKOFF.cap
        elif facts.phase != "failed":
            assert facts.next_in is None

    @invariant()
    def an_exit_is_told_once(self):
        assert len(set(self.told)) == len(self.told)

    def teardown(self):
        """Whatever happened, a stop brings it down, and nothing is left waiting."""
        if not hasattr(self, "world"):
            return
        try:
            self.settle()
        finally:
            self.world.close()
            shutil.rmtree(self.directory)

    def settle(self):
        world = self.world
        world.keeper.next_error = world.keeper.next_delete_error = None
        if not self.is_connected:
            self.connect()
        ended = []
        world.controller.stop("web", "uid:0").addCallback(ended.append)
        for _ in range(10):
            world.keeper.answer()
            world.reactor.turn(3.0)
        assert world.controller.facts("web").phase == "idle"
        assert len(ended) == 1
        assert self.programs() == []
        world.controller.undefine("web", "config")
        world.reactor.turn()
        assert world.controller.jails() == []
        assert not world.keeper.jails
        assert list(world.reactor.getDelayedCalls()) == []


def test_a_jail_is_right_whatever_happens():
    """Commands, exits, failures, timers, losses of the keeper and SIGKILLs of the daemon, in any order."""
    run_state_machine_as_test(
        Jail,
        settings=settings(settings.default, max_examples=settings.default.max_examples // 3, stateful_step_count=40),
    )
