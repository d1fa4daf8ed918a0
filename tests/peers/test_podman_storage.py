"""Volumes and files: what is mounted, copied, committed, built."""

from pathlib import Path

import pytest

from tests.peers.podman import Podman
from tests.peers.thorough import thorough

pytestmark = pytest.mark.root


@pytest.fixture
def shared(podman: Podman) -> Path:
    """Return a new directory that host and containers share, with a file and a directory in it."""
    path = podman.directory / podman.name()
    (path / "sub").mkdir(parents=True)
    (path / "file").write_text("from the host\n")
    return path


def test_a_directory_of_the_host_is_shared(podman: Podman, shared: Path):
    """-v shows a directory of the host, where both sides write."""
    podman.good(
        f"run --rm -v {shared}:/data box sh -c", "cat /data/file >/data/sub/copy; chown 1000:1000 /data/sub/copy"
    )

    copy = shared / "sub/copy"
    assert (copy.read_text(), copy.stat().st_uid) == ("from the host\n", 1000)


@pytest.mark.parametrize(
    "options",
    [
        "-v {}:/data:ro",
        *thorough(
            ("--mount type=bind,src={},dst=/data,ro",),
            ("--mount type=bind,src={},dst=/data,readonly,bind-propagation=rprivate",),
        ),
    ],
)
def test_a_read_only_mount_cannot_be_written(podman: Podman, shared: Path, options: str):
    """ro holds for the whole mount, and for root, too."""
    done = podman(f"run --rm {options.format(shared)} box sh -c", "cat /data/file; touch /data/x /data/sub/x")

    assert (done.status, done.text) == (1, "from the host")
    assert done.complaint.count("Read-only file system") == 2


def test_flags_of_a_mount_are_set(podman: Podman, shared: Path):
    """nosuid, nodev and noexec of -v reach the mount."""
    (shared / "program").write_text("#!/bin/sh\necho ran\n")
    (shared / "program").chmod(0o755)

    done = podman(
        f"run --rm -v {shared}:/data:noexec,nosuid,nodev box sh -c", "grep ' /data ' /proc/mounts; /data/program"
    )

    assert done.status == 126
    assert {"noexec", "nosuid", "nodev"} <= set(done.text.split()[3].split(","))


def test_a_single_file_is_mounted(podman: Podman, shared: Path):
    """A file of the host can stand in the place of one of the image, or of none."""
    options = f"-v {shared}/file:/etc/group:ro -v {shared}/file:/new/place"

    assert podman.good(f"run --rm {options} box cat /etc/group /new/place") == "from the host\nfrom the host"


def test_a_volume_keeps_what_was_written(podman: Podman):
    """A named volume begins with what the image has there, and outlives the containers that use it."""
    volume = podman.name()
    podman.good(f"run --rm -v {volume}:/etc box sh -c", "echo kept >/etc/own")

    assert podman.good(f"run --rm -v {volume}:/v:ro box cat /v/own /v/nothing-to-run") == "kept\nplain text"
    podman.good(f"volume rm {volume}")


def test_a_mount_may_lie_in_another(podman: Podman, shared: Path):
    """Mounts are made in the order of their depth, in whatever order they were given."""
    options = f"-v {shared}:/a/b --tmpfs /a -v {shared}/sub:/a/b/sub/deep"

    assert (
        podman.good(f"run --rm {options} box sh -c", "echo x >/a/b/sub/deep/y; cat /a/b/file; ls /a")
        == "from the host\nb"
    )
    assert (shared / "sub/y").exists()


def test_what_is_mounted_later_reaches_a_shared_mount(podman: Podman, shared: Path, container: str):
    """With rslave the container sees what the host mounts below afterwards, and the host nothing of the container's."""
    machine = podman.machine
    assert machine.run("sh", "-c", f"mount --bind {shared} {shared} && mount --make-shared {shared}").status == 0
    try:
        podman.good(f"run -d --privileged --name {container} -v {shared}:/data:rslave box sleep 1000")
        assert machine.run("mount", "-t", "tmpfs", "later", f"{shared}/sub").status == 0
        assert "later /data/sub tmpfs" in podman.good(f"exec {container} cat /proc/mounts")
        podman.good(f"exec {container} mount -t tmpfs inside /data/sub")
        assert "inside" not in machine.run("cat", "/proc/mounts").text
        podman.remove(container)
    finally:
        machine.run("umount", "-R", str(shared))


