"""What is shown to clients that come by TLS from now on, and what replaces it at a reload."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from runjd.access.credentials import FEW_DAYS, context_of, days_left
from runjd.access.papers import Papers, Showing
from runjd.config.faults import ConfigError, Fault
from runjd.config.model import Tls
from runjd.errors import InputOutput


class Credentials:
    """
    Read in two steps: what cannot be used replaces nothing.

    :ivar taken: called with what is shown from now on.
    """

    _log = Logger()

    def __init__(self) -> None:
        self.taken: Callable[[Papers], None] = lambda papers: None
        #: also the file of the certificate, and for how many days it is good
        self._prepared: tuple[Papers, str, float] | None = None
        self._papers: Papers | None = None

    @property
    def papers(self) -> Papers:
        """What is shown. :raise InputOutput: nothing could be read yet that can be used."""
        if self._papers is None:
            raise InputOutput("TLS: there is no certificate that could be shown; see daemon.tls of the configuration")
        return self._papers

    def prepare(self, tls: Tls, file: str) -> None:
        """
        Read the files.

        :param file: the configuration that names them.
        :raise ConfigError: they cannot be used.
        """
        self._prepared = None
        context_of(tls, file)
        try:
            papers = Papers(*(_bytes(path) for path in (tls.certificate, tls.key, tls.ca)))
            Showing(papers)
        except (OSError, ValueError) as error:  # they were exchanged meanwhile
            raise ConfigError([Fault(file, 0, ("daemon", "tls"), str(error))]) from error
        self._prepared = papers, tls.certificate, days_left(tls.certificate)

    def take(self) -> None:
        """Use what was read last, for the connections that come from now on."""
        if self._prepared is None:
            return
        before = self._papers
        (self._papers, certificate, left), self._prepared = self._prepared, None
        if left < FEW_DAYS:
            self._log.warn(
                "{certificate} {fate}; put another one there, and reload",
                certificate=certificate,
                fate="has expired" if left <= 0 else f"expires in {left:.0f} days",
            )
        if self._papers != before:
            self.taken(self._papers)

    def check_ready(self) -> None:
        """:raise InputOutput: nothing could be read yet that can be used."""
        assert self.papers


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
