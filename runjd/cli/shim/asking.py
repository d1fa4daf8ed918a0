"""A single call to the daemon, without a reactor."""

from __future__ import annotations

import _socket
import os
import time

from runjd.containerd.relay.hello import Hello, format_hello
from runjd.errors import SyntaxFault
from runjd.keeper.peer import connect_by_path
from runjd.protocols.ttrpc.envelope import Request, format_request, parse_response
from runjd.protocols.ttrpc.fields import format_text
from runjd.protocols.ttrpc.frames import REQUEST, RESPONSE, Frame, FrameReader, format_frame
from runjd.protocols.ttrpc.status import OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.protocols.ttrpc.call import Origin

#: of our own service, see runjd/protocols/ttrpc/services.py
SHIM_SERVICE, CLEANUP = "org.runjd.Shim", "Cleanup"


def ask_cleanup(path: str, origin: Origin, id: str, bundle: str, timeout: float) -> bytes | None:
    """
    Have the daemon take a container away.

    :param path: of the daemon's socket.
    :param timeout: seconds that it gets.
    :return: the DeleteResponse; None where there is no daemon, or it could not do it in time.
    """
    payload = format_text(1, id) + format_text(2, bundle)
    request = format_request(Request(SHIM_SERVICE, CLEANUP, payload, timeout))
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connect_by_path(connection, path)
        hello = Hello(origin, f"delete-{os.getpid()}-{time.monotonic_ns()}")
        connection.sendall(format_hello(hello) + format_frame(1, REQUEST, request))
        return _answer(connection)
    except (OSError, SyntaxFault):
        return None
    finally:
        connection.close()


def _answer(connection: _socket.socket) -> bytes | None:
    reader = FrameReader()
    while data := connection.recv(65536):
        for frame in reader.feed(data):
            if isinstance(frame, Frame) and frame.kind == RESPONSE and frame.stream == 1:
                response = parse_response(frame.data)
                return response.payload if response.number == OK else None
    return None
