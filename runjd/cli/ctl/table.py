"""The command line of runjctl(8): its verbs, their options, and where each is carried out."""

from __future__ import annotations

from runjd.cli.options import Argument, Option, Program, Verb

_ID = Argument("ID")
_IDS = Argument("ID", many=True)
_SOME_IDS = Argument("ID", optional=True, many=True)

_JSON = Option("json", "write JSON, for programs")
_WAIT = Option("wait", "when to come back (default started)", "STATE", choices=("none", "started", "ready", "stopped"))
_WAIT_DOWN = Option("wait", "when to come back (default stopped)", "STATE", choices=("none", "stopped"))
_TIMEOUT = Option("timeout", "give up waiting after so many seconds", "SECONDS")
_GRACE = Option("timeout", "seconds from SIGTERM to SIGKILL", "SECONDS")
_KEYS = Option("detach-keys", "keys that detach (default ctrl-p,ctrl-q), or none", "KEYS")
_STDIN = Option("interactive", "pass standard input on", short="i")
_TTY = Option("tty", "give the program a terminal, and ours to it", short="t")
_DETACH = Option("detach", "come back when the program runs", short="d")

#: what podman(1), docker-compose(1), supervisorctl(1), systemctl(1) and jail(8) have for our verbs
_ELSEWHERE = {
    "cat": "show",
    "console": "attach",
    "create": "run -d",
    "daemon-reload": "reload",
    "down": "stop",
    "fg": "attach",
    "inspect": "show",
    "is-active": "status",
    "jexec": "exec",
    "jls": "list",
    "ps": "status",
    "remove": "delete",
    "reread": "reload --dry-run",
    "shell": "exec -it ID sh",
    "signal": "kill",
    "stats": "top",
    "tail": "logs -f",
    "unpause": "resume",
    "up": "start",
    "update": "reload",
    "version": "--version",
}

