"""What a subcommand of runjctl(8) is given."""

from __future__ import annotations

from runjd.cli.ctl.client import Client, connect, socket_path
from runjd.cli.output import to_json, to_json_lines, visible
from runjd.errors import BadArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runjd.cli.options import Given
    from runjd.cli.output import Output


class Call:
    """
    One call of runjctl: its command line, its descriptors, and the way to the daemon.

    :ivar is_json: a program reads what we write.
    """

    def __init__(self, given: Given, out: Output, err: Output, environment: Mapping[str, str], stdin: int = 0) -> None:
        self.given = given
        self.out = out
        self.err = err
        self.environment = environment
        self.stdin = stdin
        self.is_json = given.flag("json")
        self._client: Client | None = None

    @property
    def host(self) -> str:
        """Where the daemon is, as ``tls:HOST:PORT``; empty: here. :raise BadArgument: it is said twice."""
        asked = self.given.value("host")
        if self.given.flag("socket"):
            if asked:
                raise BadArgument("--socket is of this host, and --host names another one; give one of them")
            return ""
        return asked or ("" if self.environment.get("RUNJD_SOCKET") else self.environment.get("RUNJD_HOST", ""))

    @property
    def path(self) -> str:
        """Where the daemon listens."""
        return socket_path(self.given.value("socket"), self.environment)

    def client(self) -> Client:
        """Return the connection to the daemon, made when it is first asked for. :raise RunjdError: there is none."""
        if self._client is None:
            self._client = self.another_client()
        return self._client

    def another_client(self) -> Client:
        """Return a connection of its own, which the caller closes."""
        host = self.host
        if not host:
            return connect(self.path)
        from runjd.cli.ctl.remote import connect_remote

        return connect_remote(host, self.given, self.environment)

    def close(self) -> None:
        """Close the connection, where one was made."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def notice(self, text: str) -> None:
        """Tell the person something that is neither a result nor an error."""
        if not self.is_json:
            self.err.line(f"runjctl: {text}")

    def pass_degraded(self, fields: Mapping[str, str]) -> None:
        """Tell that the daemon itself is not well, where it says so by ``degraded=``."""
        if "degraded" in fields and self.is_json:
            self.err.line(to_json({"degraded": fields["degraded"]}))
        elif "degraded" in fields:
            self.notice(f"runjd is degraded: {visible(fields['degraded'])}")

    def pass_notices(self, fields: Mapping[str, str]) -> None:
        """Tell the person what the daemon found worth telling: ``notice=`` or ``notice.N=``."""
        for key, text in fields.items():
            if key.partition(".")[0] == "notice":
                self.notice(visible(text))

    def put_json(self, value: object) -> None:
        """Write one value as a line of JSON."""
        self.out.write(to_json(value) + "\n")

    def put_json_array(self, values: Sequence[object]) -> None:
        """Write values as a JSON array, one on each line."""
        self.out.write(to_json_lines(values))
