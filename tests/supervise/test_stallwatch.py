"""A reactor that is stuck is told while it is, with the place where it is; real reactors, really stuck."""

import os
import re
import signal
import subprocess
import sys
import time

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

REACTOR = """
import sys, time
sys.path.insert(0, {checkout!r})
from twisted.internet import reactor
from twisted.logger import globalLogBeginner, textFileLogObserver
from runjd.supervise.pulse import Pulse
from runjd.supervise.stallwatch import StallWatch

def look_up_a_name():
    time.sleep(3.6)

globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
stalls = StallWatch()
pulse = Pulse(reactor, stalls.beat)
stalls.start()
pulse.start()
reactor.callLater(0.1, {call})
reactor.callLater({last}, reactor.stop)
reactor.run()
stalls.stop()
print(pulse.lag.stalls, "stalls")
"""


def start(call, last):
    """Start a process with a reactor that does something."""
    script = REACTOR.format(checkout=CHECKOUT, call=call, last=last)
    return subprocess.Popen([sys.executable, "-u", "-c", script], stdout=subprocess.PIPE, text=True)


def test_a_stuck_reactor_is_told_with_its_stack():
    """The line comes while it is stuck and has the function; another one says that it goes on, and how late."""
    with start("look_up_a_name", 4) as process:
        first = process.stdout.readline()
        began = time.monotonic()
        rest = process.stdout.read()
        took = time.monotonic() - began

    assert re.search(r"the reactor does not go on; for [23]\.\d s nothing else was done", first)
    assert "look_up_a_name" in rest
    assert re.search(r"the reactor goes on, [123]\.\d s late", rest)
    assert rest.count("does not go on") == 0
    assert rest.endswith("1 stalls\n")
    assert took > 0.5


def test_a_stopped_process_blames_nobody():
    """Who stops and continues the whole daemon sees a late beat, and no stack of what has nothing to do with it."""
    with start("lambda: print('ready')", 4) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.4)
        process.send_signal(signal.SIGCONT)
        said = process.stdout.read()

    assert "does not go on" not in said
    assert re.search(r"the reactor goes on, [12]\.\d s late", said)
