"""The command line of runj: its verbs, their options, and where each is carried out."""

from __future__ import annotations

from runjd.cli.options import Argument, Option, Program, Verb

_ID = Argument("ID")
_REST = Argument("ARGUMENT", optional=True, many=True, literal=True)
_PID_FILE = Option("pid-file", "write the process's pid there", "FILE")
_CONSOLE = Option("console-socket", "send the terminal to this Unix socket", "SOCKET")
_PRESERVE = Option("preserve-fds", "pass on so many descriptors, from 3 on", "N")
_BUNDLE = Option("bundle", "directory of config.json (default: the working directory)", "DIR", short="b")
_CREATE = (
    _BUNDLE,
    _CONSOLE,
    _PID_FILE,
    _PRESERVE,
    Option("no-pivot", "lay the root over the host's: for a host that runs from its initramfs"),
    Option("no-new-keyring", "keep the session keyring of the caller"),
)
_RELEASE = (
    Option("machine", "of which machine (default: as uname says)", "MACHINE", short="m"),
    Option("arch", "of which architecture (default: the machine's)", "ARCH", short="a"),
    Option("version", "which release, as 14.2-RELEASE (default: as uname says)", "VERSION", short="v"),
    Option("base-url", "where releases are ($RUNJ_RELEASES, FreeBSD's own)", "URL"),
)
_DETACH = Option("detach", "return when the program was executed", short="d")

#: options of update: name, text, value
LIMITS = (
    ("memory", "memory, in bytes", "SIZE"),
    ("memory-reservation", "memory that is left to it when memory is short", "SIZE"),
    ("memory-swap", "memory and swap together", "SIZE"),
    ("cpu-share", "weight for the processors", "N"),
    ("cpu-quota", "microseconds on the processors in each period", "N"),
    ("cpu-period", "length of a period, in microseconds", "N"),
    ("cpu-burst", "microseconds that may be saved up for a burst", "N"),
    ("cpu-rt-runtime", "microseconds in real time in each period", "N"),
    ("cpu-rt-period", "length of a period of real time", "N"),
    ("cpu-idle", "1: run only when nothing else does", "N"),
    ("cpuset-cpus", "processors, as 0-2,4", "LIST"),
    ("cpuset-mems", "nodes of memory", "LIST"),
    ("blkio-weight", "weight for block devices, 10 to 1000", "N"),
    ("pids-limit", "number of processes", "N"),
)

