"""The process that says whether papers can be used."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from runjd.access.judging import judge
from runjd.access.paperfiles import read_papers
from runjd.access.papers import Papers, Refused
from runjd.errors import InputOutput
from tests.access.papers import authority, tls_of


def papers_of(directory: str) -> Papers:
    """Return the papers in a directory."""
    return read_papers(tls_of(directory), "runjd.toml")


def test_what_can_be_used_is_not_refused(tmp_path: Path) -> None:
    """And text of other alphabets around it matters to nobody, nor how long it is."""
    papers = papers_of(authority(tmp_path / "tls"))
    judge(papers)
    judge(papers._replace(certificate="Zürich\n".encode() * 20_000 + papers.certificate))


def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    """No descriptor, no process."""
    papers = papers_of(authority(tmp_path / "tls"))
    before = sorted(os.listdir("/dev/fd"))
    judge(papers)
    with pytest.raises(Refused):
        judge(papers._replace(key=b"nonsense"))

    assert sorted(os.listdir("/dev/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_who_cannot_judge_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where Python was made without OpenSSL: that is no fault of the files."""
    papers = papers_of(authority(tmp_path / "tls"))
    (tmp_path / "ssl.py").write_text("raise ImportError('No module named _ssl')\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    with pytest.raises(InputOutput, match="No module named _ssl; see whether Python has its module ssl"):
        judge(papers)
