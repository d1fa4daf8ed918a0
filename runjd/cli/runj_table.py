"""The command line of runj, as a table."""

from __future__ import annotations

from runjd.cli.options import Argument, Option, Program, Verb

DEFAULT_ROOT = "/var/run/runj"

_ID = Argument("ID")
_PID_FILE = Option("pid-file", "write the process's pid there", "FILE")
_CONSOLE = Option("console-socket", "send the terminal to this Unix socket", "SOCKET")
_BUNDLE = (
    Option("bundle", "directory with config.json (default: the working directory)", "DIR", short="b"),
    _CONSOLE,
    _PID_FILE,
)

PROGRAM = Program(
    "runj",
    "Runs OCI bundles as containers and jails.",
    (
        Option("root", f"directory of the containers' state (default {DEFAULT_ROOT})", "DIR"),
        Option("log", "write errors there, too", "FILE"),
        Option("log-format", "how errors look in --log", "FORMAT", choices=("text", "json")),
        Option("runtime", "how containers are isolated (default: linux for root, else plain)", "NAME"),
        Option("debug", "show where an error of runj itself comes from"),
        Option("version", "print the version", short="v"),
    ),
    (
        Verb(
            "create",
            "Make a container of a bundle; its program waits for start.",
            (_ID, Argument("DIR", True)),
            _BUNDLE,
        ),
        Verb("start", "Execute the program of a created container.", (_ID,)),
        Verb("run", "Create and start a container, wait for it, delete it.", (_ID, Argument("DIR", True)), _BUNDLE),
        Verb(
            "exec",
            "Run another program in a running container.",
            (_ID, Argument("COMMAND", optional=True, many=True, literal=True)),
            (
                Option("process", "take the process from this JSON file", "FILE", short="p"),
                Option("tty", "give it a terminal", short="t"),
                Option("detach", "return when it was executed", short="d"),
                Option("cwd", "its working directory", "DIR"),
                Option("env", "set a variable", "NAME=VALUE", short="e", many=True),
                Option("user", "run as this user, by number", "UID[:GID]", short="u"),
                _CONSOLE,
                _PID_FILE,
            ),
            "What is not said is taken from the process of the container's bundle.",
        ),
        Verb("state", "Print the state of a container as JSON.", (_ID,)),
        Verb(
            "list",
            "Print the containers.",
            options=(
                Option("format", "how", "FORMAT", short="f", choices=("table", "json")),
                Option("quiet", "only their ids", short="q"),
            ),
        ),
        Verb(
            "kill",
            "Send a signal to the init process (default TERM).",
            (_ID, Argument("SIGNAL", optional=True)),
            (Option("all", "to all processes of the container", short="a"),),
        ),
        Verb(
            "delete",
            "Delete a container that is stopped, or was not started.",
            (_ID,),
            (Option("force", "kill it first, if need be", short="f"),),
        ),
    ),
)
