"""
``create``, with or without ``start`` in the same go.

Whatever goes wrong, at whichever step, everything is undone in reverse and the
host is as it was.  A creator that is killed leaves a record that says
``creating``, which ``delete`` undoes, or none before there is anything to undo; its
child ends when it asks for its orders, or what it made cannot be recorded.
"""

from __future__ import annotations

import os

from runjd.container import gate
from runjd.container.bundle import read_bundle
from runjd.container.failure import Step
from runjd.container.launch import Launch, give_order, killed_before, open_streams, why_lost
from runjd.container.report import EXECUTE, HOOKS, READY, UNDO, WAIT
from runjd.container.state import State
from runjd.errors import RunjdError, SpecError
from runjd.kernel.process import boot_id, start_time
from runjd.spec.model import Hooks
from runjd.spec.parse import parse_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.container.bundle import Bundle
    from runjd.container.destroy import Destruction
    from runjd.container.init_hooks import InitHooks
    from runjd.container.passing import Passed
    from runjd.container.readiness import Readiness
    from runjd.container.report import Channel
    from runjd.container.stdio import Io
    from runjd.container.store import Place
    from runjd.runtime.contract import Plan, Runtime, Undo


class Creation:
    """
    The making of one container.

    :param place: its directory, held and empty.
    :param runtime: what makes it a jail.
    :param destruction: returns what takes it down again.
    :param restore: what the child puts back, see :class:`runjd.container.init.Job`.
    :param start: execute the program as soon as it is ready.
    :param passed: descriptors that the program gets as well.
    :param expect: see :class:`runjd.container.operations.Operations`.
    :param ready: how the program tells that it is ready, where it does.
    """

    def __init__(
        self,
        place: Place,
        runtime: Runtime,
        destruction: Callable[[], Destruction],
        io: Io,
        restore: Callable[[], None],
        *,
        start: bool,
        passed: Passed,
        expect: Callable[[float], None],
        ready: Readiness | None = None,
    ) -> None:
        self._place = place
        self._runtime = runtime
        self._destruction = destruction
        self._io = io
        self._restore = restore
        self._start = start
        self._passed = passed
        self._expect = expect
        self._ready = ready
        self._hooks = Hooks()
        self._launch: Launch | None = None
        self.state = State(place.id, "creating", runtime=runtime.name, boot_id=boot_id())

    def run(self, bundle: str, created: float) -> State:
        """
        Make the container; its poststart hooks are left to the caller.

        :param created: wall time in seconds, for the record.
        :raise RunjdError: and nothing is left of it.
        """
        try:
            found = read_bundle(bundle)
            plan = self._plan(found, created)
            # before anything is made: from here on the record says that the root is used
            self._place.write(self.state)
            self._place.stop_creating()
            self._make(plan, found)
        except BaseException as error:
            self._undo(error)
            raise
        self._io.child_opened()
        if self._ready is not None:
            self._ready.child_opened()
        return self.state

    def _plan(self, bundle: Bundle, created: float) -> Plan:
        config = parse_config(bundle.document, bundle.file)
        if config.process is None:
            raise SpecError("process", "is missing; expected what to run", bundle.file)
        try:
            if self._ready is not None:
                config = self._ready.extend(config, self._place.path, self._runtime)
            plan = self._runtime.plan(config, bundle.path, self._place.id, self._place.path)
        except SpecError as error:
            raise error if error.file else error.within(bundle.file) from None
        self._io = self._io.fit(plan.process)
        self._hooks = config.hooks
        self.state = self.state._replace(
            terminal=plan.process.terminal,
            oci_version=config.oci_version,
            bundle=bundle.path,
            root=plan.root,
            created=created,
            annotations=config.annotations,
            notices=plan.notices,
        )
        return plan

    def _make(self, plan: Plan, bundle: Bundle) -> None:
        streams = open_streams(self._io, self._place.fd, plan.process)
        self._open_readiness(plan.process.user.uid)
        self._runtime.prepare(plan, self._made)
        self.state = self.state._replace(jid=self._runtime.jid())
        with Step("make the gate"):
            waiting = None if self._start else gate.listen(self._place.fd)
        self._launch = Launch(plan.process, self._io, self._runtime, self._restore)
        with Step("fork"):
            channel = self._launch.fork(
                fork=lambda: self._runtime.fork(plan),
                streams=streams,
                enter=lambda made, hooks: self._runtime.enter(plan, made, hooks),
                opened=self._runtime.console,
                gate=waiting,
                passed=self._passed,
                hooks=self._init_hooks(),
            )
        try:
            self._record(bundle, self._launch.pid)
            self._converse(channel)
        finally:
            channel.close()

    def _open_readiness(self, uid: int) -> None:
        if self._ready is not None:
            with Step("make what the program tells by that it is ready"):
                self._ready.open(self._place.fd, uid)
            self._passed = self._passed._replace(more=self._ready.passed)
            notices = tuple([f"{self._place.id}: {each}" for each in self._ready.notices])
            self.state = self.state._replace(notices=(*self.state.notices, *notices))

    def _init_hooks(self) -> InitHooks | None:
        if self._hooks == Hooks():
            return None
        # loaded now: the child cannot
        from runjd.container.init_hooks import InitHooks

        return InitHooks(self._hooks, self.state, self._restore)

    def _record(self, bundle: Bundle, pid: int) -> None:
        """Write down what there is, while the child is at work."""
        self.state = self.state._replace(pid=pid, start_time=start_time(pid))
        self._place.write(self.state)
        self._keep(bundle)

    def _keep(self, bundle: Bundle) -> None:
        """Keep what others will need to know of it."""
        self._place.keep_config(bundle.document)
        self._place.keep_confinement(self._runtime.confinement())
        self._place.mark(self.state)

    def _converse(self, channel: Channel) -> None:
        while (message := channel.receive()).kind != READY:
            if message.kind == UNDO:
                self._made(message.undo())
            elif message.kind == HOOKS:
                self._run_hooks(channel)
            else:
                raise why_lost(message)
            channel.reply()
        self._runtime.entered()
        # Written before the order: whoever kills us now leaves either an init that ends, or one that waits.
        self.state = self.state._replace(status="running" if self._start else "created")
        self._place.write(self.state)
        # And before we see whether it still is wanted: whoever took over may have looked when nothing was there.
        self._expect(0.0)
        give_order(channel, EXECUTE if self._start else WAIT)
        if self._start and not channel.wait_executed():
            raise killed_before("its program was executed")

    def _run_hooks(self, channel: Channel) -> None:
        from runjd.container import hooks

        self.state = self.state._replace(due=tuple([each for each in hooks.phases(self._hooks) if each in _LATER]))
        self._place.write(self.state)
        # of all that are to come until the container runs; those of poststop are told of by whoever runs them
        self._expect(hooks.time_of([each for phase in self._hooks._replace(poststop=()) for each in phase]))
        document = hooks.document(self.state, "creating", self.state.pid)
        surroundings = hooks.Surroundings(self.state.bundle, self._restore, channel.fd)
        try:
            hooks.run(self._hooks.prestart, "prestart", document, surroundings)
            hooks.run(self._hooks.create_runtime, "createRuntime", document, surroundings)
        finally:
            os.close(document)

    def _made(self, undo: Undo) -> None:
        self.state = self.state._replace(undo=(*self.state.undo, undo))
        self._place.write(self.state)

    def _undo(self, cause: BaseException) -> None:
        if self._launch is not None:
            self._launch.end()
        try:
            self._io.close()
            if self._ready is not None:
                self._ready.close()
            self._destruction().run(self._place, self.state._replace(pid=0), self._runtime)
            self._place.remove()
        except (RunjdError, OSError) as error:
            if isinstance(cause, RunjdError):
                cause.message += (
                    f"; undoing it failed too ({error}): `runj delete --force {self._place.id}` tries again"
                )


#: phases of hooks that are run by whoever comes later
_LATER = ("poststart", "poststop")
