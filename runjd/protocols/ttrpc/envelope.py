"""
What the data of a frame hold: a request or a response of ttrpc, around the message that a service takes or returns.

Request: 1 service, 2 method, 3 payload, 4 timeout in nanoseconds, 5 metadata (1 key, 2 value), which may be repeated.
Response: 1 status (1 code, 2 message), 2 payload.  Unknown fields are skipped.
"""

from __future__ import annotations

from runjd.protocols.ttrpc.fields import (
    bytes_of,
    format_bytes,
    format_number,
    format_text,
    number_of,
    read_fields,
    text_of,
)
from runjd.protocols.ttrpc.frames import RESPONSE, format_frame
from runjd.protocols.ttrpc.status import OK
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.protocols.ttrpc.call import Pairs

_NANO = 1_000_000_000
#: characters of a message for people; what is longer is cut, so that it fits into a frame
_MESSAGE_MAX = 64 * 1024


class Request(Value):
    """
    A request.

    :ivar timeout: seconds; 0.0 without a limit.
    """

    service: str
    method: str
    payload: bytes = b""
    timeout: float = 0.0
    metadata: Pairs = ()


class Response(Value):
    """
    A response.

    :ivar number: code of its status.
    :ivar message: of its status.
    """

    payload: bytes = b""
    number: int = OK
    message: str = ""


def format_request(request: Request) -> bytes:
    """Return the data of a frame."""
    # A pair whose key and value are empty is a message of no bytes, and a pair all the same.
    pairs = [format_text(1, key) + format_text(2, value) for key, value in request.metadata]
    return b"".join(
        (
            format_text(1, request.service),
            format_text(2, request.method),
            format_bytes(3, request.payload),
            format_number(4, round(request.timeout * _NANO)),
            *(format_bytes(5, pair) or b"\x2a\x00" for pair in pairs),
        )
    )


def parse_request(data: bytes) -> Request:
    """Return the request. :raise SyntaxFault: this is none."""
    service, method, payload, timeout = "", "", b"", 0
    metadata = []
    for number, value in read_fields(data):
        if number == 1:
            service = text_of(value)
        elif number == 2:
            method = text_of(value)
        elif number == 3:
            payload = bytes_of(value)
        elif number == 4:
            timeout = number_of(value)
        elif number == 5:
            metadata.append(_pair(bytes_of(value)))
    return Request(service, method, payload, max(timeout, 0) / _NANO, tuple(metadata))


def format_response(response: Response) -> bytes:
    """Return the data of a frame."""
    text = response.message[:_MESSAGE_MAX]
    status = format_number(1, response.number) + format_text(2, text)
    return format_bytes(1, status) + format_bytes(2, response.payload)


def parse_response(data: bytes) -> Response:
    """Return the response. :raise SyntaxFault: this is none."""
    payload, code, message = b"", OK, ""
    for number, value in read_fields(data):
        if number == 1:
            code, message = _status(bytes_of(value))
        elif number == 2:
            payload = bytes_of(value)
    return Response(payload, code, message)


def format_failure(stream: int, number: int, message: str) -> bytes:
    """Return the whole frame that tells why a call failed."""
    return format_frame(stream, RESPONSE, format_response(Response(b"", number, message)))


def _pair(data: bytes) -> tuple[str, str]:
    key = content = ""
    for number, value in read_fields(data):
        if number == 1:
            key = text_of(value)
        elif number == 2:
            content = text_of(value)
    return key, content


def _status(data: bytes) -> tuple[int, str]:
    code, message = OK, ""
    for number, value in read_fields(data):
        if number == 1:
            code = number_of(value)
        elif number == 2:
            message = text_of(value)
    return code, message
