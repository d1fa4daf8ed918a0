"""buildah run and bud, which call the runtime without conmon."""

import shutil
from collections.abc import Iterator

import pytest

from tests.peers.machine import Done
from tests.peers.podman import Podman
from tests.peers.thorough import thorough

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not shutil.which("buildah"), reason="buildah is not installed (as root, make test installs it)"),
]


class Buildah:
    """buildah with a working container of the image ``box``."""

    def __init__(self, podman: Podman) -> None:
        self._podman = podman
        self.container = self("from", "--name", podman.name(), "localhost/box").text

    def __call__(self, *words: str, data: bytes = b"") -> Done:
        """Run buildah to its end."""
        return self._podman.machine.run("buildah", *words, data=data)

    def run(self, options: str, *words: str, data: bytes = b"") -> Done:
        """Run a command in the working container."""
        runtime = ("--runtime", self._podman.path, "--isolation", "oci")
        return self("run", *runtime, *options.split(), self.container, "--", *words, data=data)


@pytest.fixture
def buildah(podman: Podman) -> Iterator[Buildah]:
    """Return buildah with a working container, which is removed."""
    made = Buildah(podman)
    yield made
    assert made("rm", made.container).status == 0


@pytest.mark.parametrize(
    ("options", "script", "status", "out"),
    [
        ("--network none", "exit 42", 42, ""),
        ("--network none", "echo out; echo err >&2", 0, "out"),
        ("--network none --user guest --workingdir /tmp", "id -un; pwd", 0, "guest\n/tmp"),
        ("--network none", "grep Seccomp: /proc/self/status", 0, "Seccomp:\t2"),
        *thorough(
            ("--network host", "id -u; pwd", 0, "0\n/"),
            ("--network none --env A=1 --hostname built", "echo $A; hostname", 0, "1\nbuilt"),
            ("--network none --cap-drop all", "grep CapEff /proc/self/status", 0, "CapEff:\t0000000000000000"),
            ("--network none --mount type=tmpfs,dst=/scratch", "touch /scratch/x && ls /scratch", 0, "x"),
            ("--network none --volume /etc/hostname:/there:ro", "test -s /there && ! touch /there 2>&-", 0, ""),
        ),
    ],
)  # fmt: skip
def test_run_executes_in_the_working_container(buildah: Buildah, options: str, script: str, status: int, out: str):
    """The options of buildah run reach the program, whose exit status and output come back."""
    done = buildah.run(options, "sh", "-c", script)

    assert (done.text, done.status) == (out, status), done.complaint


def test_what_run_wrote_is_in_the_image(podman: Podman, buildah: Buildah):
    """What one run writes the next one finds, and the image that is committed holds it."""
    image = podman.name()
    assert buildah.run("--network none", "sh", "-c", "echo one >/one").status == 0
    assert buildah.run("--network none", "cat", "/one").text == "one"

    assert buildah("commit", "-q", buildah.container, image).status == 0
    assert podman.good(f"run --rm {image} cat /one") == "one"
    podman.good(f"rmi --force {image}")


def test_run_reads_its_input(buildah: Buildah):
    """Standard input goes through, to its end."""
    data = bytes(range(256)) * 1000

    assert buildah.run("--network none", "cat", data=data).out == data


def test_a_terminal_is_given(podman: Podman, buildah: Buildah):
    """buildah run --tty gives the program a terminal."""
    line = ["buildah", "run", "--runtime", podman.path, "--isolation", "oci", "--network", "none", "--tty"]
    with podman.conversation([*line, buildah.container, "--", "sh", "-c", "tty; echo done"]) as screen:
        screen.expect(b"/dev/pts/0\r\ndone")
        assert screen.status() == 0


def test_a_missing_program_is_told(buildah: Buildah):
    """What cannot run is a failure with a reason."""
    done = buildah.run("--network none", "no-such-program")

    assert done.status != 0
    assert "no-such-program" in done.complaint


def test_bud_runs_each_step(podman: Podman):
    """buildah bud builds an image from a file, each RUN by the runtime."""
    context = podman.directory / podman.name()
    context.mkdir()
    (context / "Containerfile").write_text(
        "FROM localhost/box\nRUN echo built >/built\nRUN test $(cat /built) = built\n"
    )
    image = podman.name()

    line = ["buildah", "bud", "-q", "--isolation", "oci", "--network", "none", "--runtime", podman.path]
    assert podman.machine.run(*line, "-t", image, str(context)).status == 0

    assert podman.good(f"run --rm {image} cat /built") == "built"
    podman.good(f"rmi --force {image}")
