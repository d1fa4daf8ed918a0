"""What is shown to clients that come by TLS from now on, and what replaces it at a reload."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from runjd.access.judging import judge
from runjd.access.paperfiles import fault_of, read_papers
from runjd.access.papers import Papers, Refused
from runjd.access.validity import FEW_DAYS, days_left
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
        self._prepared: tuple[Papers, Tls] | None = None
        self._papers: Papers | None = None

    @property
    def papers(self) -> Papers:
        """What is shown. :raise InputOutput: nothing could be read yet that can be used."""
        if self._papers is None:
            raise InputOutput("TLS: there is no certificate that could be shown; see daemon.tls of the configuration")
        return self._papers

    def prepare(self, tls: Tls, file: str) -> None:
        """
        Read the files, and have it judged whether they can be used where they are others than before; blocks.

        :param file: the configuration that names them.
        :raise ConfigError: they cannot be used.
        :raise InputOutput: that could not be found out.
        """
        self._prepared = None
        papers = read_papers(tls, file)
        if papers != self._papers:
            try:
                judge(papers)
            except Refused as refused:
                raise fault_of(refused.key, f"{getattr(tls, refused.key)} {refused}", file) from None
        self._prepared = papers, tls

    def take(self) -> None:
        """Use what was read last, for the connections that come from now on."""
        if self._prepared is None:
            return
        before = self._papers
        (self._papers, tls), self._prepared = self._prepared, None
        for key, left in days_left(self._papers).items():
            if left < FEW_DAYS:
                self._log.warn(
                    "{certificate} {fate}; put another one there, and reload",
                    certificate=getattr(tls, key),
                    fate="has expired" if left <= 0 else f"expires in {left:.0f} days",
                )
        if self._papers != before:
            self.taken(self._papers)

    def check_ready(self) -> None:
        """:raise InputOutput: nothing could be read yet that can be used."""
        assert self.papers
