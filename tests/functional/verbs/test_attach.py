"""ATTACH over a real socket."""

from __future__ import annotations

import pytest_twisted

from runjd.protocols.control.verbs.scrollback import MAX_SCROLLBACK


@pytest_twisted.ensureDeferred
async def test_raw_bytes_both_ways(jails, wire):
    """After the reply all bytes are the program's, until it ends."""
    assert await wire.say("attach web") == "+ jail=web pid=2210 mode=raw tty=no session=1 input=yes"

    wire.send(b"\x00\xff\r\nhello\n")
    assert await wire.bytes(10) == b"\x00\xff\r\nhello\n"
    wire.send(b"err oops\nexit 3\n")
    assert await wire.end() == b"oops\n"


@pytest_twisted.ensureDeferred
async def test_frames(server, wire):
    """Frames carry both streams, the size of the terminal, and the exit."""
    server.run("sh", (24, 80))
    assert await wire.say("7 attach sh mode=frame rows=40 cols=120") == (
        "+7 jail=sh pid=2210 mode=frame tty=yes session=1 input=yes"
    )
    assert server.jails.size("sh") == (40, 120)

    wire.send(b"W 5\n50 99Q 3\nabcI 3\nhi\n")
    assert await wire.bytes(7) == b"O 3\nhi\n"
    assert server.jails.size("sh") == (50, 99)
    server.jails.output("sh", b"bad\n", "err")
    assert await wire.bytes(8) == b"E 4\nbad\n"
    server.jails.exit("sh", None, 9)
    assert await wire.end() == b"X 8\nsignal=9"


@pytest_twisted.ensureDeferred
async def test_a_paused_client_is_told_what_it_lost(server, jails, wire):
    """Between P and C the jail goes on, and G tells how much was left out."""
    await wire.say("attach web mode=frame")
    wire.send(b"P 0\n")
    await server.pause(0.02)
    jails.output("web", b"x" * 1000)
    wire.send(b"C 0\n")

    assert await wire.bytes(13) == b"G 9\nlost=1000"


@pytest_twisted.ensureDeferred
async def test_closing_stdin_by_frame(jails, wire):
    """I 0 closes the program's standard input."""
    await wire.say("attach web mode=frame")

    wire.send(b"I 0\n")

    assert await wire.end() == b"X 6\nexit=0"


@pytest_twisted.ensureDeferred
async def test_refused_while_anything_is_open(jails, wire):
    """Tagged requests, follows and subscriptions refuse a stream; the connection can be used further."""
    wire.send("1 wait web")
    assert (await wire.say("attach web")).startswith('- STATE msg="the request with the tag 1 is in flight')
    wire.send("cancel 1")
    await wire.lines(2)
    await wire.say("subscribe")
    assert await wire.say("attach web mode=frame rows=40 cols=120") == (
        '- STATE msg="a subscription is open on this connection; attach on another one"'
    )
    await wire.say("unsubscribe")
    assert (await wire.say("attach web")).startswith("+ jail=web ")


@pytest_twisted.ensureDeferred
async def test_bytes_behind_a_refused_request_close(jails, wire):
    """What was meant for a program is never read as a command."""
    wire.send("attach nothing\ndelete web force=yes")

    lines = (await wire.end()).decode().splitlines()

    assert [line[:9] for line in lines] == ["- NOJAIL ", "-? BYE ms"]
    assert jails.facts("web").pid


@pytest_twisted.ensureDeferred
async def test_bytes_behind_an_accepted_request_are_input(jails, wire):
    """A client that did not wait for the reply loses nothing."""
    wire.send("attach web\nhello\n")

    assert await wire.line() == "+ jail=web pid=2210 mode=raw tty=no session=1 input=yes"
    assert await wire.bytes(6) == b"hello\n"


@pytest_twisted.ensureDeferred
async def test_a_client_that_vanishes_in_a_frame(server, jails, wire):
    """Half a frame at the end is nothing to anybody."""
    await wire.say("attach web mode=frame")
    wire.send(b"I 10\nhalf")
    await server.pause(0.02)
    wire.drop()

    await server.until(lambda: not server.factory.hall.members)
    assert jails.typed("web") == b""
    assert jails.facts("web").pid


@pytest_twisted.ensureDeferred
async def test_the_half_close_of_a_viewer_leaves_the_jail_its_input(server, jails, wire):
    """A viewer that sends no more still reads, and the program's standard input stays open."""
    await wire.say("attach web")
    wire.send(b"hi\n")
    wire.send_end()

    assert await wire.bytes(3) == b"hi\n"
    jails.output("web", b"later\n")
    assert await wire.bytes(6) == b"later\n"
    jails.exit("web", 0)
    assert await wire.end() == b""


@pytest_twisted.ensureDeferred
async def test_what_is_no_frame_closes(server, jails, wire):
    """A client that breaks the framing is let go, the jail is not."""
    await wire.say("attach web mode=frame")
    wire.send(b"hello?")
    wire.send(b"\n")

    assert await wire.end() == b""
    assert jails.facts("web").pid


@pytest_twisted.ensureDeferred
async def test_a_program_that_does_not_read_stops_the_client(server, jails, wire):
    """While the program reads nothing, the connection is not read; what was sent arrives afterwards."""
    await wire.say("attach web")
    again = jails.stop_reading("web")
    wire.send(b"y" * 3_000_000)
    await server.pause(0.05)
    assert len(jails.typed("web")) <= 65536

    again.callback(None)

    await server.until(lambda: len(jails.typed("web")) == 3_000_000)


@pytest_twisted.ensureDeferred
async def test_scrollback_comes_first(jails, wire):
    """lines= shows the last lines of the log, each on its stream, then what comes."""
    jails.output("web", b"1\n2\n")
    jails.output("web", b"3\n", "err")
    jails.output("web", b"4\n")

    assert " mode=frame " in await wire.say("attach web mode=frame lines=3")

    assert await wire.bytes(18) == b"O 2\n2\nE 2\n3\nO 2\n4\n"
    jails.output("web", b"5\n")
    assert await wire.bytes(6) == b"O 2\n5\n"


@pytest_twisted.ensureDeferred
async def test_a_large_scrollback_is_cut(jails, wire):
    """The newest 256 KiB of it are shown."""
    jails.output("web", b"".join(b"%09d %s\n" % (number, b"x" * 989) for number in range(1000)))

    await wire.say("attach web lines=10000")
    jails.exit("web", 0)
    lines = (await wire.end()).splitlines()

    assert lines[-1].startswith(b"000000999 ")
    assert 255_000 < sum(map(len, lines)) <= MAX_SCROLLBACK


@pytest_twisted.ensureDeferred
async def test_exec_processes_have_no_log_to_show(jails, wire):
    """Nor is there a scrollback of them."""
    await wire.say("exec web detach=yes -- sleep 9")
    assert (await wire.say("attach web exec=x1 lines=5")).startswith("- BAD_ARG verb=attach arg=lines ")


@pytest_twisted.ensureDeferred
async def test_of_a_storm_of_sizes_the_last_counts(server, wire):
    """Each before input counts, as the program may ask for it then; one that no terminal has ends the session."""
    server.run("sh", (24, 80))
    sizes = []
    program = server.jails._program("sh")
    program.resize = lambda rows, columns: sizes.append((rows, columns))
    await wire.say("attach sh mode=frame")

    wire.send(b"W 4\n10 9W 4\n11 9I 2\nx\nW 4\n12 9W 4\n13 9W 4\n14 9")
    await wire.bytes(6)
    assert sizes == [(11, 9), (14, 9)]

    wire.send(b"W 11\n65535 65535")
    assert await wire.end() == b""
