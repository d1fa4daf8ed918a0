"""The command line of runj as callers of runc write it, and what is wrong with others."""

from __future__ import annotations

import json
import os
import sys

import pytest

from tests.container.jails import until
from tests.functional.runj.command import Runj


def test_flags_may_have_values(plain: Runj) -> None:
    """--detach=false is no --detach."""
    bundle = plain.bundle(["sh", "-c", "exit 4"])

    assert plain("run", "--detach=false", "-b", bundle, "web").returncode == 4
    assert plain.fails("run", "--detach=perhaps", "-b", bundle, "web") == (
        'option --detach cannot be "perhaps"; it is true or false'
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["craete"], 'unknown verb "craete"; did you mean "create"?'),
        (["--rot", "/x", "list"], "unknown option --rot; did you mean --root?"),
        (["create", "--bundel", "/x", "web"], "unknown option --bundel; did you mean --bundle?"),
        (["create"], "ID is missing; usage: runj create [OPTIONS] ID [DIR]"),
        (["state", "a", "b"], '"b" is too much; usage: runj state ID'),
        (["--log-format", "xml", "list"], 'option --log-format cannot be "xml"; it is one of text, json'),
        (["--log-level", "loud", "list"], 'option --log-level cannot be "loud"; it is one of error, warn, info, debug'),
        (["create", "-b", "/x", "web", "/y"], "the bundle is given twice, by --bundle and as an argument"),
        (["--systemd-cgroup", "create", "-b", "/x", "web"], None),
        (["--rootless=true", "list"], None),
    ],
)
def test_a_wrong_line_is_refused_with_what_to_do(plain: Runj, words: list[str], message: str | None) -> None:
    """One line names what was wrong."""
    found = plain.fails(*words)

    assert found == message if message else "is not supported" in found


@pytest.mark.parametrize("id", ["", "../x", ".", "a/b", "-", "a b", "x" * 201, "é"])
@pytest.mark.parametrize("verb", ["create", "start", "state", "kill", "delete", "exec"])
def test_an_id_is_checked_before_it_becomes_a_path(plain: Runj, verb: str, id: str) -> None:
    """Whatever the verb is."""
    more = ["-b", plain.bundle(["true"])] if verb == "create" else []

    message = plain.fails(verb, *more, "--", id, *(["true"] if verb == "exec" else []))

    assert "an id is 1 to 200 of the characters" in message


def test_options_of_other_runtimes_are_taken(runj: Runj) -> None:
    """What engines send to runc is understood before and behind the verb."""
    line = ["--rootless", "auto", "--systemd-cgroup=false", "run", "--no-subreaper", "--no-new-keyring"]

    assert runj.ok(*line, "-b", runj.bundle(["sh", "-c", "echo hello"]), "web") == "hello\n"


@pytest.mark.parametrize("verb", ["create", "run", "spec"])
def test_a_runtime_of_another_system_is_not_supported_here(plain: Runj, verb: str) -> None:
    """A name that is known elsewhere is told from one that is not, and what there is instead."""
    words = [verb, "-b", plain.bundle(["true"]), *(["web"] if verb != "spec" else [])]

    assert plain.fails("--runtime", "nonsense", *words).startswith('the runtime "nonsense" is unknown; there are ')
    other = "freebsd" if sys.platform == "linux" else "linux"
    assert plain.fails("--runtime", other, *words).startswith(
        f'the runtime "{other}" is not supported on {sys.platform}; there are '
    )


def test_exec_is_an_extension_too(plain: Runj) -> None:
    """The original runj calls it so."""
    plain.create("web", ["sleep", "60"])
    plain.ok("start", "web")

    assert plain.ok("extension", "exec", "web", "echo", "a") == "a\n"
    assert plain.ok("ext", "exec", "web", "echo", "b") == "b\n"


def test_a_log_that_cannot_be_written_is_told(plain: Runj) -> None:
    """Behind the failure itself, and in the same line."""
    assert plain.fails("--log", "/no/such/log", "state", "web") == (
        f'no jail named "web"; {plain.jails.state_dir}/web does not exist'
        " (nor can the log /no/such/log be written: no such file or directory)"
    )


