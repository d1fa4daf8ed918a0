"""A configuration for a report of a fault."""

from runjd.config.listing import listing
from runjd.config.load import load
from tests.config.written import write

MAIN = """
[daemon]
parallel = 2

[daemon.tls]
listen = "tcp:7443"
certificate = "/c"
key = "/k"
ca = "/a"
"""
WEB = """
[jail.web]
root = "/r"
command = ["/bin/httpd", "--password", "hunter2"]
environment = { TOKEN = "hunter2" }
restart = "always"
health.probe.exec = ["/bin/check", "hunter2"]

[jail.db]
bundle = "/b"
environment = { TOKEN = "hunter2" }
"""


def test_what_is_set_is_told_without_secrets(tmp_path):
    """Files, keys of the daemon, and of jails what is not as usual; no value of a variable, no word of a command."""
    file = write(tmp_path, MAIN, web=WEB)

    lines = list(listing(load(file)))

    assert lines[:2] == [f"file {file}", f"file {tmp_path}/jails.d/web.toml"]
    assert "parallel = 2" in lines
    assert "tls.key = /k" in lines
    assert lines.count("    environment.TOKEN = ...") == 2
    assert "    command = /bin/httpd and 2 more" in lines
    assert "    restart.kind = always" in lines
    assert "    cwd = /" not in lines
    assert not [line for line in lines if "hunter2" in line]
