"""Real shells complete the command line."""

import shutil
import subprocess
import sys

import pytest

from tests.cli.program import ROOT, runjctl

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
TAKE_IN = {
    "bash": 'eval "$(runjctl completion bash)"',
    "zsh": 'autoload -Uz compinit; compinit -D; eval "$(runjctl completion zsh)"',
    "fish": "runjctl completion fish | source",
}


class Child(subprocess.Popen):
    """Somebody's shell; it is killed when its block is left."""

    def __exit__(self, *error):
        """Wait for it, too."""
        self.kill()
        super().__exit__(*error)


@pytest.fixture
def place(daemon, tmp_path):
    """Return a directory with a runjctl that completes, and otherwise tells how it was called."""
    start = f"exec {sys.executable} -I -S -X utf8 {ROOT}/bin/runjctl {ROOT}"
    tell = 'echo "called $*" | tr "[:lower:]" "[:upper:]"'
    path = tmp_path / "bin" / "runjctl"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\ncase $1 in completion) {start} "$@" ;; *) {tell} ;; esac\n')
    path.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_verbs_and_jails(shell, place, daemon, person):
    """What is begun is carried on by the key, and what is run then is whole."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    daemon.runjctl("run", "-d", "--name", f"only-{shell}", daemon.bundle(f"only-{shell}", ["/bin/sleep", "60"]))
    environment = {
        "PATH": f"{place}/bin:/usr/bin:/bin",
        "HOME": str(place),
        "TERM": "dumb",
        "RUNJD_SOCKET": daemon.path,
        "PS1": "",
    }
    ends = {"stdin": person.slave, "stdout": person.slave, "stderr": person.slave}
    # setsid(1) gives it the terminal as its own
    with Child(["setsid", "-c", *SHELLS[shell]], env=environment, cwd=place, **ends) as running:
        person.type(f"{TAKE_IN[shell]}; echo so far | tr a-z A-Z\n".encode())
        person.look_for(b"SO FAR")
        person.type(b"runjctl try-r\t")
        person.look_for(b"estart")
        person.type(f"only-{shell[:1]}\t\n".encode())
        person.look_for(f"CALLED TRY-RESTART ONLY-{shell.upper()}".encode())
        person.type(b"exit\n")
        assert running.wait(timeout=10) == 0
    daemon.runjctl("delete", "--force", f"only-{shell}")


def test_a_shell_that_is_not_known_is_named():
    """With those that are."""
    done = runjctl("completion", "tcsh")

    assert done.returncode == 64
    assert done.stderr == b'runjctl: there is no completion for "tcsh"; there is one for bash, zsh, fish\n'


def test_without_a_daemon_there_are_no_jails():
    """And no complaint, in the midst of a line that somebody types."""
    done = runjctl("completion", "words", "runjctl", "start", "", environment={"RUNJD_SOCKET": "/nonexistent"})

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
