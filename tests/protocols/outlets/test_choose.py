"""Where else a log goes."""

import pytest
from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred

from runjd.errors import BadArgument
from runjd.logs.formats.syslog import SyslogEncoding
from runjd.logs.formats.table import FORMATS
from runjd.policy.settings import LogRule
from runjd.protocols.outlets.choose import Outlets, read_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unix:/dev/log", ("unix", "/dev/log", 0)),
        ("udp:localhost:514", ("udp", "localhost", 514)),
        ("tcp:[::1]:6514", ("tcp", "::1", 6514)),
    ],
)
def test_an_address_is_read(text, expected):
    """Kind, path or host, port."""
    assert read_address(text) == expected


@pytest.mark.parametrize(
    "text", ["", "unix:dev", "udp:host", "tcp::514", "tcp:h:0", "tcp:h:65536", "tls:h:1", "udp:h:x"]
)
def test_what_is_no_address_is_refused(text):
    """The error says what one is."""
    with pytest.raises(BadArgument, match="unix:/PATH"):
        read_address(text)


def test_the_rule_says_where_it_goes():
    """To syslog in its form, and to a program in the form of the log."""
    outlets = Outlets(reactor, maybeDeferred)

    assert outlets("web", LogRule(), print) == []
    (encoding, rule, syslog), (form, _, program) = outlets(
        "web", LogRule(format="json", syslog="tcp:h:1", program=("/bin/cat",)), print
    )
    assert isinstance(encoding, SyslogEncoding)
    assert rule.line_limit < LogRule().line_limit
    assert form is FORMATS["json"]
    assert (syslog.path, program.path) == ("syslog tcp:h:1", "the program /bin/cat")
