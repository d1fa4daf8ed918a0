"""Ending this daemon in order, so that its process becomes another version of it; and what could be in the way."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from runjd.keeper.own_command import own_program
from runjd.supervise.succession import Handed, execute

#: told to clients
_REPLACED = "another version of the daemon takes its place; connect again"


def obstacle(twistd: Mapping[str, Any] | None) -> str:
    """
    Return why this process cannot be executed anew; empty: it can.

    :param twistd: its options.
    """
    if twistd is not None and not twistd["nodaemon"]:
        return "twistd went into the background with it; start it with --nodaemon, or stop it and start it again"
    if twistd is not None and twistd["pidfile"]:
        return "twistd has a file with its pid; start it with --pidfile=, or stop it and start it again"
    return ""


class Leave:
    """
    Becoming another version; made when the daemon is, as it was called then.

    :param environment: of this process, with all that its service manager put in.
    :param hand_on: tells clients why they have to leave once the door is closed, and returns the descriptor of the
        socket that listens on.
    :param locks: of the directories; they stay ours.
    :param descriptors: the soft limit with which the first daemon was started.
    :ivar command: how this process was run.
    :ivar directory: in which.
    """

    def __init__(
        self,
        reactor: Any,
        environment: Mapping[str, str],
        hand_on: Callable[[str], int],
        locks: tuple[int, int],
        descriptors: int,
    ) -> None:
        arguments = sys.argv[1:]
        self.command = [*own_program(arguments), *arguments]
        self.directory = os.getcwd()
        self._reactor = reactor
        self._environment = dict(environment)
        self._hand_on = hand_on
        self._locks = locks
        self._descriptors = descriptors

    def __call__(self) -> None:
        """End the daemon; when all of it is done, this process is another version."""
        first, second = (os.dup(each) for each in self._locks)  # locked until the last descriptor is closed
        handed = Handed(self._hand_on(_REPLACED), first, second, self._descriptors)
        after = self._reactor.addSystemEventTrigger
        after("after", "shutdown", execute, self.command, self.directory, self._environment, handed)
        self._reactor.stop()
