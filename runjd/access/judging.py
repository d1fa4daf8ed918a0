"""
Having it judged whether papers can be used, by a process that lives for that.

OpenSSL knows, and what it loads for that it would keep in the memory of the daemon.
"""

from __future__ import annotations

import json
import subprocess

from runjd.access.ownprogram import own_program
from runjd.access.papers import Papers, Refused
from runjd.errors import InputOutput

#: seconds that it may take
_LIMIT = 30.0


def judge(papers: Papers) -> None:
    """
    Have it judged; blocks.

    :raise Refused: naming what cannot be used.
    :raise InputOutput: nobody could judge.
    """
    asked = json.dumps(papers.to_json()).encode("ascii")
    try:
        done = subprocess.run(
            own_program("runjd.access.judge"),
            input=asked,
            capture_output=True,
            cwd="/",
            env={},
            timeout=_LIMIT,
            check=False,
        )
        key, reason = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError) as error:
        raise InputOutput(f"no process could look at the certificates: {error}") from None
    except ValueError:
        words = done.stderr.decode("utf-8", "replace").splitlines()[-1:]
        raise InputOutput(
            "the process that looks at certificates did not say whether they can be used: "
            f"{' '.join(words) or f'it ended with {done.returncode}'}; see whether Python has its module ssl"
        ) from None
    if key:
        raise Refused(key, reason)
