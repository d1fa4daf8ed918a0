"""
Says whether OpenSSL can use papers: a program of the daemon's.

It is given them on standard input, and says on standard output which of them cannot be used, and why.
"""

from __future__ import annotations

import json
import os

from runjd.access.papers import Refused, papers_from_json
from runjd.access.showing import load


def main() -> None:
    """Read, judge, and say."""
    with open(0, "rb", closefd=False) as given:
        papers = papers_from_json(json.loads(given.read()))
    try:
        load(papers)
        said = "", ""
    except Refused as refused:
        said = refused.key, str(refused)
    os.write(1, json.dumps(said).encode("ascii"))
