"""The log of the daemon in the journal's manner."""

import io
import os

from twisted.application.service import Application, MultiService
from twisted.logger import ILogObserver, Logger, LogLevel, LogPublisher

from runjd.supervise.journal import JournalObserver, leads_to_journal, logged


def test_lines_have_priorities():
    """Each line of an event has that of the event; tracebacks too, and neither has a time."""
    written = io.StringIO()
    publisher = LogPublisher(JournalObserver(written))
    log = Logger("x", observer=publisher)

    log.debug("fine")
    log.info("{n} jails", n=3)
    log.warn("odd\nvery odd")
    log.error("wrong")
    log.critical("dead")
    try:
        raise KeyError("web")
    except KeyError:
        log.failure("a fault")
    publisher({"log_level": LogLevel.info, "log_format": ""})

    lines = written.getvalue().splitlines()
    assert lines[:6] == ["<7>fine", "<6>3 jails", "<4>odd", "<4>very odd", "<3>wrong", "<2>dead"]
    assert lines[6] == "<2>a fault"
    assert lines[-1] == "<2>builtins.KeyError: 'web'"
    assert all(line.startswith("<2>") for line in lines[6:])


def test_a_journal_that_is_gone_stops_nobody(tmp_path):
    """What cannot be written is lost."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", buffering=1, encoding="utf-8") as stream:
        Logger("x", observer=JournalObserver(stream)).info("hello")
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def test_a_stream_leads_to_the_journal_where_the_environment_says_so(tmp_path):
    """By device and inode, as systemd tells them; a stream that was redirected since is another one."""
    with open(tmp_path / "journal", "w", encoding="utf-8") as stream, open(os.devnull, encoding="utf-8") as other:
        found = os.fstat(stream.fileno())
        said = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}

        assert leads_to_journal(stream.fileno(), said)
        assert not leads_to_journal(other.fileno(), said)
        assert not leads_to_journal(stream.fileno(), {})
        assert not leads_to_journal(stream.fileno(), {"JOURNAL_STREAM": "nonsense"})
    assert not leads_to_journal(1 << 20, said)


def test_a_log_among_the_volatile_state_is_bounded(tmp_path):
    """It may be memory, and is nobody's to rotate; one that lies elsewhere is left to twistd."""
    options = {"nodaemon": 1, "syslog": 0, "logger": None, "logfile": f"{tmp_path}/state/daemon.log"}
    (tmp_path / "state").mkdir()
    application = Application("runjd")
    logged(MultiService(), options, f"{tmp_path}/state").setServiceParent(application)
    log = Logger("x", observer=application.getComponent(ILogObserver))
    for number in range(6_000):
        log.info("{number} {text}", number=number, text="x" * 1000)

    application.getComponent(ILogObserver)._outFile.close()
    sizes = [each.stat().st_size for each in (tmp_path / "state").iterdir()]
    assert len(sizes) == 4
    assert sum(sizes) < 5 << 20
    assert "5999 xxx" in (tmp_path / "state" / "daemon.log").read_text()
    plain = MultiService()
    assert logged(plain, options | {"logfile": f"{tmp_path}/other.log"}, f"{tmp_path}/state") is plain
