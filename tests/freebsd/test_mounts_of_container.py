"""Mounts of a bundle: where they land, in which order, what they hide and what is left of them."""

from __future__ import annotations

import os
from typing import Any

import pytest

FOREVER = "while :; do sleep 1; done"


def with_mounts(*mounts: dict[str, Any]):
    """Return what adds mounts to a configuration."""
    return lambda config: config.setdefault("mounts", []).extend(mounts)


def tmpfs(destination: str, *options: str) -> dict[str, Any]:
    """Return a new file system in memory."""
    return {"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": list(options)}


def bound(destination: str, source: str, *options: str) -> dict[str, Any]:
    """Return a part of the host."""
    return {"destination": destination, "type": "bind", "source": source, "options": ["bind", *options]}


def shared(containers, **files: str) -> str:
    """Return a directory of the host with files in it."""
    path = f"{containers.directory}/shared"
    os.mkdir(path)
    for name, content in files.items():
        with open(f"{path}/{name}", "w") as file:
            file.write(content)
    return path


def test_a_tmpfs_has_what_the_image_has_in_its_place(containers) -> None:
    """With tmpcopyup: directories, files, links, owners and modes; the image stays as it is."""
    config = containers.config("cat /var/a/file; ls -l /var/a; echo changed > /var/a/file")
    with_mounts(tmpfs("/var", "tmpcopyup", "mode=755"))(config)
    bundle = containers.bundle(config)
    os.makedirs(f"{bundle}/rootfs/var/a")
    with open(f"{bundle}/rootfs/var/a/file", "w") as file:
        file.write("of the image\n")
    os.chmod(f"{bundle}/rootfs/var/a/file", 0o640)
    os.chown(f"{bundle}/rootfs/var/a/file", 1001, 1002)
    os.symlink("file", f"{bundle}/rootfs/var/a/link")
    said = containers.ok("run", "--bundle", bundle, "c")

    assert said.startswith("of the image\n")
    assert "-rw-r-----" in said
    assert {"1001", "1002"} <= set(said.split())
    assert "link -> file" in said
    with open(f"{bundle}/rootfs/var/a/file") as file:
        assert file.read() == "of the image\n"


def test_mount_points_that_were_made_are_gone_afterwards(containers) -> None:
    """Also two in one directory that was made for both; what was there stays."""
    config = containers.config("ls /made/one /made/two/deep")
    with_mounts(tmpfs("/made/one"), tmpfs("/made/two/deep"), tmpfs("/tmp"))(config)
    bundle = containers.bundle(config)
    before = sorted(os.listdir(f"{bundle}/rootfs"))
    containers.ok("run", "--bundle", bundle, "c")

    assert sorted(os.listdir(f"{bundle}/rootfs")) == before
    assert "made" not in before


def test_mounts_are_made_in_their_order_and_taken_away_in_reverse(containers) -> None:
    """One in another, and one over another: the later one is seen."""
    source = shared(containers, file="of the host\n")
    mounts = (tmpfs("/a"), tmpfs("/a/b"), bound("/a/b/c", source), tmpfs("/d", "mode=700"), bound("/d", source))
    said = containers.run("cat /a/b/c/file /d/file", with_mounts(*mounts))

    assert said == "of the host\n" * 2
    assert os.listdir(source) == ["file"]


def test_a_relative_source_is_the_bundle_s(containers) -> None:
    """Wherever runj was called."""
    config = containers.config("cat /data/file")
    with_mounts({"destination": "/data", "type": "bind", "source": "data", "options": ["bind"]})(config)
    bundle = containers.bundle(config)
    os.mkdir(f"{bundle}/data")
    with open(f"{bundle}/data/file", "w") as file:
        file.write("of the bundle\n")

    assert containers.ok("run", "--bundle", bundle, "c") == "of the bundle\n"


@pytest.mark.parametrize(
    ("link", "landed"),
    [
        ("/etc/real", "etc/real"),
        ("real", "etc/real"),
        ("../etc/real", "etc/real"),
        ("../../../../etc/real", "etc/real"),
        ("/../../etc/second", "etc/real"),
    ],
)
def test_a_file_lands_where_the_links_of_the_image_lead(containers, link, landed) -> None:
    """As if the root were all there is: absolute, relative, through others, and never out of it."""
    source = shared(containers, file="of the host\n")
    config = containers.config("cat /etc/link")
    with_mounts(bound("/etc/link", f"{source}/file"))(config)
    bundle = containers.bundle(config)
    etc = f"{bundle}/rootfs/etc"
    with open(f"{bundle}/rootfs/{landed}", "w") as file:
        file.write("of the image\n")
    os.symlink("real", f"{etc}/second")
    os.symlink(link, f"{etc}/link")

    assert containers.ok("run", "--bundle", bundle, "c") == "of the host\n"
    with open(f"{bundle}/rootfs/{landed}") as file:
        assert file.read() == "of the image\n"