PROGRAM = Program(
    "runjctl",
    "Controls runjd: starts, shows, stops and enters jails.",
    (
        Option("socket", "the daemon's socket ($RUNJD_SOCKET, /var/run/runjd/control)", "PATH", "s"),
        Option("host", "a daemon elsewhere, as tls:HOST:PORT ($RUNJD_HOST)", "HOST"),
        Option("cert", "for --host: our certificate (~/.config/runjd/client.crt)", "FILE"),
        Option("key", "its key (~/.config/runjd/client.key)", "FILE"),
        Option("ca", "the authority of the daemon's certificate (~/.config/runjd/ca.crt)", "FILE"),
        _JSON,
        Option("color", "colours for people", "WHEN", choices=("auto", "always", "never")),
        Option("version", "show the version"),
    ),
    (
        Verb(
            "list",
            "list the jails (also: ls)",
            (),
            (Option("quiet", "only their ids", short="q"), _JSON),
            aliases=("ls",),
        ),
        Verb(
            "status",
            "show how jails are",
            (_SOME_IDS,),
            (Option("failed", "only those that failed, are held off, unknown or unhealthy"), _JSON),
            "Without ID, of all jails; of a single one in detail. ID may be a pattern, as 'web*'.",
        ),
        Verb(
            "top",
            "show what jails use, again and again",
            (_SOME_IDS,),
            (
                Option("batch", "write one table after another, for scripts", short="b"),
                Option("count", "end after so many tables", "N", "n"),
                Option("delay", "seconds from one to the next (default 2)", "SECONDS", "d"),
                Option("sort", "by what (default cpu)", "WHAT", choices=("cpu", "memory", "disk", "log", "name")),
                _JSON,
            ),
            "ID may be a pattern, as 'web*'. Keys: c m i l n sort by cpu, memory, disk, log, name; j k move; q quits.",
        ),
        Verb(
            "plan",
            "show what a start would do",
            (_SOME_IDS,),
            (_JSON,),
            "Which jails would be started, in which order, and what each waits for. Without ID, at the next boot.",
        ),
        Verb("show", "show everything that is known of a jail", (_ID,), (_JSON,)),
        Verb(
            "run",
            "define a jail by its bundle, and start it",
            (Argument("BUNDLE"),),
            (
                _STDIN,
                _TTY,
                _DETACH,
                Option("rm", "forget the jail when it has ended"),
                Option("restart", "never (the default), on-failure, on-failure:N, always, unless-stopped", "RULE"),
                Option("name", "the jail's id (default: the last part of BUNDLE)", "ID"),
                Option("runtime", "what isolates it (default: the daemon's choice)", "NAME"),
                _KEYS,
                _JSON,
            ),
            "Without -d, shows what the program writes and ends as the program ends, with its status.",
        ),
        Verb(
            "start",
            "start jails",
            (_IDS,),
            (Option("once", "want them once: not started again by themselves"), _WAIT, _TIMEOUT, _JSON),
        ),
        Verb("stop", "stop jails", (_IDS,), (_GRACE, _WAIT_DOWN, _JSON)),
        Verb("restart", "stop jails where they run, and start them", (_IDS,), (_GRACE, _WAIT, _JSON)),
        Verb("try-restart", "stop and start jails that are not down", (_IDS,), (_GRACE, _WAIT, _JSON)),
        Verb("pause", "have the processes of jails stand still", (_IDS,), (_TIMEOUT, _JSON)),
        Verb("resume", "let the processes of paused jails go on", (_IDS,), (_TIMEOUT, _JSON)),
        Verb("reset", "forget the failures of jails", (_IDS,), (_JSON,)),
        Verb("enable", "have jails come up at boots", (_IDS,), (_JSON,), "They are not started now; see start."),
        Verb("disable", "have jails stay down at boots", (_IDS,), (_JSON,), "They are not stopped now; see stop."),
        Verb(
            "kill",
            "send a signal to the jails' first processes",
            (_IDS,),
            (
                Option("signal", "which (default TERM)", "SIGNAL", "s"),
                Option("all", "to every process of the jails", short="a"),
                _JSON,
            ),
        ),
        Verb(
            "delete",
            "forget jails that do not run (also: rm)",
            (_IDS,),
            (Option("force", "kill them first", short="f"), _JSON),
            aliases=("rm",),
        ),
        Verb(
            "wait",
            "wait for jails",
            (_IDS,),
            (
                Option("until", "for what (default stopped)", "STATE", choices=("started", "ready", "stopped")),
                Option("exec", "for the end of that exec process instead", "EXEC"),
                _TIMEOUT,
                _JSON,
            ),
            "For each jail that stopped, its exit status is written: 128 + N for signal N.",
        ),
        Verb(
            "logs",
            "show what a jail wrote",
            (_ID,),
            (
                Option("follow", "go on as it writes", short="f"),
                Option("lines", "only the last N lines, or all (default all)", "N", "n"),
                Option("since", "only what was written then or later, as 10m or 2026-11-23T15:01:20Z", "TIME"),
                Option("until", "only what was written before that", "TIME"),
                Option("stream", "only this one", "STREAM", choices=("out", "err")),
                Option("timestamps", "with the time of each line", short="t"),
                _JSON,
            ),
        ),
        Verb(
            "log",
            "rotate or reopen the files of logs",
            (Argument("DEED", choices=("rotate", "reopen")), _SOME_IDS),
            (_JSON,),
            "DEED is rotate or reopen. Without ID, of all jails.",
        ),
        Verb(
            "attach",
            "see what a jail writes, and type",
            (_ID,),
            (
                Option("exec", "to that exec process", "EXEC"),
                Option("lines", "first the last N lines of its log", "N", "n"),
                Option("read-only", "only look on"),
                Option("share", "type beside whoever types"),
                Option("steal", "type in the place of whoever types"),
                _KEYS,
            ),
            "Ends as the program ends, with its status; the detach keys leave it running.",
        ),
        Verb(
            "sessions",
            "show who is attached, or close a session",
            (Argument("ID", optional=True),),
            (Option("close", "close this one; its program runs on", "SESSION"), _JSON),
        ),
        Verb(
            "exec",
            "run another program in a jail",
            (_ID, Argument("COMMAND", many=True, literal=True)),
            (
                _STDIN,
                _TTY,
                _DETACH,
                Option("user", "whose rights it has, in numbers", "UID[:GID]", "u"),
                Option("workdir", "its working directory", "DIR", "w"),
                Option("env", "a variable of its environment; NAME alone: as ours", "NAME=VALUE", "e", many=True),
                _KEYS,
                _JSON,
            ),
            "Ends as the program ends, with its status.",
        ),
        Verb(
            "resize",
            "set the size of a jail's terminal",
            (_ID, Argument("ROWS", optional=True), Argument("COLUMNS", optional=True)),
            (Option("exec", "the terminal of that exec process", "EXEC"),),
            "Without ROWS and COLUMNS: the size of our own terminal.",
        ),
        Verb(
            "events",
            "show what happens, as it happens",
            (),
            (
                Option("since", "first what happened after that event", "RUN:SEQ"),
                Option("jail", "only of jails that match, as web*", "PATTERN"),
                Option("type", "only these, separated by commas", "EVENTS"),
                _JSON,
            ),
        ),
        Verb(
            "check",
            "see what is wrong with the daemon's configuration",
            (Argument("FILE", optional=True, many=True),),
            (_JSON,),
            "FILE is runjd.toml, read with jails.d beside it, or a file of jails.d. Needs no daemon.",
        ),
        Verb(
            "reload",
            "give the daemon what the files of its configuration say",
            (),
            (
                Option("dry-run", "only tell what would change, and from when on", short="n"),
                Option("restart", "restart jails that run, and for which something holds at their next start only"),
                _JSON,
            ),
            "All of it or nothing: where anything is wrong, all of that is told. What did not change is not touched.",
        ),
        Verb(
            "import",
            "make bundles and a configuration of the jails of a jail.conf(5)",
            (Argument("FILE"), Argument("JAIL", optional=True, many=True)),
            (Option("to", "write them to this directory (without it, nothing is written)", "DIR"), _JSON),
            "What cannot be carried over is told, with its line. Needs no daemon.",
        ),
        Verb(
            "doctor",
            "look what this host has and lacks for jails, and how to get it",
            (),
            (
                Option("state", "the daemon's --state (default /var/run/runjd)", "DIR"),
                Option("log", "the daemon's --log (default /var/log/runjd)", "DIR"),
                Option("config", "its configuration (default: that of the system)", "FILE"),
                _JSON,
            ),
            "Changes nothing and needs no daemon. Exits 1 where jails cannot be made, or something is wrong.",
        ),
        Verb(
            "certs init",
            "make an authority, and the certificate of a daemon, for TLS",
            (Argument("DIR"),),
            (
                Option("name", "the daemon's host, as clients call it: a name, or an address", "HOST", many=True),
                Option("days", "for which the certificate is good (default 730)", "DAYS"),
                _JSON,
            ),
            "Writes ca.crt, ca.key, server.crt and server.key; nothing is overwritten.",
        ),
        Verb(
            "certs client",
            "make the certificate of a client, for TLS",
            (Argument("DIR"), Argument("NAME")),
            (Option("days", "for which the certificate is good (default 730)", "DAYS"), _JSON),
            "Writes NAME.crt and NAME.key beside the authority in DIR; rules call the client certificate:NAME.",
        ),
        Verb("whoami", "show who we are to the daemon, and what we may do", (), (_JSON,)),
        Verb("ping", "see if the daemon answers, and how fast", (), (_JSON,)),
        Verb("caps", "show what the daemon can do", (), (_JSON,)),
        Verb("metrics", "show everything that is measured, in the text format of Prometheus"),
        Verb(
            "debug dump",
            "write an archive for a report of a fault",
            (Argument("FILE", optional=True),),
            (_JSON,),
            "Versions, jails, configuration, events, stacks and descriptors of the daemon, without secrets, for the "
            "owner only. Without FILE, into runjd-dump-TIME.tar.gz here.",
        ),
        Verb(
            "shutdown",
            "end the daemon",
            (),
            (Option("keep", "and let the jails run on"), Option("stop", "after all jails were stopped")),
        ),
        Verb(
            "upgrade",
            "replace daemon and keeper by what is installed",
            (),
            (_JSON,),
            "The jails run on. Where the new version cannot take over, nothing is changed.",
        ),
        Verb(
            "raw",
            "send one line of the control protocol, and show what comes back",
            (Argument("LINE", optional=True, many=True, literal=True),),
        ),
        Verb(
            "completion",
            "write what a shell needs to complete the command lines of runjctl and runj",
            (
                Argument("SHELL", choices=("bash", "zsh", "fish")),
                Argument("WORD", optional=True, many=True, literal=True),
            ),
            (),
            'For bash: eval "$(runjctl completion bash)". Without a daemon, no jails are offered.',
        ),
        Verb(
            "help",
            "show this, or the help of a verb",
            (Argument("VERB", optional=True),),
            (Option("protocol", "the verbs of the control protocol, as the daemon tells them"),),
        ),
    ),
    _ELSEWHERE,
)

