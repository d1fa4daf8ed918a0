"""
Files over HTTP: resumed where they were left, checked, and there as a whole or not at all.

What came so far is in ``FILE.part``, and a later call asks for the rest (RFC 9110,
"Range").  Where no digest tells that it fits, that is asked for on the condition
that the file is still the same ("If-Range"): the modification time of the part is
the server's ``Last-Modified``.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from email.utils import formatdate, parsedate_to_datetime

from runjd.container.failure import Step
from runjd.errors import BadArgument, Busy, InputOutput, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runjd.cli.oci.demo.progress import Progress

#: seconds without a byte
TIMEOUT = 30.0
_CHUNK = 1 << 18
_SMALL = 1 << 20
_SCHEMES = ("http://", "https://")


def read_small(url: str) -> str:
    """
    Return a small text file.

    :raise NotFound: there is none.
    :raise InputOutput: it cannot be had.
    """
    with _open(url, {}) as response:
        return str(response.read(_SMALL).decode("utf-8", "replace"))


class Transfer:
    """
    One file to fetch.

    :param path: where it shall be.
    :param digest: SHA-256 in hexadecimal digits; empty: not checked.
    """

    def __init__(self, url: str, path: str, digest: str, progress: Progress) -> None:
        self._url = url
        self._path = path
        self._part = f"{path}.part"
        self._digest = digest
        self._progress = progress

    def run(self) -> None:
        """
        Fetch the file, or the rest of it.

        :raise RunjdError: and what came so far stays for the next call, unless it is wrong.
        """
        if self._digest and _digest(self._path) == self._digest:
            return
        with Step(f"write {self._part}"):
            fd = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        with open(fd, "r+b", buffering=0) as part:
            try:
                fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(f"{self._part} is being written by another download") from None
            self._fetch(part)
            self._check(part)
            with Step(f"write {self._path}"):
                os.fsync(part)
                os.replace(self._part, self._path)

    def _fetch(self, part: Any) -> None:
        found = os.fstat(part.fileno())
        headers = {}
        if found.st_size and (self._digest or found.st_mtime):
            headers["Range"] = f"bytes={found.st_size}-"
            if not self._digest:
                headers["If-Range"] = formatdate(found.st_mtime, usegmt=True)
        try:
            response = _open(self._url, headers)
        except _NothingBehind:
            # all of it is here, or more than there is
            response = _open(self._url, {})
            if response.length == found.st_size:
                response.close()
                return
        with response:
            if response.status == http.client.PARTIAL_CONTENT and _start(response) == found.st_size:
                part.seek(found.st_size)
            else:
                part.truncate(0)
                part.seek(0)
            self._copy(response, part)

    def _copy(self, response: Any, part: Any) -> None:
        first = part.tell()
        total = first + response.length if response.length is not None else 0
        modified = _modified(response)
        self._progress.begin(first, total)
        done = first
        try:
            while chunk := _read(response, self._url):
                with Step(f"write {self._part}"):
                    _write(part, chunk)
                done += len(chunk)
                self._progress.add(len(chunk))
        finally:
            self._progress.end()
            os.utime(part.fileno(), (modified, modified))
        if total and done < total:
            raise InputOutput(
                f"{self._url}: the connection ended after {done} of {total} bytes; call again for the rest"
            )

    def _check(self, part: Any) -> None:
        if not self._digest:
            return
        part.seek(0)
        seen = hashlib.file_digest(part, "sha256").hexdigest()
        if seen != self._digest:
            os.unlink(self._part)
            raise InputOutput(
                f"{self._url}: the digest is {seen}, but the MANIFEST says {self._digest}; it was removed, call again"
            )


class _NothingBehind(Exception):
    """There is nothing behind the byte that was asked for."""


def _open(url: str, headers: dict[str, str]) -> Any:
    if not url.startswith(_SCHEMES):
        raise BadArgument(f'"{url}" is no address; it begins with {", ".join(_SCHEMES)}')
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and headers:
            raise _NothingBehind from None
        if error.code == http.client.NOT_FOUND:
            raise NotFound(f"{url}: not found (404); is there such a release?") from None
        raise InputOutput(f"{url}: the server answers {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise InputOutput(f"{url}: {_reason(error)}") from None


def _read(response: Any, url: str) -> bytes:
    try:
        return bytes(response.read(_CHUNK))
    except (OSError, http.client.HTTPException) as error:
        raise InputOutput(f"{url}: {_reason(error)}; call again for the rest") from None


def _write(part: Any, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[part.write(view) :]


def _start(response: Any) -> int:
    """Return where the part that is answered begins, -1 where that is not said."""
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    digits = rest.partition("-")[0]
    return int(digits) if unit == "bytes" and digits.isdigit() else -1


def _modified(response: Any) -> float:
    """Return when the file was changed; 0 where that is not said, so that it is not resumed."""
    try:
        return parsedate_to_datetime(response.headers.get("Last-Modified", "")).timestamp()
    except ValueError:
        return 0.0


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer within {TIMEOUT:.0f} s"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return str(cause) or type(cause).__name__
