"""``runj demo download``."""

from __future__ import annotations

import fcntl
import os
import pty
import random
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.container.jails import read_until, until, wait
from tests.functional.runj.command import Runj
from tests.functional.runj.releases import Site

_CONTENT = random.Random(3).randbytes(1 << 20)
_HALF = len(_CONTENT) // 2


@pytest.fixture
def site() -> Iterator[Site]:
    """Return a site with one release."""
    with Site(_CONTENT) as running:
        yield running


def words(site: Site, path: str) -> list[str]:
    """Return the command that fetches the release."""
    return ["demo", "download", "--base-url", site.url, "-m", "amd64", "-a", "amd64", "-v", "14.2-RELEASE", "-o", path]


def read(path: str) -> bytes:
    """Return what is in a file."""
    with open(path, "rb") as file:
        return file.read()


def test_a_release_is_fetched(plain: Runj, site: Site) -> None:
    """Its digest is that of the MANIFEST, and nothing but the file is left."""
    path = f"{plain.directory}/base.txz"

    done = plain(*words(site, path))

    assert (done.returncode, done.stdout) == (0, f"{path}\n")
    assert "machine amd64, architecture amd64, version 14.2-RELEASE" in done.stderr
    assert "100%  1.0 of 1.0 MiB" in done.stderr
    assert read(path) == _CONTENT
    assert [name for name in os.listdir(plain.directory) if "base" in name] == ["base.txz"]


def test_what_is_there_is_not_fetched_again(plain: Runj, site: Site) -> None:
    """Where the digest says that it is the same."""
    path = f"{plain.directory}/base.txz"
    plain.ok(*words(site, path))
    plain.ok(*words(site, path))

    assert [name for name, _, _ in site.asked] == ["MANIFEST", "base.txz", "MANIFEST"]


@pytest.mark.parametrize("has_manifest", [True, False])
def test_a_broken_transfer_goes_on_where_it_ended(plain: Runj, site: Site, has_manifest: bool) -> None:
    """The part stays, the message says so, and the next call asks for the rest alone."""
    path = f"{plain.directory}/base.txz"
    if not has_manifest:
        site.manifest = None
    site.cut = _HALF
    done = plain(*words(site, path))
    assert done.returncode == 1
    assert f"the connection ended after {_HALF} of {len(_CONTENT)} bytes; call again for the rest" in done.stderr
    assert not os.path.exists(path)

    site.cut = 0
    plain.ok(*words(site, path))

    assert read(path) == _CONTENT
    assert site.asked[-1] == ("base.txz", f"bytes={_HALF}-", 206)


def test_a_file_that_changed_meanwhile_is_fetched_as_a_whole(plain: Runj, site: Site) -> None:
    """Where no digest would tell, the rest is asked for on condition that the file is the same."""
    path = f"{plain.directory}/base.txz"
    site.manifest = None
    site.cut = _HALF
    plain(*words(site, path))

    site.cut, site.changed, site.content = 0, site.changed + 1, _CONTENT[::-1]
    plain.ok(*words(site, path))

    assert read(path) == _CONTENT[::-1]


def test_a_site_that_knows_no_parts_sends_the_whole(plain: Runj, site: Site) -> None:
    """What was there already is written again."""
    path = f"{plain.directory}/base.txz"
    site.cut, site.has_ranges = _HALF, False
    plain(*words(site, path))
    site.cut = 0

    plain.ok(*words(site, path))

    assert read(path) == _CONTENT


def test_a_part_that_is_whole_is_not_fetched_again(plain: Runj, site: Site) -> None:
    """A call that was killed before it could give the file its name."""
    path = f"{plain.directory}/base.txz"
    with open(f"{path}.part", "wb") as file:
        file.write(_CONTENT)

    plain.ok(*words(site, path))

    assert read(path) == _CONTENT


def test_a_wrong_digest_is_told_and_the_file_removed(plain: Runj, site: Site) -> None:
    """Both digests are named; the file that was there before stays."""
    path = f"{plain.directory}/base.txz"
    with open(path, "wb") as file:
        file.write(b"before")
    site.content = b"something else"

    done = plain(*words(site, path))

    assert done.returncode == 1
    assert "the digest is " in done.stderr
    assert "but the MANIFEST says " in done.stderr
    assert read(path) == b"before"
    assert not os.path.exists(f"{path}.part")