def test_a_file_is_copied_in_and_out(podman: Podman, shared: Path, container: str):
    """cp writes into a running container, and reads from it, directories too."""
    podman.good(f"run -d --name {container} box sleep 1000")

    podman.good(f"cp {shared} {container}:/tmp/in")
    podman.good(f"exec {container} sh -c", "cat /tmp/in/file >>/tmp/in/sub/out; echo more >>/tmp/in/sub/out")
    podman.good(f"cp {container}:/tmp/in/sub/out {shared}/back")

    assert (shared / "back").read_text() == "from the host\nmore\n"


def test_a_mountpoint_behind_a_link_stays_in_the_container(podman: Podman, container: str):
    """A link of the image from the mount point to the host's files leads to the container's own."""
    podman.good(f"run --name {container} box sh -c", "rm -r /home; ln -s /../../../../etc /home; ln -s ../../../.. /up")
    image = podman.name()
    podman.good(f"commit -q {container} {image}")

    done = podman(
        f"run --rm --tmpfs /home/inside -v {podman.directory}:/up/data {image} sh -c", "ls -d /etc/inside /data"
    )

    assert (done.status, done.text) == (0, "/data\n/etc/inside"), done.complaint
    podman.good(f"rmi --force {image}")


def test_a_container_becomes_an_image(podman: Podman, container: str):
    """commit keeps files and configuration; diff lists what was changed."""
    podman.good(f"run --name {container} box sh -c", "echo kept >/own; rm /etc/nothing-to-run")
    image = podman.name()
    podman.good(f"commit -q --change CMD=/bin/cat,/own {container} {image}")

    assert set(podman.good(f"diff {container}").split("\n")) >= {"A /own", "D /etc/nothing-to-run"}
    assert podman.good(f"run --rm {image} cat /own") == "kept"
    podman.good(f"rmi --force {image}")


def test_an_image_is_built(podman: Podman):
    """podman build runs each RUN in a container of the runtime, with users, directories and arguments."""
    context = podman.directory / podman.name()
    context.mkdir()
    (context / "file").write_text("copied\n")
    (context / "Containerfile").write_text(
        "FROM localhost/box\n"
        "ARG WORD=none\n"
        "COPY file /srv/\n"
        "WORKDIR /srv\n"
        "RUN echo $WORD >word && cat file >>word && id -u >>word\n"
        "USER guest\n"
        "RUN id -u >/tmp/user && ! touch /srv/x\n"
        "RUN --mount=type=tmpfs,target=/scratch touch /scratch/x\n"
        'CMD ["cat", "/srv/word", "/tmp/user"]\n'
    )
    image = podman.name()

    built = podman(f"build -q --network none --build-arg WORD=given --tag {image} {context}")

    assert (built.status, built.complaint.replace("touch: /srv/x: Permission denied", "").strip()) == (0, "")
    assert podman.good(f"run --rm {image}") == "given\ncopied\n0\n1000"
    podman.good(f"rmi --force {image}")


def test_a_failing_step_fails_the_build(podman: Podman):
    """The exit status of a RUN is what build says, and nothing is left of its container."""
    context = podman.directory / podman.name()
    context.mkdir()
    (context / "Containerfile").write_text("FROM localhost/box\nRUN exit 42\n")

    done = podman(f"build --network none {context}")

    assert (done.status, "exit status 42" in done.complaint) == (42, True), done.complaint


@pytest.mark.thorough
def test_prune_takes_what_is_stopped(podman: Podman):
    """container prune removes what ended and leaves alone what runs."""
    running, ended = podman.name(), podman.name()
    podman.good(f"run -d --name {running} box sleep 1000")
    podman.good(f"run --name {ended} box true")

    podman.good("container prune --force")

    assert podman(f"container exists {ended}").status == 1
    assert podman.inspect(running, "{{.State.Running}}") == "true"
    podman.remove(running)
