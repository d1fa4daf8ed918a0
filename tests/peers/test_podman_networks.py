"""Networks that podman makes before the container, which joins them by a path."""

import os

import pytest

from tests.peers.machine import until
from tests.peers.podman import Podman

pytestmark = pytest.mark.root

_RANGE = "/proc/sys/net/ipv4/ping_group_range"


def test_a_port_is_published(podman: Podman, container: str):
    """A server in a bridged network is reached by a port of the host; podman's own sysctl is set in that network."""
    if not os.path.exists("/usr/lib/cni/portmap"):
        pytest.skip("containernetworking-plugins are not installed (as root, make test installs them)")
    serve = "echo hello >/srv; while :; do nc -l -p 80 -e cat /srv; done"
    podman.good(f"run -d --name {container} --network bridge --publish 8080:80 box sh -c", serve)

    answer = until(lambda: podman.machine.run("busybox", "nc", "127.0.0.1", "8080").text)

    assert answer == "hello"
    assert podman.good(f"exec {container} cat {_RANGE}") == "0\t0"


def test_a_network_namespace_of_the_operator(podman: Podman):
    """Parameters of a network that somebody else made are set in it, as often as it is used."""
    name = podman.name()
    assert podman.machine.run("ip", "netns", "add", name).status == 0
    try:
        for ttl in ("77", "78"):
            options = f"--network ns:/run/netns/{name} --sysctl net.ipv4.ip_default_ttl={ttl}"
            assert podman.good(f"run --rm {options} box cat /proc/sys/net/ipv4/ip_default_ttl") == ttl
    finally:
        podman.machine.run("ip", "netns", "del", name)
