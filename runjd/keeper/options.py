"""The keeper's command line."""

from __future__ import annotations

from runjd.errors import BadArgument
from runjd.keeper.spare import PATIENCE
from runjd.values import Value

USAGE = """\
usage: runjd-keeper --root STATE_DIR --dir KEEPER_DIR [--worker-time SECONDS] [--spool-size BYTES]
                    [--spare-time SECONDS] [--foreground]

Parent and reaper of the processes of all jails. It is started by the runjd daemon,
goes into the background, and ends when the daemon tells it to and no jail lives.

  --root STATE_DIR       where the records of the jails are
  --dir KEEPER_DIR       where its lock, socket, log and exit records are
  --worker-time SECONDS  how long one operation on a jail may take (default 60)
  --spool-size BYTES     how much of each stream to keep while there is no daemon;
                         0: nothing (default 1048576)
  --spare-time SECONDS   how long a process for the next operation is kept after one;
                         0: not at all (default 30)
  --foreground           do not go into the background
"""


class Options(Value):
    """
    What was asked for; paths are absolute.

    :ivar resume: descriptor of what an earlier version hands over to us, -1 where we begin.
    :ivar rehearse: the same, where we only say whether we could.
    """

    root: str
    directory: str
    worker_time: float = 60.0
    foreground: bool = False
    spool_size: int = 1 << 20
    spare_time: float = PATIENCE
    resume: int = -1
    rehearse: int = -1


def parse(arguments: list[str], cwd: str) -> Options:
    """
    Read the command line.

    :raise BadArgument: it makes no sense.
    """
    given: dict[str, str] = {}
    foreground = False
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--foreground":
            foreground = True
        elif name in ("--root", "--dir", "--worker-time", "--spool-size", "--spare-time", "--resume", "--rehearse"):
            text = value if equals else next(words, "")
            if not text:
                raise BadArgument(f"{name} needs a value")
            given[name] = text
        else:
            raise BadArgument(f'unknown argument "{word}"')
    for name in ("--root", "--dir"):
        if name not in given:
            raise BadArgument(f"{name} is missing")
    return Options(
        f"{cwd}/{given['--root']}" if given["--root"][0] != "/" else given["--root"],
        f"{cwd}/{given['--dir']}" if given["--dir"][0] != "/" else given["--dir"],
        _seconds("--worker-time", given.get("--worker-time", "60")),
        foreground,
        _bytes(given.get("--spool-size", "1048576")),
        _seconds("--spare-time", given["--spare-time"], 0.0) if "--spare-time" in given else PATIENCE,
        *(_descriptor(given.get(name)) for name in ("--resume", "--rehearse")),
    )


def _seconds(name: str, text: str, least: float = 0.001) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not least <= seconds < 86400.0:
        raise BadArgument(f'{name} is a number of seconds, not "{text}"')
    return seconds


def _bytes(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 12:
        raise BadArgument(f'--spool-size is a number of bytes, not "{text}"')
    return int(text)


def _descriptor(text: str | None) -> int:
    if text is None:
        return -1
    if not text.isdecimal() or not text.isascii() or len(text) > 9:
        raise BadArgument(f'"{text}" is no descriptor; keepers pass it to one another')
    return int(text)