def test_links_in_a_ring_are_an_error(containers) -> None:
    """Nothing is left."""
    source = shared(containers, file="x")
    config = containers.config("")
    with_mounts(bound("/etc/one", f"{source}/file"))(config)
    bundle = containers.bundle(config)
    os.symlink("two", f"{bundle}/rootfs/etc/one")
    os.symlink("one", f"{bundle}/rootfs/etc/two")
    said = containers.fails("create", "--bundle", bundle, "c")

    assert f"mounts[{len(config['mounts']) - 1}]" in said
    assert containers.ok("list", "--quiet") == ""


def test_a_bundle_may_be_reached_by_a_link(containers) -> None:
    """As below /home, which is /usr/home; mounts, exec and delete work as ever."""
    config = containers.config(FOREVER)
    with_mounts(tmpfs("/tmp", "mode=700"))(config)
    bundle = containers.bundle(config)
    link = f"{containers.directory}/link"
    os.symlink(os.path.dirname(bundle), link)
    containers.ok("create", "--bundle", f"{link}/{os.path.basename(bundle)}", "c")
    containers.ok("start", "c")
    said = containers.ok("exec", "c", "/bin/sh", "-c", "ls -ld /tmp")
    containers.ok("delete", "--force", "c")
    os.unlink(link)

    assert said.startswith("drwx------")


def test_a_wrong_option_is_an_error(containers) -> None:
    """The kernel of FreeBSD would take a size that it does not understand for no limit."""
    config = containers.config("")
    with_mounts(tmpfs("/tmp", "size=many"))(config)
    said = containers.fails("create", "--bundle", containers.bundle(config), "c")

    assert f"mounts[{len(config['mounts']) - 1}]" in said


def test_a_directory_over_itself_is_an_error(containers) -> None:
    """A nullfs over itself brings some kernels of FreeBSD down."""
    if not containers.is_freebsd:
        pytest.skip("Linux has no harm in it")
    config = containers.config("")
    with_mounts({"destination": "/tmp", "type": "nullfs", "source": "rootfs/../rootfs/tmp"})(config)
    said = containers.fails("create", "--bundle", containers.bundle(config), "c")

    assert "on itself" in said


@pytest.mark.parametrize(("enforce", "sees_all"), [(0, True), (1, False), (2, False)])
def test_how_many_mounts_a_jail_sees(containers, enforce, sees_all) -> None:
    """All of the host's, its own, or only that of its root."""
    if not containers.is_freebsd:
        pytest.skip("needs FreeBSD")
    change = with_mounts(tmpfs("/tmp"))
    said = containers.run(
        "mount -p", lambda config: (change(config), config.update(freebsd={"jail": {"enforceStatfs": enforce}}))
    )
    lines = said.splitlines()

    assert len(lines) == {0: len(lines), 1: 2, 2: 1}[enforce]
    assert (len(lines) > 2) == sees_all


def test_rules_of_a_devfs_are_applied_in_their_order(containers) -> None:
    """Beside those of its ruleset: shown, hidden again, with another mode and owner."""
    if not containers.is_freebsd:
        pytest.skip("needs FreeBSD")
    rules = ("rule=path full unhide mode 0600 user 1001", "rule=path zero hide")
    dev = {"destination": "/dev", "type": "devfs", "source": "devfs", "options": ["ruleset=4", *rules]}
    said = containers.run("ls /dev; ls -ln /dev/full", with_mounts(dev))

    assert "full" in said.split()
    assert "zero" not in said.split("crw")[0].split()
    assert "crw-------" in said
    assert "1001" in said.split()


def test_what_a_jail_mounts_itself_goes_with_it(containers) -> None:
    """The kernel would leave it, and the bundle busy."""
    if not containers.is_freebsd:
        pytest.skip("needs FreeBSD")
    jail = {"enforceStatfs": 1, "allow": {"mount": ["tmpfs"]}}
    said = containers.run(
        "mount -t tmpfs tmpfs /tmp && echo mounted > /tmp/file; cat /tmp/file",
        lambda config: config.update(freebsd={"jail": jail}),
    )

    assert said == "mounted\n"
