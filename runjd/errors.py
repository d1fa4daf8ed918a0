"""
The one tree of exceptions.

Each class maps to one code of the control protocol (runjd-control(7), a closed
list) and to one exit status.  An error crosses process boundaries as a record
(:meth:`RunjdError.to_record`, :func:`from_record`), so what a worker of the
keeper found wrong reaches the person at ``runjctl`` word for word.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import ClassVar


class RunjdError(Exception):
    """
    Something runjd can explain.

    :param message: one sentence that names the thing, without a final period.
    :param details: what a program wants to know, by protocol key.
    """

    code: ClassVar[str] = "INTERNAL"
    exit_status: ClassVar[int] = 70

    def __init__(self, message: str, **details: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.details = {key: str(value) for key, value in details.items()}

    def __str__(self) -> str:
        return self.message

    def to_record(self) -> dict[str, object]:
        """Return this error as JSON values, for :func:`from_record`."""
        return {"code": self.code, "message": self.message, "details": self.details}


class BadArgument(RunjdError):
    """An argument of a verb or a command is wrong."""

    code = "BAD_ARG"
    exit_status = 64


class SyntaxFault(RunjdError):
    """A line of the control protocol cannot be read."""

    code = "SYNTAX"
    exit_status = 64


class UnknownVerb(RunjdError):
    """The control protocol has no such verb."""

    code = "UNKNOWN_VERB"
    exit_status = 64


class TooLong(RunjdError):
    """A line is longer than the protocol allows."""

    code = "TOOLONG"
    exit_status = 64


class SpecError(RunjdError):
    """
    A bundle or a document of the OCI runtime specification is wrong.

    :param path: JSON path of the culprit, as ``process.args[0]``; empty for the
        whole document.
    :param reason: what is wrong with it.
    :param file: the file it stands in, with ``:line:column`` where known.
    """

    code = "CONFIG"
    exit_status = 78

    def __init__(self, path: str, reason: str, file: str = "") -> None:
        where = ": ".join(part for part in (file, path) if part)
        details = {"path": path} if path else {}
        if file:
            details["file"] = file
        super().__init__(f"{where}: {reason}" if where else reason, **details)
        self.path = path
        self.reason = reason
        self.file = file

    def within(self, file: str) -> SpecError:
        """Return the same error, naming the file it was found in."""
        return type(self)(self.path, self.reason, file)


class Unsupported(SpecError):
    """A property is valid and asked for, and this runtime cannot apply it."""

    code = "UNSUPPORTED"


class NoSuchJail(RunjdError):
    """There is no jail or container of that id."""

    code = "NOJAIL"
    exit_status = 69

    def __init__(self, id: str, hint: str = "") -> None:
        super().__init__(f'no jail named "{id}"' + (f"; {hint}" if hint else ""), jail=id)
        self.id = id


class NotFound(RunjdError):
    """Something other than a jail, named by the caller, does not exist."""

    code = "NOTFOUND"
    exit_status = 69


def no_session(number: int) -> NotFound:
    """Return the error of a session that there is not, or that whoever asks may not know of."""
    return NotFound(f"there is no session {number}; sessions lists those there are", session=number)


class AlreadyExists(RunjdError):
    """The id is taken."""

    code = "EXISTS"
    exit_status = 73

    def __init__(self, id: str, hint: str = "delete it first, or choose another name") -> None:
        super().__init__(f'a jail named "{id}" exists already; {hint}', jail=id)
        self.id = id


class WrongState(RunjdError):
    """The operation does not fit the status the jail is in."""

    code = "STATE"
    exit_status = 75


class RuntimeFailure(RunjdError):
    """
    A step of an OCI operation failed.

    :param step: what was being done, as ``mount /proc``.
    :param reason: why it failed, the system's words included.
    :param path: JSON path of the property that asked for it.
    :param errno: number of the system's error, 0 where there is none.
    """

    code = "OCI"
    exit_status = 70

    def __init__(self, step: str, reason: str, path: str = "", errno: int = 0) -> None:
        details: dict[str, str | int] = {"step": step}
        if path:
            details["path"] = path
        if errno:
            details["errno"] = errno
        super().__init__(f"{path}: {step}: {reason}" if path else f"{step}: {reason}", **details)
        self.step = step
        self.reason = reason
        self.path = path
        self.errno = errno


class InputOutput(RunjdError):
    """The host's file system or a socket failed us."""

    code = "IO"
    exit_status = 74


class NoSpace(InputOutput):
    """The disk is full, or a quota is used up."""

    code = "NOSPACE"


class Busy(RunjdError):
    """
    Not now, but soon.

    :param retry_ms: when to try again.
    """

    code = "BUSY"
    exit_status = 75

    def __init__(self, message: str, retry_ms: int = 100) -> None:
        super().__init__(message, retry_ms=retry_ms)


class LimitReached(RunjdError):
    """A limit of the configuration or of the host is used up."""

    code = "LIMIT"
    exit_status = 71


class TimedOut(RunjdError):
    """What was waited for did not happen in time."""

    code = "TIMEOUT"
    exit_status = 75


class Denied(RunjdError):
    """The principal may not do this."""

    code = "DENIED"
    exit_status = 77


class Cancelled(RunjdError):
    """The caller asked to stop waiting."""

    code = "CANCELLED"
    exit_status = 75


class DependencyFailed(RunjdError):
    """Something this jail requires is not there."""

    code = "DEPEND"
    exit_status = 69


class Gone(RunjdError):
    """What the request was about ended before it was answered."""

    code = "GONE"
    exit_status = 75


class Closing(RunjdError):
    """The connection ends here, for the reason given."""

    code = "BYE"
    exit_status = 76


class KeeperLost(Gone):
    """The keeper went away with the request unanswered."""


class Reported(RunjdError):
    """An error that another process found, with that process's code."""

    def __init__(self, code: str, message: str, details: Mapping[str, str], exit_status: int) -> None:
        super().__init__(message, **details)
        self.code = code  # type: ignore[misc]
        self.exit_status = exit_status  # type: ignore[misc]


def _all_classes(root: type[RunjdError]) -> list[type[RunjdError]]:
    found = [root]
    for child in root.__subclasses__():
        found.extend(_all_classes(child))
    return found


def exit_statuses() -> dict[str, int]:
    """Return the documented table: code of the control protocol to exit status."""
    return {each.code: each.exit_status for each in reversed(_all_classes(RunjdError)) if each is not Reported} | {
        "INTERNAL": RunjdError.exit_status
    }


def from_record(record: Mapping[str, object]) -> RunjdError:
    """
    Return the error that :meth:`RunjdError.to_record` wrote down.

    A code of a newer version is kept as it is.
    """
    code = str(record.get("code", "INTERNAL"))
    details = record.get("details")
    words = {str(key): str(value) for key, value in details.items()} if isinstance(details, dict) else {}
    return Reported(code, str(record.get("message", "")), words, exit_statuses().get(code, RunjdError.exit_status))
