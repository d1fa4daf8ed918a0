"""Terminals: run -it, exec -it, attach, with job control, window sizes and detach keys."""

import pytest

from tests.peers.conversation import Conversation
from tests.peers.machine import until
from tests.peers.podman import Podman

pytestmark = pytest.mark.root

_INTR, _EOF, _SUSP, _CTRL_P, _CTRL_Q = b"\3", b"\4", b"\x1a", b"\x10", b"\x11"


def test_the_program_has_a_terminal_of_its_own(podman: Podman):
    """With -t all three streams are a terminal of the container, which controls the program's session."""
    script = (
        "tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all three; echo from >/dev/tty;"
        "ls -l /dev/console; stat -c %U /dev/pts/0"
    )
    with podman.on_terminal("run --rm -it box sh -c", script) as screen:
        screen.expect(b"/dev/pts/0\r\nall three\r\nfrom\r\n")
        screen.expect(b"/dev/console")
        screen.expect(b"root\r\n")
        assert screen.status() == 0


def test_the_window_has_the_caller_s_size(podman: Podman):
    """The size at the start and each change reach the program."""
    script = "trap 'stty size' WINCH; echo ready; while :; do sleep 1000 & wait $!; done"
    with podman.on_terminal("run --rm -it box sh -c", script, rows=31, columns=97) as screen:
        screen.expect(b"ready\r\n")
        screen.resize(40, 132)
        screen.expect(b"40 132\r\n")
        screen.say(_INTR)
        assert screen.status() == 130


def test_the_window_has_its_size_before_the_program_asks(podman: Podman, container: str):
    """exec -it finds the size of the caller's window."""
    podman.good(f"run -d --name {container} box sleep 1000")
    script = "until [ \"$(stty size)\" = '33 99' ]; do sleep 0.02; done; echo fits"
    with podman.on_terminal(f"exec -it {container} sh -c", script, rows=33, columns=99) as screen:
        screen.expect(b"fits\r\n")
        assert screen.status() == 0


def test_a_shell_controls_its_jobs(podman: Podman):
    """An interactive shell stops, lists and continues jobs, interrupts them, and ends at the end of its input."""
    with podman.on_terminal("run --rm -it --env PS1='> ' box sh") as screen:
        screen.expect(b"> ")
        screen.say(b"sleep 1000\n")
        screen.expect(b"sleep 1000\r\n")
        until(lambda: _job_runs(podman))
        screen.say(_SUSP)
        screen.expect(b"Stopped")
        screen.expect(b"> ")
        screen.say(b"jobs\n")
        screen.expect(b"Stopped")
        screen.say(b"fg\n")
        screen.expect(b"sleep 1000\r\n")
        until(lambda: _job_runs(podman))
        screen.say(_INTR)
        screen.expect(b"> ")
        screen.say(b"echo $?\n")
        screen.expect(b"130\r\n")
        screen.say(b"exit 12\n")
        assert screen.status() == 12


def _job_runs(podman: Podman) -> bool:
    """Whether sleep is in the foreground and asleep: then a key meets it, and not the shell."""
    script = (
        "for each in /proc/[0-9]*; do [ \"$(tr '\\0' ' ' <$each/cmdline)\" = 'sleep 1000 ' ] && cat $each/stat; done"
    )
    for line in podman.machine.run("sh", "-c", script).text.splitlines():
        state, _, group, _, _, foreground = line.rpartition(")")[2].split()[:6]
        if state == "S" and group == foreground:
            return True
    return False


def _detach(screen: Conversation, *keys: bytes) -> None:
    """Type the keys until they are taken, as podman wants to read each by itself."""
    while not screen.program.has_ended(0.3):
        for each in keys or (_CTRL_P, _CTRL_Q):
            screen.say(each)
            screen.listen(0.1)


def test_keys_detach_and_attach_comes_back(podman: Podman, container: str):
    """Ctrl-P Ctrl-Q leaves the program alone; attach finds it as it was, and may leave with other keys."""
    with podman.on_terminal(f"run -it --name {container} --env PS1='> ' box sh") as screen:
        screen.expect(b"> ")
        screen.say(b"word=kept\n")
        screen.expect(b"> ")
        _detach(screen)
        assert screen.status() == 0
    assert podman.inspect(container, "{{.State.Running}}") == "true"

    with podman.on_terminal(f"attach --detach-keys=ctrl-x,x {container}") as screen:
        screen.say(b"echo $word\n")
        screen.expect(b"kept\r\n")
        _detach(screen, b"\x18", b"x")

    with podman.on_terminal(f"attach {container}") as screen:
        screen.say(b"exit 3\n")
        screen.status()
    assert podman.until_exited(container) == 3
    assert podman.inspect(container, "{{.State.ExitCode}}") == "3"


def test_a_terminal_that_closes_leaves_the_container_alone(podman: Podman, container: str):
    """Whoever hangs up an attached terminal does not end the program."""
    podman.good(f"run -dt --name {container} box sh -c", "while :; do echo alive; sleep 0.05; done")
    with podman.on_terminal(f"attach {container}") as screen:
        screen.expect(b"alive\r\n")
    with podman.on_terminal(f"attach {container}") as screen:
        screen.expect(b"alive\r\n")


def test_a_terminal_without_a_caller(podman: Podman, container: str):
    """run -dt gives the program a terminal that is logged, though nobody looks at it."""
    podman.good(f"run -dt --name {container} box sh -c", "tty; echo done")

    assert podman.until_exited(container) == 0
    assert podman.logs(container).replace("\r", "") == "/dev/pts/0\ndone\n"


def test_exec_has_a_terminal_of_the_container(podman: Podman, container: str):
    """exec -it runs a shell on a terminal of its own, as any user, whose owner is that user."""
    podman.good(f"run -d --name {container} box sleep 1000")
    with podman.on_terminal(f"exec -it --user guest --env PS1='> ' {container} sh") as screen:
        screen.expect(b"> ")
        screen.say(b"tty; stat -c %u $(tty); echo x >$(tty)\n")
        screen.expect(b"/dev/pts/0\r\n1000\r\nx\r\n")
        # before it asks for the next line, the key would be lost with the mode of the terminal
        screen.expect(b"> ")
        screen.say(_EOF)
        assert screen.status() == 0


def test_much_output_reaches_the_screen(podman: Podman):
    """A megabyte of lines comes through the terminal whole."""
    with podman.on_terminal("run --rm -it --log-driver none box sh -c", "seq 1 100000; echo end") as screen:
        assert screen.status() == 0
        assert screen.heard == b"".join(b"%d\r\n" % n for n in range(1, 100001)) + b"end\r\n"
