"""``runj spec``."""

from __future__ import annotations

import json
import os
import stat

import pytest

from runjd.runtime.freebsd.plan import make_plan
from runjd.spec.parse import parse_config
from tests.container.jails import make_root
from tests.functional.runj.command import Runj


def test_the_document_can_be_run(runj: Runj) -> None:
    """For the runtime in use, once there is a root and no terminal is asked for."""
    bundle = f"{runj.directory}/new"
    os.mkdir(bundle)
    before = os.umask(0o027)
    try:
        assert runj.ok("spec", "--bundle", bundle) == ""
    finally:
        os.umask(before)
    path = f"{bundle}/config.json"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640

    with open(path) as file:
        document = json.load(file)
    assert (document["process"]["args"], document["process"]["terminal"]) == (["sh"], True)
    document["process"] |= {"args": ["sh", "-c", "echo $((6 * 7))"], "terminal": False}
    with open(path, "w") as file:
        json.dump(document, file)
    if runj.jails.runtime == "linux":
        make_root(f"{bundle}/rootfs")

    assert runj.ok("run", "-b", bundle, "web") == "42\n"


@pytest.mark.parametrize("words", [("spec", "--freebsd"), ("demo", "spec")])
def test_a_document_of_a_jail_is_written_everywhere(plain: Runj, words: tuple[str, ...]) -> None:
    """It is one that the runtime of jails takes, though none can be made here."""
    bundle = f"{plain.directory}/new"
    os.mkdir(bundle)

    plain.ok(*words, "-b", bundle)

    with open(f"{bundle}/config.json", "rb") as file:
        config = parse_config(file.read(), file.name)
    assert make_plan(config, bundle, "web", "/alias").root == f"{bundle}/rootfs"


def test_nothing_is_overwritten(plain: Runj) -> None:
    """A document that is there, and be it a link to nowhere, stays; the message says what to do."""
    bundle = plain.bundle(["true"])
    path = f"{bundle}/config.json"
    with open(path) as file:
        before = file.read()

    assert plain.fails("spec", "-b", bundle) == f"{path} exists; move it away first, it is not overwritten"
    with open(path) as file:
        assert file.read() == before
    os.unlink(path)
    os.symlink("nowhere", path)
    assert "it is not overwritten" in plain.fails("spec", "-b", bundle)
    assert os.readlink(path) == "nowhere"


def test_the_working_directory_is_the_default(plain: Runj) -> None:
    """As runc does."""
    here = os.getcwd()
    os.chdir(plain.directory)
    try:
        plain.ok("spec")
    finally:
        os.chdir(here)

    assert os.path.exists(f"{plain.directory}/config.json")


def test_what_cannot_be_written_is_told(plain: Runj) -> None:
    """A missing directory, and an option of runc that has no meaning here."""
    assert plain.fails("spec", "-b", "/no/such") == "write /no/such/config.json: no such file or directory"
    assert "--rootless is not supported" in plain.fails("spec", "--rootless")