#: where each verb is carried out: module of this package, and function
PLACES = {
    "list": ("jails", "list_jails"),
    "status": ("jails", "status"),
    "top": ("top", "top"),
    "plan": ("planned", "plan"),
    "show": ("jails", "show"),
    "run": ("attached", "run"),
    "start": ("changes", "start"),
    "stop": ("changes", "stop"),
    "restart": ("changes", "restart"),
    "try-restart": ("changes", "try_restart"),
    "pause": ("changes", "pause"),
    "resume": ("changes", "resume"),
    "reset": ("changes", "reset"),
    "enable": ("changes", "enable"),
    "disable": ("changes", "disable"),
    "kill": ("changes", "kill"),
    "delete": ("changes", "delete"),
    "wait": ("changes", "wait"),
    "logs": ("follows", "logs"),
    "log": ("logfiles", "log"),
    "attach": ("attached", "attach"),
    "sessions": ("sessions", "sessions"),
    "exec": ("attached", "execute"),
    "resize": ("changes", "resize"),
    "events": ("follows", "events"),
    "doctor": ("doctor", "doctor"),
    "check": ("check", "check"),
    "reload": ("reloading", "reload"),
    "import": ("importing", "import_jails"),
    "certs init": ("certs", "init"),
    "certs client": ("certs", "client"),
    "whoami": ("daemon", "whoami"),
    "ping": ("daemon", "ping"),
    "caps": ("daemon", "caps"),
    "metrics": ("daemon", "metrics"),
    "debug dump": ("debug", "dump"),
    "shutdown": ("daemon", "shutdown"),
    "upgrade": ("upgrading", "upgrade"),
    "raw": ("daemon", "raw"),
    "completion": ("completing", "completion"),
    "help": ("daemon", "help_"),
}

#: verbs that pass on the status of a program, and whose own failures are therefore 125 to 127
PASSING = frozenset({"run", "attach", "exec"})
