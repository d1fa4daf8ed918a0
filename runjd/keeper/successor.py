"""
Taking the place of another version of the keeper, and saying before whether that can be.

See :mod:`runjd.keeper.upgrade`, which is the other side of it.
"""

from __future__ import annotations

import os

from runjd import __version__
from runjd.errors import WrongState
from runjd.keeper.handover import read_file, set_inheritable
from runjd.keeper.own_command import own_command
from runjd.keeper.preload import preload
from runjd.keeper.rehearsal import report
from runjd.keeper.upgrade import RESUME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.keeper.handover import Handover


def rehearse(fd: int, arguments: list[str]) -> int:
    """
    Load all that is needed and a copy of what is to be handed over, and say that we could.

    :param fd: of the copy.
    :return: exit status.
    :raise WrongState: we could not.
    """
    try:
        handover = read_file(fd)
        for each in handover.descriptors():
            os.fstat(each)
        preload()
    except (OSError, ValueError, ImportError, WrongState) as error:
        raise WrongState(f"runjd {__version__} cannot use what it would be handed: {error}") from error
    os.write(1, report(__version__, own_command(arguments)))
    return 0


def take_over(fd: int) -> Handover:
    """
    Return what was handed to us, which does not go along with the next execve(2) by itself.

    :raise WrongState: it is no good, although we had said that it were.
    """
    try:
        handover = read_file(fd)
        set_inheritable([*handover.descriptors(), fd], False)
        os.close(fd)
    except (OSError, ValueError) as error:
        raise WrongState(f"what the earlier version handed over cannot be used: {error}") from error
    return handover


def without_handover(arguments: list[str]) -> list[str]:
    """Return our arguments without what a version before us added."""
    return arguments[:-2] if arguments[-2:-1] == [RESUME] else arguments
