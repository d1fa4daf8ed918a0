"""Names and networks of containers, as their programs see them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from runjd.kernel.freebsd.kernel import FreeBSDKernel
from tests.freebsd.containers import PATIENCE

pytestmark = [pytest.mark.freebsd, pytest.mark.root]

FOREVER = "while :; do sleep 1; done"
#: of nobody: RFC 5737
OURS, THEIRS = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def kernel() -> FreeBSDKernel:
    """Return the kernel."""
    return FreeBSDKernel()


@pytest.fixture(autouse=True)
def only_here(containers):
    """Skip what is about another system's containers."""
    if not containers.is_freebsd:
        pytest.skip("needs FreeBSD")


@pytest.fixture
def server() -> Iterator[int]:
    """Return the port of a server on the loopback address of the host, which says hello to everybody."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"hello\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(PATIENCE)


@pytest.fixture
def epair(kernel) -> Iterator[tuple[str, str]]:
    """Return the two ends of a new pair; the second may have got another name since."""
    _load(kernel, "if_epair")
    first = kernel.create_interface("epair")
    yield first, first[:-1] + "b"
    kernel.destroy_interface(first)


def jail(**properties: Any):
    """Return what puts properties of freebsd.jail into a configuration."""
    return lambda config: config.update(freebsd={"jail": properties})


@pytest.mark.parametrize(("mode", "number"), [("new", 1), ("inherit", 2)])
def test_names_are_the_jail_s_own_or_the_host_s(containers, kernel, mode, number) -> None:
    """freebsd.jail.host."""
    containers.create("c", FOREVER, jail(host=mode))
    jid = int(containers.state("c")["annotations"]["org.freebsd.jail.jid"])
    found = kernel.jail_get([("jid", jid)], ["host"])["host"]
    containers.ok("delete", "c")

    assert found == number


@pytest.mark.parametrize("field", ["hostname", "domainname"])
def test_a_name_beside_an_inherited_host_is_an_error(containers, field) -> None:
    """The kernel would make the host a new one without a word."""
    config = containers.config(FOREVER)
    config.update({field: "inside", "freebsd": {"jail": {"host": "inherit"}}})

    assert field in containers.fails("create", "--bundle", containers.bundle(config), "c")


def test_a_domain_name_is_the_container_s(containers) -> None:
    """As the NIS domain of the kernel."""
    said = containers.run("sysctl -n kern.domainname", lambda config: config.update(domainname="inside.example"))

    assert said == "inside.example\n"


def test_root_of_a_jail_does_not_rename_the_host(containers) -> None:
    """Where it shares the host's name."""
    before = os.uname().nodename
    containers.run("hostname stolen 2>/dev/null; true", jail(host="inherit"))

    assert os.uname().nodename == before


def test_an_inherited_network_reaches_the_host(containers, server) -> None:
    """A server on its loopback address."""
    assert containers.run(f"nc 127.0.0.1 {server}", jail(ip4="inherit")) == "hello\n"


def test_a_disabled_network_reaches_nobody(containers, server) -> None:
    """There are no sockets of that family."""
    said = containers.run(f"nc 127.0.0.1 {server} 2>/dev/null || echo refused", jail(ip4="disable", ip6="disable"))

    assert said == "refused\n"


def test_an_address_of_version_6_is_seen(containers) -> None:
    """That of the loopback interface, and no other."""
    said = containers.run("ifconfig lo0", jail(ip4="disable", ip6="new", ip6Addr=["::1"]))

    assert "inet6 ::1" in said
    assert "inet " not in said


@pytest.mark.parametrize("bridged", [False, True])
def test_a_jail_of_its_own_network_speaks_through_its_interface(containers, kernel, epair, bridged) -> None:
    """To the host at the other end of a pair, or of a bridge."""
    first, second = epair
    end = first
    if bridged:
        _load(kernel, "if_bridge")
        end = kernel.create_interface("bridge")
        _ifconfig(end, "addm", first)
        _ifconfig(first, "up")
    try:
        _ifconfig(end, "inet", f"{OURS}/24", "up")
        said = containers.run(
            f"ifconfig {second} inet {THEIRS}/24 up && ping -c 1 -t 10 {OURS}",
            jail(vnet="new", vnetInterfaces=[second]),
        )
    finally:
        if bridged:
            kernel.destroy_interface(end)

    assert f"64 bytes from {OURS}" in said
    assert second in kernel.interface_names()


def test_an_interface_that_was_renamed_inside_comes_back_as_it_is_called_now(containers, kernel, epair) -> None:
    """The kernel gives it back when the jail ends."""
    _, second = epair
    containers.run(f"ifconfig {second} name runjd7", jail(vnet="new", vnetInterfaces=[second]))

    assert "runjd7" in kernel.interface_names()


def test_an_interface_that_another_jail_has_is_an_error(containers, kernel, epair) -> None:
    """With its JSON path; the first jail keeps it."""
    _, second = epair
    containers.create("one", FOREVER, jail(vnet="new", vnetInterfaces=[second]))
    config = containers.config(FOREVER)
    jail(vnet="new", vnetInterfaces=[second])(config)
    said = containers.fails("create", "--bundle", containers.bundle(config), "two")
    away = second not in kernel.interface_names()
    containers.ok("delete", "one")

    assert "freebsd.jail.vnetInterfaces[0]" in said
    assert away
    assert second in kernel.interface_names()


def test_the_file_of_runj_counts_before_the_configuration(containers, kernel) -> None:
    """runj.ext.json: its modes replace, its lists are added."""
    config = containers.config(FOREVER)
    jail(ip4="new", ip4Addr=["127.0.0.1"])(config)
    bundle = containers.bundle(config)
    with open(f"{bundle}/runj.ext.json", "w") as file:
        json.dump({"network": {"ipv4": {"mode": "new", "addr": ["127.0.0.2"]}}}, file)
    containers.ok("create", "--bundle", bundle, "c")
    jid = int(containers.state("c")["annotations"]["org.freebsd.jail.jid"])
    found = kernel.jail_get([("jid", jid)], ["ip4.addr"])["ip4.addr"]
    containers.ok("delete", "c")

    assert found == ("127.0.0.1", "127.0.0.2")


def test_annotations_say_what_nothing_else_says(containers, kernel) -> None:
    """Those of ocijail."""
    given = {
        "org.freebsd.jail.allow.raw_sockets": "true",
        "org.freebsd.jail.allow.chflags": "true",
        "org.freebsd.jail.sysvshm": "inherit",
    }

    def change(config: dict[str, Any]) -> None:
        config["annotations"] = given
        jail(allow={"chflags": False})(config)

    containers.create("c", FOREVER, change)
    jid = int(containers.state("c")["annotations"]["org.freebsd.jail.jid"])
    names = ["allow.raw_sockets", "allow.chflags", "sysvshm"]
    found = kernel.jail_get([("jid", jid)], names)
    containers.ok("delete", "c")

    assert [found[name] for name in names] == [1, 0, 2]


def _load(kernel: FreeBSDKernel, name: str) -> None:
    if not kernel.has_module(name):
        kernel.kldload(name)


def _ifconfig(*words: str) -> None:
    subprocess.run(["/sbin/ifconfig", *words], check=True, capture_output=True, timeout=PATIENCE)
