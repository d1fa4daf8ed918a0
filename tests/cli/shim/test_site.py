"""Which daemon a container is given to."""

from __future__ import annotations

import os
import socket

import pytest

from runjd.cli.shim import site
from runjd.cli.shim.site import PRIVATE, Site, choose


@pytest.mark.parametrize(
    ("environment", "chosen"),
    [
        ({}, Site(PRIVATE, True)),
        ({b"RUNJD_STATE": b"/a"}, Site("/a", False)),
        ({b"RUNJD_PRIVATE_STATE": b"/b"}, Site("/b", True)),
        ({b"RUNJD_STATE": b"/a", b"RUNJD_PRIVATE_STATE": b"/b"}, Site("/a", False)),
        ({b"RUNJD_STATE": b""}, Site(PRIVATE, True)),
    ],
)
def test_a_daemon_may_be_named(environment, chosen, monkeypatch, tmp_path):
    """One that somebody else starts, or the directory of one that is started; without any, there is one of our own."""
    monkeypatch.setattr(site, "SYSTEM", str(tmp_path))

    assert choose(environment) == chosen


def test_the_daemon_of_the_system_comes_first(monkeypatch, private_dir):
    """As long as its socket is there, so also while it is away after it was killed."""
    monkeypatch.setattr(site, "SYSTEM", private_dir)
    system = Site(private_dir, False)

    os.mkdir(system.directory)
    assert choose({}) == Site(PRIVATE, True)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(f"{system.directory}/socket")

    assert choose({}) == system
    assert system.directory == f"{private_dir}/containerd"
    assert choose({b"RUNJD_PRIVATE_STATE": b"/b"}) == Site("/b", True)
