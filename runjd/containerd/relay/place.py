"""
The files of one relay, in the directory that daemon and relays share.

``NAME`` is its socket, ``NAME.lock`` makes those wait for each other who start a relay, use one, or are one that ends.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import os
from _blake2 import blake2s

from runjd.errors import InputOutput
from runjd.keeper.directories import open_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from runjd.protocols.ttrpc.call import Origin

#: bytes of the path of a Unix socket, on FreeBSD, whose limit is the smaller one
PATH_MAX = 103

_BACKLOG = 128
_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
#: seconds that a relay gets to take a connection
_PATIENCE = 2.0
_ADDRESS_MAX = 256


class Place:
    """
    Where one relay is.

    :param directory: of the sockets; made, 0700, where it is missing.
    :param origin: whose relay it is.
    :param bundles: the directory in which containerd keeps the bundles of that namespace.
    :ivar address: where containerd finds it.
    """

    def __init__(self, directory: str, origin: Origin, bundles: str) -> None:
        whose = f"{origin.containerd}\0{origin.namespace}".encode("utf-8", "surrogateescape")
        self._socket = f"{directory}/{blake2s(whose, digest_size=8).hexdigest()}"
        self._directory = directory
        self._bundles = bundles
        self.address = f"unix://{self._socket}"
        self._lock = -1

    def __enter__(self) -> Self:
        """
        Keep others from starting or ending this relay.

        :raise InputOutput: the directory cannot be used.
        """
        if len(os.fsencode(self._socket)) > PATH_MAX:
            raise InputOutput(f"the path {self._socket} is too long for a socket; name another directory")
        os.close(open_private(self._directory))
        self._open_lock()
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)
        self._lock = -1

    def is_served(self) -> bool:
        """Whether a relay listens."""
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        connection.settimeout(_PATIENCE)
        try:
            connection.connect(self._socket)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError as error:
            raise InputOutput(f"{self._socket}: {os.strerror(error.errno or errno.ETIMEDOUT)}") from error
        finally:
            connection.close()
        return True

    def listen(self) -> _socket.socket:
        """
        Return a socket that listens, in the place of one that a dead relay left.

        :raise InputOutput: that cannot be.
        """
        made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            _remove(self._socket)
            made.bind(self._socket)
            made.listen(_BACKLOG)
        except OSError as error:
            made.close()
            raise InputOutput(f"{self._socket}: {error.strerror}") from error
        finally:
            os.umask(mask)
        return made

    def is_needed(self) -> bool:
        """Whether a bundle is there whose container containerd expects behind this relay."""
        try:
            names = os.listdir(self._bundles)
        except OSError:
            return False
        return any(read_address(f"{self._bundles}/{name}") == self.address for name in names)

    def leave(self, is_wanted: Callable[[], bool]) -> bool:
        """
        Take the socket away, unless somebody starts or uses the relay at this moment, or may do so.

        :return: whether that was done; nobody can come any more.
        """
        try:
            self._open_lock()
        except OSError:
            return False
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_wanted() or self.is_needed():
                return False
            _remove(self._socket)
        except OSError:
            return False
        finally:
            os.close(self._lock)
            self._lock = -1
        return True

    def _open_lock(self) -> None:
        self._lock = os.open(f"{self._socket}.lock", _LOCK, 0o600)


def read_address(bundle: str) -> str:
    """Return the address that a bundle names; empty where it names none."""
    try:
        fd = os.open(f"{bundle}/address", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return os.fsdecode(os.read(fd, _ADDRESS_MAX))
    except OSError:
        return ""
    finally:
        os.close(fd)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
