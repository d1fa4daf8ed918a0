"""runjd.toml and jails.d: what is read, and that all that is wrong is told at once."""

import os
import time

from runjd.config.load import load
from runjd.config.model import Limits, Overrides
from runjd.policy.settings import RestartRule
from tests.config.written import faults_of, jail_of, write


def test_a_comment_is_a_configuration(tmp_path):
    """It has no jails, and the defaults of the daemon."""
    file = write(tmp_path)

    found = load(file)

    assert (found.jails, found.files, found.daemon.parallel) == ((), (file,), 8)


def test_jails_come_from_all_files(tmp_path):
    """Those of jails.d beside runjd.toml, several in one file, too; what is no *.toml, or hidden, is not read."""
    file = write(tmp_path, '[jail.db]\nbundle = "/db"', b='[jail.x]\nbundle = "/x"\n[jail.a]\nbundle = "/a"')
    for name in (".b.toml", "b.toml~", "README"):
        (tmp_path / "jails.d" / name).write_text("not toml")

    found = load(file)

    assert [(each.id, os.path.basename(each.file)) for each in found.jails] == [
        ("a", "b.toml"),
        ("db", "runjd.toml"),
        ("x", "b.toml"),
    ]
    assert found.files == (file, str(tmp_path / "jails.d" / "b.toml"))


def test_defaults_hold_where_a_jail_says_nothing(tmp_path):
    """Key by key, also within tables; variables of the environment are merged by name."""
    jail = jail_of(
        tmp_path,
        """
        [defaults]
        restart = "always"
        backoff = { first = 1, cap = 5 }
        environment = { A = "1", B = "1" }
        [jail.web]
        root = "/r"
        command = ["/c"]
        backoff.cap = 7
        environment.B = "2"
        """,
    )

    assert jail.settings.restart == RestartRule("always")
    assert (jail.settings.backoff.first, jail.settings.backoff.cap, jail.settings.backoff.factor) == (1.0, 7.0, 2.0)
    assert jail.short.environment == (("A", "1"), ("B", "2"))


def test_a_jail_restarts_on_failure_where_nobody_says_otherwise(tmp_path):
    """A service is kept up; what was stopped or is done stays down."""
    assert jail_of(tmp_path, '[jail.web]\nbundle = "/b"').settings.restart == RestartRule("on-failure")


def test_all_errors_of_all_files_are_told_at_once(tmp_path):
    """Each with file, line, key and what was expected (torture row 38)."""
    file = write(
        tmp_path,
        """[daemon]
parallel = 0
[defualts]
[jail.web]
bundle = "/web"
requires = [
  "db",
  "dbb",
]
restrat = "always"
[jail."../../etc"]
bundle = "/x"
""",
        a='[jail.db]\nbundle = "db"\nafter = ["web"]\n[jail.web]\nbundle = "/other"\n',
        b="[jail.x]\nbundle =\n",
        c=b"[jail.y]\n# \xff".decode("latin-1"),
    )
    (tmp_path / "jails.d" / "c.toml").write_bytes(b"[jail.y]\n# \xff\n")

    assert faults_of(file) == [
        "runjd.toml:2: daemon.parallel: found 0, expected a whole number from 1 to 1000",
        'runjd.toml:3: defualts: no such key; did you mean "defaults"?',
        'runjd.toml:8: jail.web.requires[1]: no jail named "dbb"; did you mean "db"?',
        'runjd.toml:10: jail.web.restrat: no such key; did you mean "restart"?',
        (
            'runjd.toml:11: jail."../../etc": illegal id "../../etc": character 3 is "/"; an id is 1 to 200 of the '
            "characters a-z A-Z 0-9 _ + - . and does not start with . or -"
        ),
        'jails.d/a.toml:2: jail.db.bundle: found "db", expected an absolute path',
        "jails.d/a.toml:3: jail.db.after[0]: is a cycle, so none could be first: db -> web -> db",
        f"jails.d/a.toml:4: jail.web: is there already, in {tmp_path}/runjd.toml:4",
        "jails.d/b.toml:2: is no TOML: there is no value, or a string without quotes, in column 9",
        "jails.d/c.toml:2: is not UTF-8: byte 0xff cannot stand here",
    ]


def test_a_jail_whose_table_is_wrong_is_there_for_others(tmp_path):
    """One mistake is told once: nobody hears that a jail is missing whose table could not be used."""
    file = write(tmp_path, '[jail]\ndb = 5\n[jail.web]\nbundle = "/web"\nrequires = ["db"]\n')

    assert faults_of(file) == ["runjd.toml:2: jail.db: found 5, expected a table, as [jail.db]"]


def test_a_jail_cannot_require_itself(tmp_path):
    """That is the shortest cycle."""
    file = write(tmp_path, '[jail.web]\nbundle = "/web"\nafter = ["web"]\n')

    assert faults_of(file) == [
        "runjd.toml:3: jail.web.after[0]: is a cycle, so none could be first: web -> web",
    ]


def test_files_of_jails_have_jails_only(tmp_path):
    """What holds for all is in one place."""
    file = write(tmp_path, a="[daemon]\nparallel = 2\n[jial.x]\n[defaults]\n")

    assert faults_of(file) == [
        "jails.d/a.toml:1: daemon: belongs into runjd.toml; a file of jails.d has jails only",
        'jails.d/a.toml:3: jial: no such key; did you mean "jail"?',
        "jails.d/a.toml:4: defaults: belongs into runjd.toml; a file of jails.d has jails only",
    ]


