"""A jail of runjd.toml that has no bundle, as it runs."""

from __future__ import annotations

import os

from runjd.config.load import load
from runjd.config.shortform import config_of


def configured(containers, table: str) -> str:
    """Return the bundle of a jail that the configuration describes; its root is that of a bundle like others."""
    place = containers.bundle(containers.config("true"))
    path = f"{place}/runjd.toml"
    with open(path, "w") as file:
        file.write(f'[jail.web]\nroot = "{place}/rootfs"\n{table}')
    (jail,) = load(path).jails
    return containers.bundle(config_of(jail.id, jail.short, containers.runtime))


def test_a_jail_without_a_bundle_runs(containers) -> None:
    """Its command, as its user, where it is told to, with its environment, its name and its limits."""
    bundle = configured(
        containers,
        """
command = ["/bin/sh", "-c", "echo $WHO; hostname; id -u; id -g; pwd; ulimit -n"]
environment = { WHO = "web", PATH = "/bin" }
user = "1001:1002"
cwd = "/tmp"
limits = { files = 77 }
""",
    )

    said = containers.ok("run", "--bundle", bundle, "web").splitlines()

    assert said == ["web", "web", "1001", "1002", "/tmp", "77"]


def test_it_has_what_is_mounted_for_it(containers) -> None:
    """A directory of the host, read only, and a file system in memory."""
    data = f"{containers.directory}/data"
    os.mkdir(data)
    with open(f"{data}/file", "w") as file:
        file.write("data\n")
    bundle = configured(
        containers,
        f"""
command = ["/bin/sh", "-c", "cat /data/file; echo x > /data/new || echo refused; echo x > /tmp/new && cat /tmp/new"]
environment = {{ PATH = "/bin" }}
mounts = ["{data}:/data:ro", "tmpfs:/tmp"]
""",
    )

    assert containers.ok("run", "--bundle", bundle, "web").splitlines() == ["data", "refused", "x"]
    assert os.listdir(data) == ["file"]


def test_a_read_only_jail_is_one(containers) -> None:
    """Its root cannot be written to."""
    bundle = configured(
        containers,
        """
command = ["/bin/sh", "-c", "echo x > /new || echo refused"]
environment = { PATH = "/bin" }
read-only = true
""",
    )

    assert containers.ok("run", "--bundle", bundle, "web") == "refused\n"
