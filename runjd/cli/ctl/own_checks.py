"""What doctor looks at beside the host itself: what runjd has there."""

from __future__ import annotations

import _socket
import os
from math import inf

from runjd.cli.ctl.packages import find_packages
from runjd.errors import RunjdError
from runjd.runtime.findings import BAD, GOOD, LACKING, Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runjd.config.model import Configuration

#: leftovers that are named
_SOME = 5


def check_own(state: str, config: str) -> Iterator[Finding]:
    """
    Yield what was found.

    :param state: the daemon's directory of volatile state.
    :param config: the configuration, which need not be there.
    """
    find_packages()
    from runjd.runtime.packages import check_packages

    yield from check_packages()
    yield from _check_configuration(config)
    yield check_socket(f"{state}/control")
    yield check_leftovers(f"{state}/state")


def check_socket(path: str) -> Finding:
    """Look whether a daemon listens."""
    subject = f"socket {path}"
    if not os.path.lexists(path):
        return Finding(subject, GOOD, "is not there: no daemon runs")
    made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        made.settimeout(5)
        made.connect(os.fsencode(path))
    except ConnectionRefusedError:
        return Finding(subject, LACKING, "nobody listens: a daemon was killed", "start the daemon, which replaces it")
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        return Finding(subject, LACKING, reason, "try as root, or as a member of its group")
    finally:
        made.close()
    return Finding(subject, GOOD, "a daemon listens")


def check_leftovers(root: str) -> Finding:
    """Look for containers that do not run and that nobody works on; a daemon that starts removes them."""
    from runjd.container.store import Store
    from runjd.container.survey import survey

    subject = f"containers in {root}"
    try:
        found = survey(Store(root), ())
    except RunjdError as error:
        return Finding(subject, LACKING, error.message, "try as root")
    if found.unclear:
        text = f"{_some(found.unclear)}: damaged records of what may run"
        return Finding(subject, BAD, text, "see that nothing of them runs, then runjctl delete --force")
    if found.left:
        advice = "start the daemon, or delete them by runj --root"
        return Finding(subject, LACKING, f"{_some(found.left)}: left over, and nothing of them runs", advice)
    return Finding(subject, GOOD, f"{len(found.live)} run, and none is left over")


def _check_configuration(config: str) -> Iterator[Finding]:
    from runjd.config.faults import ConfigError
    from runjd.config.load import load

    subject = f"configuration {config}"
    if not os.path.lexists(config):
        yield Finding(subject, GOOD, "is not there, which is as good")
        return
    try:
        found = load(config)
    except ConfigError as error:
        yield Finding(subject, BAD, str(error), "runjctl check tells all that is wrong")
        return
    yield Finding(subject, GOOD, f"{len(found.jails)} jail{'' if len(found.jails) == 1 else 's'}, nothing wrong")
    yield from _check_certificate(found)


def _check_certificate(configuration: Configuration) -> Iterator[Finding]:
    tls = configuration.daemon.tls
    if tls is None:
        return
    subject = f"certificate {tls.certificate}"
    try:
        from runjd.access.showing import load_files
    except ImportError as error:
        yield Finding(subject, BAD, f"cannot be used without {error.name}, nor TLS", "take a Python that has it")
        return
    from runjd.access.paperfiles import read_papers
    from runjd.access.papers import Refused
    from runjd.access.validity import FEW_DAYS, days_left
    from runjd.config.faults import ConfigError

    advice = "see TLS in runjd(8)"
    try:
        papers = read_papers(tls, configuration.file)
        load_files(papers, tls.certificate, tls.key)
    except ConfigError as error:
        yield Finding(subject, BAD, error.faults[0].reason, advice)
        return
    except Refused as refused:
        yield Finding(subject, BAD, f"{getattr(tls, refused.key)} {refused}", advice)
        return
    again = "put another one there (runjctl certs makes them), and reload"
    for key, left in days_left(papers).items():
        subject = f"{'certificate' if key == 'certificate' else 'authority'} {getattr(tls, key)}"
        if left <= 0:
            yield Finding(subject, BAD, "has expired", again)
        elif left < FEW_DAYS:
            yield Finding(subject, LACKING, f"expires in {left:.0f} days", again)
        else:
            yield Finding(subject, GOOD, "can be used" if left == inf else f"is good for {left:.0f} days")


def _some(ids: tuple[str, ...]) -> str:
    more = len(ids) - _SOME
    return ", ".join(ids[:_SOME]) + (f" and {more} more" if more > 0 else "")
