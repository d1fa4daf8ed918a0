"""
How a call ended: the codes of ttrpc, which are those of gRPC, and what our errors are among them.

containerd tells its clients by the code, not by the words: NOT_FOUND of a kill, for one, is a success to most.
"""

from __future__ import annotations

from runjd.errors import RunjdError

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14

#: codes of the control protocol to codes of ttrpc; "everything else" is UNKNOWN, as with the shim for runc
_CODES = {
    "BAD_ARG": INVALID_ARGUMENT,
    "SYNTAX": INVALID_ARGUMENT,
    "UNKNOWN_VERB": UNIMPLEMENTED,
    "TOOLONG": RESOURCE_EXHAUSTED,
    "CONFIG": INVALID_ARGUMENT,
    "UNSUPPORTED": UNIMPLEMENTED,
    "NOJAIL": NOT_FOUND,
    "NOTFOUND": NOT_FOUND,
    "EXISTS": ALREADY_EXISTS,
    "STATE": FAILED_PRECONDITION,
    "OCI": UNKNOWN,
    "IO": UNKNOWN,
    "NOSPACE": RESOURCE_EXHAUSTED,
    "BUSY": UNAVAILABLE,
    "LIMIT": RESOURCE_EXHAUSTED,
    "TIMEOUT": DEADLINE_EXCEEDED,
    "DENIED": PERMISSION_DENIED,
    "CANCELLED": CANCELLED,
    "DEPEND": FAILED_PRECONDITION,
    "GONE": UNAVAILABLE,
    "BYE": UNAVAILABLE,
    "INTERNAL": UNKNOWN,
}


class TtrpcError(RunjdError):
    """
    A call failed, with the code that the caller shall see.

    Raise it where the contract asks for a code that no other error has; received, it is what the other side said.

    :param number: one of the codes above.
    :param message: for people.
    """

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message, ttrpc=number)
        self.number = number


def code_of(error: BaseException) -> int:
    """Return the code of an error: of ours by its code, of others UNKNOWN."""
    if isinstance(error, TtrpcError):
        return error.number
    return _CODES.get(error.code, UNKNOWN) if isinstance(error, RunjdError) else UNKNOWN