def test_a_release_without_a_manifest_is_taken_unchecked(plain: Runj, site: Site) -> None:
    """It is said."""
    site.manifest = None

    done = plain(*words(site, f"{plain.directory}/base.txz"))

    assert done.returncode == 0
    assert "there is no MANIFEST, so the digest is not checked" in done.stderr


def test_a_manifest_that_lacks_the_file_is_an_error(plain: Runj, site: Site) -> None:
    """A site that has digests has this one, too."""
    site.manifest = "kernel.txz\tabc\n"

    done = plain(*words(site, f"{plain.directory}/base.txz"))

    assert done.stderr.endswith("runj: the MANIFEST of the release has no digest of base.txz\n")


def test_what_cannot_be_fetched_is_told_with_its_address(plain: Runj, site: Site) -> None:
    """No such release, nobody who listens, no address at all, no directory."""
    path = f"{plain.directory}/base.txz"
    url = site.url

    missing = plain(*words(site, path), "-v", "1.0-RELEASE")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        refused = plain(*words(site, path), "--base-url", f"http://127.0.0.1:{port}")
    nowhere = plain(*words(site, path), "--base-url", "gopher://x")
    unwritable = plain(*words(site, "/no/such/base.txz"))

    assert f"{url}/amd64/amd64/1.0-RELEASE/base.txz: not found (404); is there such a release?" in missing.stderr
    assert f"http://127.0.0.1:{port}/amd64/amd64/14.2-RELEASE/MANIFEST: connection refused" in refused.stderr
    assert "is no address; it begins with http://, https://" in nowhere.stderr
    assert "write /no/such/base.txz.part: no such file or directory" in unwritable.stderr
    assert {done.returncode for done in (missing, refused, nowhere, unwritable)} == {1}


def test_the_base_url_may_come_from_the_environment(plain: Runj, site: Site) -> None:
    """$RUNJ_RELEASES, which the option overrides."""
    path = f"{plain.directory}/base.txz"
    line = [word for word in words(site, path) if word not in ("--base-url", site.url)]

    assert plain(*line, env={"RUNJ_RELEASES": site.url}).returncode == 0
    assert read(path) == _CONTENT


def test_two_downloads_do_not_write_to_one_file(plain: Runj, site: Site) -> None:
    """The second one is told."""
    path = f"{plain.directory}/base.txz"
    with open(f"{path}.part", "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        assert f"{path}.part is being written by another download" in plain(*words(site, path)).stderr


@pytest.mark.parametrize("colour", [True, False])
def test_a_person_sees_a_bar(plain: Runj, site: Site, colour: bool) -> None:
    """On a terminal, in colours unless NO_COLOR is set."""
    argv = plain.argv(*words(site, f"{plain.directory}/base.txz"))
    pid, master = pty.fork()
    if pid == 0:
        try:
            os.execve(argv[0], argv, {"TERM": "xterm"} | ({} if colour else {"NO_COLOR": "1"}))
        finally:
            os._exit(99)

    shown = read_until(master, "100%")

    assert wait(pid) == 0
    assert ("\x1b[32m[" in shown) == colour
    assert "[####" in shown
    os.close(master)


def test_an_interrupted_download_keeps_its_part(plain: Runj, site: Site) -> None:
    """Ctrl-C says one line, and the rest is fetched later."""
    path = f"{plain.directory}/base.txz"
    with socket.create_server(("127.0.0.1", 0)) as slow:
        url = f"http://127.0.0.1:{slow.getsockname()[1]}"
        argv = plain.argv(*words(site, path), "--base-url", url)
        with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as running:
            for answer in (
                b"HTTP/1.0 404 Not Found\r\n\r\n",
                b"HTTP/1.0 200 OK\r\nContent-Length: 1048576\r\n\r\n" + _CONTENT[:300_000],
            ):
                connection, _ = slow.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)
                    if b"200" in answer:
                        assert running.stderr is not None
                        until(lambda: _size(f"{path}.part") >= 1 << 18, "a part is there")
                        running.send_signal(2)
                        assert running.wait(10) == 1
            assert running.stderr is not None
            assert running.stderr.read().endswith("runj: interrupted\n")

    plain.ok(*words(site, path))
    assert read(path) == _CONTENT


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0
