"""
What a process is allowed, taken on last before execve.

The order is the point: limits and the bounding set while we still may, groups
before the user, capabilities after it, no_new_privs and the umask at the end
(credentials(7), capabilities(7)).
"""

from __future__ import annotations

import errno
import os
import sys

from runjd.errors import RuntimeFailure
from runjd.kernel import credentials, limits
from runjd.runtime.failing import failure
from runjd.runtime.linux.granted import grant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.runtime.privileges import Privileges
    from runjd.spec.model import Process, Rlimit, User

_IS_LINUX = sys.platform == "linux"
#: where ``process.user.umask`` is not given, as with every other OCI runtime
_UMASK = 0o022
_NEEDS_RESOURCE = "raising a hard limit takes CAP_SYS_RESOURCE" if _IS_LINUX else ""


def apply_limits(rlimits: tuple[Rlimit, ...]) -> None:
    """Set ``process.rlimits``."""
    for index, limit in enumerate(rlimits):
        try:
            limits.set_limit(limit.type, limit.soft, limit.hard)
        except OSError as error:
            hint = _NEEDS_RESOURCE if error.errno == errno.EPERM else ""
            step = f"set {limit.type} to {limit.soft}:{limit.hard}"
            raise failure(step, error, f"process.rlimits[{index}]", hint) from error
        except KeyError:
            where = f"process.rlimits[{index}].type"
            raise RuntimeFailure(f"set {limit.type}", "this system has no such limit", where) from None


def apply_oom_score(score: int | None) -> None:
    """Set ``process.oomScoreAdj``, by the host's /proc: call it before the root changes."""
    if score is None:
        return
    try:
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"%d" % score)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise failure(f"set the OOM score to {score}", error, "process.oomScoreAdj") from error


def load_scheduling(process: Process) -> None:
    """Load what :func:`apply_scheduling` needs, which the child cannot import."""
    if process.scheduler is not None or process.io_priority is not None:
        from runjd.kernel import scheduling  # noqa: F401


def apply_scheduling(process: Process) -> None:
    """Set ``process.scheduler`` and ``process.ioPriority``, as long as we have the rights for it."""
    if process.scheduler is None and process.io_priority is None:
        return
    from runjd.kernel import scheduling

    wanted, io = process.scheduler, process.io_priority
    step, where = "", ""
    try:
        if wanted is not None:
            step, where = f"schedule by {wanted.policy}", "process.scheduler"
            flags = 0
            for each in wanted.flags:
                flags |= scheduling.FLAGS[each]
            times = (wanted.runtime, wanted.deadline, wanted.period)
            scheduling.set_scheduler(scheduling.POLICIES[wanted.policy], flags, wanted.nice, wanted.priority, *times)
        if io is not None:
            step, where = f"set the I/O priority to {io.kind} {io.priority}", "process.ioPriority"
            scheduling.set_io_priority(scheduling.IO_CLASSES[io.kind], io.priority)
    except OSError as error:
        raise failure(step, error, where) from error


def groups_of(user: User, *, first_is_effective: bool = not _IS_LINUX) -> tuple[int, ...]:
    """
    Return what setgroups(2) is given, before setgid(2).

    :param first_is_effective: as on FreeBSD before 15, where setgid(2) would replace the first of them.
    """
    return (user.gid, *user.additional_gids) if first_is_effective else user.additional_gids


def become(process: Process, privileges: Privileges, keeps: tuple[str, ...] = ()) -> None:
    """
    Take on the limits, session keyring, groups, ids, capabilities, no_new_privs and umask of a process.

    :param keeps: capabilities that we may still make use of until execve, which
        takes them away, as they are not in the bounding set.
    """
    apply_limits(process.rlimits)
    apply_scheduling(process)
    user = process.user
    capabilities = grant(process.capabilities, privileges.available).sets
    try:
        # owned by us, as an ordinary user may have 200 keys only
        step, where = "make a session keyring", "process"
        privileges.leave_keyring()
        step, where = "drop capabilities from the bounding set", "process.capabilities.bounding"
        privileges.bound(capabilities.bounding)
        if user.uid != 0:
            step, where = "keep capabilities over the change of user", "process.user.uid"
            privileges.keep_over_setuid()
        step, where = "set the groups", "process.user.additionalGids"
        credentials.set_groups(groups_of(user))
        step, where = f"become group {user.gid}", "process.user.gid"
        credentials.set_group(user.gid)
        step, where = f"become user {user.uid}", "process.user.uid"
        credentials.set_user(user.uid)
        step, where = "set the capabilities", "process.capabilities"
        permitted = (*capabilities.permitted, *[each for each in keeps if each in privileges.available])
        privileges.hold(capabilities.effective, permitted, capabilities.inheritable, capabilities.ambient)
        if process.no_new_privileges:
            step, where = "set no_new_privs", "process.noNewPrivileges"
            privileges.no_new_privs()
    except OSError as error:
        raise failure(step, error, where) from error
    _apply_umask(user)


def become_ourselves(process: Process, privileges: Privileges) -> None:
    """Take on what an ordinary user may give himself: limits, no_new_privs and the umask."""
    apply_limits(process.rlimits)
    if process.no_new_privileges:
        try:
            privileges.no_new_privs()
        except OSError as error:
            raise failure("set no_new_privs", error, "process.noNewPrivileges") from error
    _apply_umask(process.user)


def _apply_umask(user: User) -> None:
    # the files of a jail do not depend on who started it
    os.umask(_UMASK if user.umask is None else user.umask)