PROGRAM = Program(
    "runj",
    "Runs OCI bundles as containers and jails.",
    (
        Option("root", "directory of the containers' state (default /var/run/runj)", "DIR"),
        Option("log", "write errors there, too", "FILE"),
        Option("log-format", "how --log looks", "FORMAT", choices=("text", "json")),
        Option("log-level", "what is logged, by default error", "LEVEL", choices=("error", "warn", "info", "debug")),
        Option("runtime", "how containers are isolated (default: by the system for root, else plain)", "NAME"),
        Option("debug", "the same as --log-level debug; show where an error of runj itself comes from"),
        Option("systemd-cgroup", "have systemd make the control groups, as scopes"),
        Option("rootless", "for callers of runc; true is refused", "WHEN", choices=("auto", "false", "true")),
        Option("version", "print the version", short="v"),
    ),
    (
        Verb(
            "create",
            "Make a container of a bundle; its program waits for start.",
            (_ID, Argument("DIR", True)),
            _CREATE,
        ),
        Verb("start", "Execute the program of a created container.", (_ID,)),
        Verb(
            "run",
            "Create and start a container, wait for it, delete it.",
            (_ID, Argument("DIR", True)),
            (
                *_CREATE,
                _DETACH,
                Option("keep", "do not delete it when it has ended"),
                Option("no-subreaper", "for callers of runc: runj never is one"),
            ),
        ),
        Verb(
            "exec",
            "Run another program in a running container.",
            (_ID, Argument("COMMAND", optional=True, many=True, literal=True)),
            (
                Option("process", "take the process from this JSON file", "FILE", short="p"),
                Option("tty", "give it a terminal", short="t"),
                _DETACH,
                Option("cwd", "its working directory", "DIR"),
                Option("env", "set a variable", "NAME=VALUE", short="e", many=True),
                Option("user", "run as this user, by number", "UID[:GID]", short="u"),
                Option("additional-gids", "and in this group, by number", "GID", short="g", many=True),
                Option("cap", "with this capability, too", "NAME", short="c", many=True),
                Option("no-new-privs", "let it gain no rights by what it executes"),
                Option("apparmor", "an AppArmor profile: refused", "PROFILE"),
                Option("process-label", "a label for SELinux: refused", "LABEL"),
                Option("cgroup", "a control group of its own: refused", "PATH"),
                Option("ignore-paused", "also in a paused container"),
                _CONSOLE,
                _PID_FILE,
                _PRESERVE,
            ),
            "What is not said is taken from the process of the container's bundle.",
            aliases=("extension exec", "ext exec"),
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
        Verb("pause", "Stop all processes of a container.", (_ID,)),
        Verb("resume", "Let the processes of a paused container go on.", (_ID,)),
        Verb(
            "update",
            "Change the limits of a container.",
            (_ID,),
            (
                Option("resources", "take them from this JSON file, or - for the standard input", "FILE", short="r"),
                *(Option(name, text, value) for name, text, value in LIMITS),
            ),
            "Sizes may end in k, m, g or t; -1 is no limit.",
        ),
        Verb(
            "events",
            "Print what a container uses, and when it runs out of memory.",
            (_ID,),
            (
                Option("stats", "print what it uses now, and end"),
                Option("interval", "how often (default 5s)", "TIME"),
            ),
        ),
        Verb(
            "ps",
            "Print the processes of a container.",
            (_ID, Argument("PS-OPTION", optional=True, many=True, literal=True, first=True)),
            (Option("format", "how", "FORMAT", short="f", choices=("table", "json")),),
        ),
        Verb(
            "spec",
            "Write a config.json to start from.",
            options=(
                _BUNDLE,
                Option("freebsd", "of a FreeBSD jail (default: on FreeBSD)"),
                Option("rootless", "for callers of runc: refused"),
            ),
        ),
        Verb(
            "demo download",
            "Fetch the base system of a release of FreeBSD.",
            options=(*_RELEASE, Option("output", "where to (default rootfs.txz)", "FILE", short="o")),
        ),
        Verb(
            "demo oci-image",
            "Make an image of a release of FreeBSD, or of a directory.",
            options=(
                Option("input", "the root: an archive or a directory (default: fetched)", "PATH", short="i"),
                *_RELEASE,
                Option("name", "what it is called, as localhost/freebsd:14.2", "NAME", short="n"),
                Option("os", "of which system (default freebsd)", "NAME"),
                Option("output", "where to (default image.tar)", "FILE", short="o"),
            ),
        ),
        Verb("demo spec", "Write a config.json of a FreeBSD jail.", options=(_BUNDLE,)),
        Verb("features", "Print what this runtime can do, as JSON."),
        Verb("help", "Print this, or the help of a verb.", (Argument("VERB", optional=True, many=True),)),
        Verb("checkpoint", "Not supported.", (_REST,)),
        Verb("restore", "Not supported.", (_REST,)),
    ),
)

#: verb -> the module of this room that carries it out, and the function
PLACES = {
    "create": ("create", "create"),
    "start": ("lifecycle", "start"),
    "run": ("create", "run"),
    "exec": ("exec", "execute"),
    "state": ("show", "state"),
    "list": ("show", "containers"),
    "kill": ("lifecycle", "kill"),
    "delete": ("lifecycle", "delete"),
    "pause": ("pause", "pause"),
    "resume": ("pause", "resume"),
    "update": ("update", "update"),
    "events": ("events", "events"),
    "ps": ("ps", "processes"),
    "spec": ("spec", "spec"),
    "demo download": ("demo.download", "download"),
    "demo oci-image": ("demo.image", "oci_image"),
    "demo spec": ("spec", "demo"),
    "features": ("features", "features"),
    "help": ("help", "show"),
    "checkpoint": ("unsupported", "checkpoint"),
    "restore": ("unsupported", "checkpoint"),
}
