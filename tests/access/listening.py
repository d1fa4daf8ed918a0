"""A real listener for TLS, in front of jails that are only talked about."""

from __future__ import annotations

import os
import socket
import subprocess

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from runjd.access.arrivals import Arrivals, listen_tcp
from runjd.access.audit import Audit
from runjd.access.credentialing import Credentials
from runjd.access.guard import Guard
from runjd.access.lobby import Lobby, identify_by_certificate
from runjd.access.porters import Porters, porter_rights
from runjd.logs.memory import MemoryWriter
from runjd.policy.access import Rule, Subject
from runjd.protocols.control.factory import ControlFactory
from runjd.protocols.control.hall import Hall, Limits
from runjd.protocols.control.verbs.all import all_verbs
from runjd.supervise.memory import MemoryController
from tests.access.papers import tls_of
from tests.protocols.control.scripted import ScriptedConfiguration, ScriptedDiagnosis


class Listener:
    """A listener for alice, who is an operator, and for nobody else; certificates name who comes."""

    def __init__(self, directory: str, descriptors: int = 256, interval: float = 3.0) -> None:
        self.directory = directory
        self.refused: list[tuple[str, str]] = []
        empty = f"{directory}/empty"
        os.makedirs(empty, exist_ok=True)
        self.porters = Porters(reactor, porter_rights(empty, descriptors), interval)
        self.pids: set[int] = set()
        self.credentials = Credentials()
        self.reload()
        guard = Guard(())
        guard.take((Rule("access[0]", (Subject("certificate", name="alice"),), "operator"),))
        self.hall = Hall(
            MemoryController(reactor),
            ScriptedConfiguration(),
            ScriptedDiagnosis(),
            all_verbs(),
            reactor,
            lambda: 0.0,
            guard,
            Audit("/audit.log", MemoryWriter(), reactor, lambda: 0.0),
            "runjd/0.4.0",
            Limits(),
        )
        inner = ControlFactory(self.hall, identify_by_certificate)
        self.credentials.taken = self.porters.take
        self.lobby = Lobby(inner, reactor, lambda *words: self.refused.append(words))
        factory = Arrivals(self.lobby, self.porters, lambda: self.credentials.papers, reactor)
        self.port = listen_tcp(reactor, 0, factory, 50, "127.0.0.1")
        self.address = ("127.0.0.1", self.port.getHost().port)
        self.plain: list[socket.socket] = []

    def reload(self, directory: str | None = None) -> None:
        """Read the certificates again, or others."""
        self.pids.add(self.porters.pid)
        self.credentials.prepare(tls_of(directory or self.directory), "runjd.toml")
        self.credentials.take()

    async def openssl(
        self, *words: str, papers=None, ca=None, send="whoami\nquit\n", members=0, hold=0.0
    ) -> tuple[str, str]:
        """
        Return what the daemon says to s_client, and what s_client says.

        :param hold: seconds for which nothing is sent first, so that it has the greeting, and for which its input is
            held open afterwards, as it ends with its input.
        """
        command = ["openssl", "s_client", "-connect", "{}:{}".format(*self.address), *words]
        command += ["-CAfile", f"{ca or self.directory}/ca.crt", "-verify_return_error"]
        command += ["-cert", papers[0], "-key", papers[1]] if papers else []
        if hold:
            command = ["sh", "-c", f'{{ sleep {hold}; cat; sleep {hold}; }} | "$@"', "sh", *command]
        done = await deferToThread(subprocess.run, command, input=send.encode(), capture_output=True, timeout=20)
        await self.settle(members)
        return done.stdout.decode(), done.stderr.decode()

    def connect(self) -> socket.socket:
        """Return a connection that says nothing."""
        made = socket.create_connection(self.address)
        self.plain.append(made)
        return made

    async def settle(self, members: int = 0) -> None:
        """Wait until only so many are there."""
        for _ in range(400):
            if self.hall.members == members and self.lobby.waiting <= len(self.plain):
                return
            await deferLater(reactor, 0.01)
        raise TimeoutError("a connection lasts")

    async def close(self) -> None:
        for each in self.plain:
            each.close()
        self.hall.close("the test is over")
        self.pids.add(self.porters.pid)
        await self.port.stopListening()
        while any(pid and os.path.exists(f"/proc/{pid}") for pid in self.pids):
            await deferLater(reactor, 0.01)
        await deferLater(reactor, 0.05)
