"""
A jail that was started, whose end nobody saw, and that the keeper does not tell of.

It is gone, or never began, and then it begins now: a daemon that was killed right before
the keeper heard of a start is no failure of the jail.  Or somebody is at work on it whom the keeper does not
know, as the worker of a killed keeper that has not noticed it; or its record is
damaged.  So nothing is killed for that: only what the keeper told as a leftover is
removed by force.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from runjd.errors import Gone, RunjdError
from runjd.policy.facts import ExitRecord
from runjd.supervise.ending import Ending
from runjd.supervise.inputs import Inputs
from runjd.supervise.record import Record
from runjd.supervise.removal import Removal
from runjd.supervise.site import Site
from runjd.supervise.told import Told

#: seconds until it is looked again what became of a jail that may live
_LOOK = 1.0


class Mourning:
    """
    One after another of one jail.

    :param told: told that it is to be started once it is down.
    """

    __slots__ = ("_call", "_ending", "_insist", "_record", "_removal", "_site", "_told")

    def __init__(self, site: Site, record: Record, ending: Ending, removal: Removal, told: Told) -> None:
        self._told = told
        self._site = site
        self._record = record
        self._ending = ending
        self._removal = removal
        self._call: IDelayedCall | None = None
        self._insist: Callable[[], None] | None = None

    def begin(self, machine: Inputs, exit: ExitRecord, is_leftover: bool, has_begun: bool, is_inherited: bool) -> None:
        """
        Remove what is left of it; as long as it may live that is tried again, and the reason is shown.

        :param exit: what is told of its end.
        :param is_leftover: the keeper told that it does not run, and that nobody is at work on it.
        :param has_begun: it is certain that it ran.
        :param is_inherited: an earlier daemon was to start it, and nothing of it was seen on the host since.
        """
        self._ending.record = exit

        def removed() -> None:
            self._ending.tell()
            machine.deleted()

        def absent() -> None:
            if has_begun:
                removed()
                return
            self._ending.forget()
            if is_inherited:
                self._told.again()
                machine.deleted()
                return
            machine.delete_failed(Gone("its start was interrupted", jail=self._record.definition.id))

        def failed(error: RunjdError) -> None:
            self._ending.tell()
            machine.delete_failed(error)

        def refused(error: RunjdError) -> None:
            self._removal.is_due = False
            self._ending.forget()
            self._record.reason = f"the keeper does not tell of it: {error}"
            self._insist = insist
            self._call = self._site.reactor.callLater(_LOOK, self.begin, machine, exit, is_leftover, has_begun, False)

        def insist() -> None:
            self._ending.record = exit
            self._removal.begin(removed, absent, failed, force=True)

        self._call = self._insist = None
        if is_leftover:
            # Once it is removed nobody could tell any more that it ran: not the next daemon either, if we die now.
            self._ending.tell()
            self._record.is_expected = False
            self._record.save_if_possible()
        self._removal.begin(removed, absent, failed if is_leftover else refused, force=is_leftover)

    def insist(self) -> None:
        """Remove it whatever it does, where that is what it is waited for; somebody wants that."""
        insist = self._insist
        if insist is not None:
            self.cancel()
            insist()

    def cancel(self) -> None:
        """It is known what became of it, or there is no keeper to ask."""
        call, self._call, self._insist = self._call, None, None
        if call is not None and call.active():
            call.cancel()
