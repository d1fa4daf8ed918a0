"""The bundle of a jail that has none."""

import json

import pytest

from runjd.config.model import Limits, ShortForm
from runjd.config.shortform import config_of
from runjd.runtime.freebsd.plan import make_plan
from runjd.spec.parse import parse_config
from runjd.spec.parse_resources import parse_resources

SHORT = ShortForm(
    root="/srv/web",
    command=("/bin/httpd", "-f"),
    user=(80, 81),
    cwd="/var",
    environment=(("LANG", "C"), ("PATH", "/bin")),
    readonly=True,
    terminal=True,
    mounts=("/srv/data:/data:ro,nosuid", "tmpfs:/tmp"),
    limits=Limits(512 << 20, 1.5, 100, 1024),
)


def config(short=SHORT, runtime="linux"):
    """Return the document as the runtimes see it."""
    return parse_config(json.dumps(config_of("web", short, runtime)).encode(), "config.json")


@pytest.mark.parametrize("runtime", ["linux", "freebsd"])
def test_it_is_a_valid_document_with_all_that_was_asked_for(runtime):
    """On both systems."""
    found = config(runtime=runtime)

    assert found.root.path == "/srv/web"
    assert found.root.readonly
    assert found.hostname == "web"
    assert found.process.args == ("/bin/httpd", "-f")
    assert (found.process.user.uid, found.process.user.gid, found.process.cwd) == (80, 81, "/var")
    assert found.process.terminal
    assert set(found.process.env) == {"PATH=/bin", "TERM=xterm", "LANG=C"}
    assert [(each.type, each.soft, each.hard) for each in found.process.rlimits] == [("RLIMIT_NOFILE", 1024, 1024)]
    resources = parse_resources(found.linux.resources)
    assert (resources.memory.limit, resources.pids_limit) == (512 << 20, 100)
    assert (resources.cpu.quota, resources.cpu.period) == (150_000, 100_000)
    bind = "bind" if runtime == "linux" else "nullfs"
    assert [(each.type, each.source, each.destination) for each in found.mounts[-2:]] == [
        (bind, "/srv/data", "/data"),
        ("tmpfs", "tmpfs", "/tmp"),
    ]
    assert {"ro", "nosuid"} <= set(found.mounts[-2].options)


def test_the_least_asks_for_no_limits():
    """Nothing is limited that nobody asked to limit, and a jail has its own network."""
    found = config(ShortForm("/r", ("/c",)))

    assert found.linux.resources is None
    assert "network" in {each.type for each in found.linux.namespaces}


def test_the_network_of_the_host_is_no_namespace():
    """On Linux."""
    found = config(ShortForm("/r", ("/c",), network="host"))

    assert "network" not in {each.type for each in found.linux.namespaces}


@pytest.mark.parametrize(
    ("short", "jail"),
    [
        (ShortForm(), {"ip4": "disable", "ip6": "disable"}),
        (ShortForm(network="host"), {"ip4": "inherit", "ip6": "inherit"}),
        (
            ShortForm(network="addresses", addresses=("10.0.0.1",), interface="em0"),
            {"ip4Addr": ["10.0.0.1"], "ip6": "disable", "interface": "em0"},
        ),
        (
            ShortForm(network="addresses", addresses=("10.0.0.1", "fd00::1")),
            {"ip4Addr": ["10.0.0.1"], "ip6Addr": ["fd00::1"]},
        ),
    ],
)
def test_the_network_of_a_freebsd_jail(short, jail):
    """None, that of the host, or addresses."""
    assert config_of("web", short, "freebsd")["freebsd"]["jail"] == jail


def test_plain_is_asked_for_what_it_has():
    """It has no host name and no root of its own; what was asked for explicitly it may refuse at the start."""
    found = config(ShortForm("/r", ("/c",)), "plain")

    assert (found.hostname, found.mounts, found.linux) == ("", (), None)
    assert config(SHORT._replace(hostname="www"), "plain").hostname == "www"


@pytest.mark.parametrize("network", [{}, {"network": "host"}, {"network": "addresses", "addresses": ("10.0.0.1",)}])
def test_freebsd_can_apply_all_of_it(network):
    """The plan of the jail has a step for each part."""
    found = make_plan(config(SHORT._replace(**network), "freebsd"), "/state/bundles/web", "web", "/run/web/root", None)

    names = {type(each).__name__ for each in found.host_steps}
    assert {"CheckRoot", "ReadOnlyRoot", "CheckRacct", "AddRule", "BindMount", "MountFileSystem", "MakeJail"} <= names
    assert found.root == "/srv/web"
    assert found.notices == ()