def test_tables_that_are_none_are_told(tmp_path):
    """Each of the three at the top."""
    file = write(tmp_path, "daemon = 1\ndefaults = 'x'\njail = []\n")

    assert faults_of(file) == [
        "runjd.toml:1: daemon: found 1, expected a table",
        'runjd.toml:2: defaults: found "x", expected a table',
        "runjd.toml:3: jail: found an empty array, expected a table for each jail, as [jail.web]",
    ]


def test_a_jail_has_a_bundle_or_a_short_form(tmp_path):
    """Not both, and not half of one."""
    file = write(
        tmp_path,
        """[jail.both]
bundle = "/b"
command = ["/c"]
network = "host"
limits = { files = 9 }
[jail.half]
root = "/r"
[jail.none]
""",
    )

    assert faults_of(file) == [
        "runjd.toml:3: jail.both.command: does not go with bundle, whose config.json says it",
        "runjd.toml:4: jail.both.network: does not go with bundle, whose config.json says it",
        "runjd.toml:6: jail.half: needs command too",
        "runjd.toml:8: jail.none: needs bundle, or root and command",
    ]


def test_variables_and_limits_go_with_a_bundle_too(tmp_path):
    """Those of the table, and those of the defaults, which hold for all jails; else it is taken as it is."""
    table = '[jail.web]\nbundle = "/b"\n'
    assert jail_of(tmp_path, table).overrides == Overrides()

    defaults = '[defaults]\nenvironment = { A = "1" }\n'
    found = jail_of(tmp_path, f'{defaults}{table}environment = {{ B = "2" }}\nlimits.files = 9\n')

    assert found.overrides == Overrides((("A", "1"), ("B", "2")), Limits(files=9))
    assert found.short is None


def test_addresses_need_freebsd(tmp_path):
    """Where they cannot be given, that is told at once and not at the start."""
    file = write(tmp_path, '[jail.web]\nroot = "/r"\ncommand = ["/c"]\nnetwork = ["10.0.0.1", "fd00::1"]\n')

    assert faults_of(file, platform="linux") == [
        "runjd.toml:4: jail.web.network: addresses are for FreeBSD; here there is none and host",
    ]
    assert load(file, platform="freebsd14").jails[0].short.addresses == ("10.0.0.1", "fd00::1")


def test_a_runtime_must_be_there(tmp_path):
    """Of the daemon, of the defaults and of a jail."""
    file = write(
        tmp_path,
        '[daemon]\nruntime = "linxu"\n[defaults]\nruntime = "x"\n[jail.web]\nbundle = "/b"\nruntime = "plain"\n',
    )

    assert faults_of(file, runtimes=("linux", "plain")) == [
        'runjd.toml:2: daemon.runtime: found "linxu", expected one of linux, plain; did you mean "linux"?',
        'runjd.toml:4: defaults.runtime: found "x", expected one of linux, plain',
    ]


def test_ten_thousand_jails_with_an_error_each(tmp_path):
    """All are told, each on its line, and in seconds, not in hours (torture row 38)."""
    text = "".join(f'[jail.j{n}]\nbundle = "/b"\nrequires = ["k{n}"]\n' for n in range(10_000))
    file = write(tmp_path, text)

    began = time.process_time()
    found = faults_of(file)

    assert time.process_time() - began < 20
    assert len(found) == 10_000
    assert found[-1] == 'runjd.toml:30000: jail.j9999.requires[0]: no jail named "k9999"'


def test_ten_thousand_jails_in_a_row(tmp_path):
    """Nothing recurses; a cycle through all of them is told in one readable line."""
    text = "".join(f'[jail.j{n}]\nbundle = "/b"\nrequires = ["j{(n + 1) % 10_000}"]\n' for n in range(10_000))

    (found,) = faults_of(write(tmp_path, text))

    assert found.startswith("runjd.toml:3: jail.j0.requires[0]: is a cycle, so none could be first: j0 -> j1 -> ")
    assert len(found) < 300


def test_a_value_of_a_mebibyte(tmp_path):
    """It is taken where a string may have any length, and shown short where it is wrong."""
    long = "x" * (1 << 20)
    jail = jail_of(tmp_path, f'[jail.web]\nroot = "/r"\ncommand = ["/c", "{long}"]\n')
    assert len(jail.short.command[1]) == 1 << 20

    found = faults_of(write(tmp_path, f'[jail.web]\nbundle = "/b"\nrestart = "{long}"\n{long} = 1\n'))

    assert max(map(len, found)) < 1000
    assert [each.partition(": ")[0] for each in found] == ["runjd.toml:3", "runjd.toml:4"]


def test_a_thousand_jails_are_loaded_within_a_second(tmp_path):
    """With a dozen of keys each."""
    text = "".join(
        f"""
[jail.j{n}]
root = "/srv/j{n}"
command = ["/bin/sh", "-c", "exec sleep 1"]
environment = {{ LANG = "C.UTF-8", N = "{n}" }}
restart = "on-failure:5"
backoff = {{ first = "1s", cap = "1m" }}
stop = {{ signal = "INT", timeout = "20s" }}
after = ["j{max(0, n - 1)}"]
[jail.j{n}.health]
probe = {{ http = "http://127.0.0.1:80/" }}
interval = 10
"""
        for n in range(1, 1001)
    )
    file = write(tmp_path, text + '[jail.j0]\nbundle = "/b"\n')

    began = time.process_time()
    found = load(file)

    assert time.process_time() - began < 1
    assert len(found.jails) == 1001
