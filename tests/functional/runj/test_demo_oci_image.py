"""``runj demo oci-image``, and those who take its images."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import tarfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest

from tests.container.jails import make_root
from tests.functional.runj.command import Runj
from tests.functional.runj.releases import Site

NAME = "localhost/runjd-demo:1"
#: seconds; podman and skopeo start slowly on a busy machine
_PATIENCE = 40


def need(program: str) -> None:
    """Skip the test where a program is not there."""
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")


@pytest.fixture
def image(plain: Runj) -> str:
    """Return an image of a small root."""
    root, path = f"{plain.directory}/root", f"{plain.directory}/image.tar"
    make_root(root)
    assert plain.ok("demo", "oci-image", "-i", root, "-n", NAME, "--os", "linux", "-o", path) == f"{path}\n"
    return path


def output_of(words: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """Run a command that succeeds, with more variables in its environment; return what it wrote."""
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=_PATIENCE,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def running(words: Sequence[str], log: str, ready: Callable[[], object]) -> Iterator[None]:
    """Have a server run until the end of the block."""
    with open(log, "w") as written, subprocess.Popen(words, stdout=written, stderr=written) as server:
        try:
            while not ready():
                if server.poll() is not None:
                    with open(log) as file:
                        pytest.fail(f"{words[0]} ended: {file.read()}")
                try:
                    server.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
            yield
        finally:
            server.terminate()


def manifest_of(path: str) -> dict[str, object]:
    """Return the descriptor of the manifest that the index of an image names."""
    with tarfile.open(path) as archive:
        index = archive.extractfile("index.json")
        assert index is not None
        (entry,) = json.load(index)["manifests"]
    assert isinstance(entry, dict)
    return entry


def test_the_same_root_makes_the_same_image(plain: Runj, image: str) -> None:
    """To the byte, and nothing else is left beside it."""
    again = f"{plain.directory}/again.tar"
    plain.ok("demo", "oci-image", "-i", f"{plain.directory}/root", "-n", NAME, "--os", "linux", "-o", again)

    with open(image, "rb") as one, open(again, "rb") as other:
        assert one.read() == other.read()
    assert not [name for name in os.listdir(plain.directory) if name.startswith(".runj")]


def test_an_image_is_made_of_a_release(plain: Runj) -> None:
    """What --input does not give is fetched; the result is for FreeBSD, with a date that can be chosen."""
    archive = f"{plain.directory}/base.txz"
    make_root(f"{plain.directory}/root")
    with tarfile.open(archive, "w:xz", preset=0) as made:
        made.add(f"{plain.directory}/root", ".")
    with open(archive, "rb") as file:
        content = file.read()
    path = f"{plain.directory}/image.tar"
    with Site(content) as site:
        words = ["demo", "oci-image", "-m", "amd64", "-v", "14.2-RELEASE", "--base-url", site.url, "-o", path]
        done = plain(*words, env={"SOURCE_DATE_EPOCH": "86400"})
    assert done.returncode == 0, done.stderr

    entry = manifest_of(path)
    assert entry["platform"] == {"architecture": "amd64", "os": "freebsd"}
    assert "annotations" not in entry
    need("skopeo")
    assert json.loads(output_of(["skopeo", "inspect", "--config", f"oci-archive:{path}"]))["created"] == (
        "1970-01-02T00:00:00Z"
    )


def test_what_cannot_be_made_leaves_nothing(plain: Runj) -> None:
    """Neither a half image nor a scratch directory; an image that was there stays."""
    path = f"{plain.directory}/image.tar"
    with open(path, "w") as file:
        file.write("before")
    garbage = f"{plain.directory}/garbage"
    with open(garbage, "wb") as binary:
        binary.write(random.Random(1).randbytes(1000))

    assert "is neither a directory nor a tar archive" in plain.fails("demo", "oci-image", "-i", garbage, "-o", path)
    assert plain.fails("demo", "oci-image", "-i", "/no/such", "-o", path) == (
        "read /no/such: no such file or directory"
    )
    assert "write below /no/such: no such file" in plain.fails("demo", "oci-image", "-i", "/etc", "-o", "/no/such/x")
    os.mkdir(f"{plain.directory}/root")
    assert "lies within the root" in plain.fails(
        "demo", "oci-image", "-i", f"{plain.directory}/root", "-o", f"{plain.directory}/root/x.tar"
    )
    assert "give one of them" in plain.fails("demo", "oci-image", "-i", "/etc", "-v", "14.2-RELEASE")
    with open(path) as file:
        assert file.read() == "before"
    assert not [name for name in os.listdir(plain.directory) if name.startswith(".runj")]


def test_skopeo_takes_the_image(image: str) -> None:
    """It finds digest, layers and configuration."""
    need("skopeo")

    found = json.loads(output_of(["skopeo", "inspect", f"oci-archive:{image}"]))

    assert found["Digest"] == manifest_of(image)["digest"]
    assert (found["Architecture"], found["Os"], len(found["Layers"])) == (_architecture(), "linux", 1)


def test_an_image_gets_to_a_registry(plain: Runj, image: str) -> None:
    """By skopeo copy, as the page says, to a real one; and back again with the same digest."""
    need("skopeo")
    need("docker-registry")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    config = f"{plain.directory}/registry.yml"
    with open(config, "w") as file:
        file.write(
            f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {plain.directory}/registry\n"
            f"http:\n  addr: 127.0.0.1:{port}\n"
        )
    # where skopeo looks for passwords otherwise another user may have been
    passwords = {"REGISTRY_AUTH_FILE": f"{plain.directory}/auth.json"}
    with open(passwords["REGISTRY_AUTH_FILE"], "w") as file:
        file.write("{}")
    there = f"docker://127.0.0.1:{port}/freebsd:14.2"
    with running(
        ["docker-registry", "serve", config],
        f"{plain.directory}/registry.log",
        lambda: _answers(f"http://127.0.0.1:{port}/v2/"),
    ):
        output_of(["skopeo", "copy", "--dest-tls-verify=false", f"oci-archive:{image}", there], passwords)
        found = json.loads(output_of(["skopeo", "inspect", "--tls-verify=false", there], passwords))
        back = f"{plain.directory}/back.tar"
        output_of(["skopeo", "copy", "--src-tls-verify=false", there, f"oci-archive:{back}"], passwords)

    assert found["Digest"] == manifest_of(image)["digest"] == manifest_of(back)["digest"]


@pytest.mark.root
def test_podman_loads_the_image(plain: Runj, image: str) -> None:
    """By its name."""
    need("podman")
    podman = [
        "podman", "--root", f"{plain.directory}/podman", "--runroot", f"{plain.directory}/podman-run",
        "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file",
        "--tmpdir", f"{plain.directory}/podman-tmp",
    ]  # fmt: skip

    assert NAME in output_of([*podman, "load", "-i", image])
    assert output_of([*podman, "images", "--format", "{{.Repository}}:{{.Tag}}"]) == f"{NAME}\n"
    output_of([*podman, "rmi", "--all", "--force"])


@pytest.mark.root
def test_containerd_imports_the_image(plain: Runj, image: str) -> None:
    """By its name, and it can unpack the layer."""
    need("containerd")
    need("ctr")
    directory = f"{plain.directory}/containerd"
    config = f"{plain.directory}/containerd.toml"
    with open(config, "w") as file:
        file.write(
            f'version = 2\nroot = "{directory}/root"\nstate = "{directory}/state"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]\n'
            f'[grpc]\naddress = "{directory}/socket"\n'
        )
    ctr = ["ctr", "--address", f"{directory}/socket"]
    with running(
        ["containerd", "--config", config],
        f"{plain.directory}/containerd.log",
        lambda: subprocess.run([*ctr, "version"], capture_output=True, check=False).returncode == 0,
    ):
        output_of([*ctr, "image", "import", "--snapshotter", "native", image])
        found = output_of([*ctr, "image", "ls"])

    assert f"{NAME} " in found
    assert str(manifest_of(image)["digest"]) in found


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False