def test_a_log_that_nobody_reads_is_not_waited_for(plain: Runj) -> None:
    """A FIFO without a reader is a log that cannot be written."""
    path = f"{plain.directory}/fifo"
    os.mkfifo(path)

    assert f"nor can the log {path} be written" in plain.fails("--log", path, "state", "web")


def test_debugging_tells_more_in_the_log(plain: Runj) -> None:
    """By --debug or --log-level, and each line is an object of its own; standard error stays silent."""
    log = f"{plain.directory}/log"
    bundle = plain.bundle(["sleep", "60"])
    plain.ok("--log", log, "--log-format", "json", "--debug", "create", "-b", bundle, "web")
    plain("--log", log, "--log-format", "json", "--log-level=debug", "start", "web")

    with open(log) as file:
        records = [json.loads(line) for line in file]
    assert {each["level"] for each in records} == {"debug"}
    assert any(each["msg"].startswith(f"created web of {bundle} by the plain runtime, process ") for each in records)
    assert any(each["msg"].startswith("started web, process ") for each in records)


def test_success_leaves_nothing_in_the_log(plain: Runj) -> None:
    """Notices that are no errors go to standard error alone."""
    log = f"{plain.directory}/log"

    plain.ok("--log", log, "--log-format", "json", "create", "-b", plain.bundle(["true"]), "web")
    plain.ok("--log", log, "--log-format", "json", "start", "web")

    assert not os.path.exists(log)


def test_debugging_without_a_log_is_on_standard_error(plain: Runj) -> None:
    """For people at a terminal."""
    done = plain("--debug", "list", "-q")

    assert "runj: called by user " in done.stderr
    assert "runj: ended with status 0" in done.stderr


def test_a_detached_run_returns_at_once(runj: Runj) -> None:
    """The container runs on, and is deleted by whoever wants to."""
    runj.ok("run", "-d", "-b", runj.bundle(["sleep", "60"]), "web")

    assert runj.state("web")["status"] == "running"


def test_a_container_may_be_kept(runj: Runj) -> None:
    """--keep leaves it stopped, to be looked at."""
    assert runj("run", "--keep", "-b", runj.bundle(["sh", "-c", "exit 3"]), "web").returncode == 3

    until(lambda: runj.state("web")["status"] == "stopped", "it is stopped")


@pytest.mark.root
def test_a_root_may_be_moved_instead_of_pivoted(runj: Runj) -> None:
    """With --no-pivot the program sees its own root alone, and so does an exec."""
    runj.ok("run", "-d", "--no-pivot", "-b", runj.bundle(["sleep", "60"]), "web")

    if runj.jails.runtime == "linux":
        for path in ("/", "/proc/1/root/", "/proc/self/root/"):
            assert set(runj.ok("exec", "web", "ls", path).split()) == {
                "bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr",
            }  # fmt: skip


def test_the_version_is_printed(plain: Runj) -> None:
    """Engines ask for it."""
    assert plain.ok("--version").startswith("runj version ")


def test_help_is_printed(plain: Runj) -> None:
    """Of the program and of a verb, as an option and as a verb."""
    assert plain.ok("help") == plain.ok("--help")
    assert plain.ok("help", "kill") == plain.ok("kill", "--help")
    assert plain.ok("help", "demo", "spec") == plain.ok("demo", "spec", "-h")
    assert plain.fails("help", "kil") == 'unknown verb "kil"; did you mean "kill"?'
    assert "Send a signal to the init process" in plain.ok("--help")
    assert plain.ok("kill", "-h").startswith("usage: runj kill [OPTIONS] ID [SIGNAL]\n")


def test_a_line_without_a_verb_names_the_verbs(plain: Runj) -> None:
    """There is nothing to do."""
    assert plain.fails().startswith("no verb given; there are create, start, run, exec, state, list, kill, delete")
