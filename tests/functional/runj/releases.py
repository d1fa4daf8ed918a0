"""A site of releases, as download.freebsd.org is one, with the faults that sites have."""

from __future__ import annotations

import hashlib
import http.server
import threading
from email.utils import formatdate, parsedate_to_datetime
from types import TracebackType
from typing import Self

#: where the one release is
PLACE = "/releases/amd64/amd64/14.2-RELEASE/"
_CHANGED = 1_700_000_000


class Site:
    """
    A web server on the loopback interface; as a context it runs.

    :ivar content: of base.txz.
    :ivar manifest: of MANIFEST; None: there is none.
    :ivar cut: bytes after which the connection ends; 0: at the end.
    :ivar has_ranges: False: a part cannot be asked for.
    :ivar changed: when base.txz was changed.
    :ivar asked: what was asked for: path, Range, and the status that was answered.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        digest = hashlib.sha256(content).hexdigest()
        self.manifest: str | None = f'base.txz\t{digest}\t1\tbase\t"Base system (MANDATORY)"\ton\n'
        self.cut = 0
        self.has_ranges = True
        self.changed = _CHANGED
        self.asked: list[tuple[str, str, int]] = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._server.server_port}/releases"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        wanted = request.headers.get("Range", "")
        if request.path == f"{PLACE}MANIFEST" and self.manifest is not None:
            status, body, first = 200, self.manifest.encode(), 0
        elif request.path == f"{PLACE}base.txz":
            status, body, first = self._part(request, wanted)
        else:
            status, body, first = 404, b"", 0
        self.asked.append((request.path.rpartition("/")[2], wanted, status))
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.send_header("Last-Modified", formatdate(self.changed, usegmt=True))
        if status == 206:
            request.send_header("Content-Range", f"bytes {first}-{len(self.content) - 1}/{len(self.content)}")
        request.end_headers()
        is_cut = self.cut and body and request.path.endswith(".txz")
        request.wfile.write(body[: self.cut] if is_cut else body)
        request.close_connection = True

    def _part(self, request: http.server.BaseHTTPRequestHandler, wanted: str) -> tuple[int, bytes, int]:
        condition = request.headers.get("If-Range")
        fits = condition is None or parsedate_to_datetime(condition).timestamp() == self.changed
        if not wanted or not fits or not self.has_ranges:
            return 200, self.content, 0
        first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if first >= len(self.content):
            return 416, b"", 0
        return 206, self.content[first:], first
