"""Tests of runjd.spec.jail_conf.bundle, fstab and process: a jail becomes a bundle."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from runjd.errors import SpecError
from runjd.runtime.freebsd.plan import make_plan
from runjd.spec.jail_conf.bundle import Imported, import_jail
from runjd.spec.jail_conf.fstab import parse_fstab
from runjd.spec.jail_conf.jails import defined_jails
from runjd.spec.jail_conf.statements import parse
from runjd.spec.model import FreeBSDJail, JailAllow, Mount
from runjd.spec.parse import parse_config

_FSTAB = """
# for web
/data/www\\040files  /jails/web/var/www  nullfs  ro,late  0 0
tmpfs                /jails/web/tmp      tmpfs   rw,size=64m 0 0
/data                /elsewhere          nullfs  rw 0 0
"""


def imported(body: str, name: str = "web", files: dict[str, str] | None = None) -> Imported:
    """Return what is made of one jail."""

    def read(path: str) -> str:
        try:
            return (files or {})[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory", path) from None

    [jail] = defined_jails(parse(f"{name} {{ path = /jails/web; {body} }}", "jail.conf", lambda pattern, file: []))
    return import_jail(jail, read)


def jail_of(made: Imported) -> FreeBSDJail:
    """Return the jail of the document, which must be a good one, and have a plan."""
    config = parse_config(json.dumps(made.config).encode(), "config.json")
    make_plan(config, "/bundle", made.name.rpartition(".")[2], "/alias")
    assert config.freebsd is not None
    return config.freebsd.jail


def test_a_jail_of_the_handbook_becomes_a_bundle() -> None:
    """Its commands, its devfs, its address on an interface, its names."""
    made = imported(
        """
        exec.start = "/bin/sh /etc/rc"; exec.stop = "/bin/sh /etc/rc.shutdown jail"; exec.clean; mount.devfs;
        host.hostname = web.example.org; interface = em0; ip4.addr = 192.0.2.10;
        allow.raw_sockets; allow.mount; allow.mount.tmpfs; enforce_statfs = 1; depend = db, cache; persist;
        """
    )

    assert made.notes == ()
    assert made.depends == ("db", "cache")
    assert made.config["hostname"] == "web.example.org"
    assert made.config["root"] == {"path": "/jails/web"}
    assert made.config["mounts"] == [
        {"destination": "/dev", "type": "devfs", "source": "devfs", "options": ["ruleset=4"]}
    ]
    assert jail_of(made) == FreeBSDJail(
        ip4_addr=("192.0.2.10",),
        ip6="disable",
        interface="em0",
        sysvmsg="disable",
        sysvsem="disable",
        sysvshm="disable",
        enforce_statfs=1,
        allow=JailAllow(raw_sockets=True, mount=("tmpfs",)),
    )


def test_a_vnet_jail_keeps_its_interfaces() -> None:
    """``vnet`` alone says that it is new, and so does an interface."""
    made = jail_of(imported('vnet; vnet.interface = "epair0b", "epair1b";'))

    assert (made.vnet, made.vnet_interfaces, made.ip4) == ("new", ("epair0b", "epair1b"), "")
    assert jail_of(imported("vnet.interface = epair0b;")).vnet == "new"
    assert jail_of(imported("vnet = inherit; ip4 = inherit;")).vnet == "inherit"


def test_a_jail_without_a_word_on_the_network_has_none() -> None:
    """That is jail(8)'s default, where an engine's bundle would share the host's."""
    made = jail_of(imported(""))

    assert (made.ip4, made.ip6) == ("disable", "disable")


def test_addresses_come_in_all_forms() -> None:
    """Interface, prefix and options; what cannot be carried over is told."""
    made = imported('ip4.addr = "em0|10.0.0.1/32", "em1|10.0.0.2/24 vhid 7", 10.0.0.3; ip6.addr = "em0|fd00::1/128";')

    jail = jail_of(made)
    assert (jail.ip4_addr, jail.ip6_addr, jail.interface) == (("10.0.0.1", "10.0.0.2", "10.0.0.3"), ("fd00::1",), "em0")
    assert made.notes == (
        "jail.conf:1: ip4.addr: 10.0.0.2 is not added to em1: one interface has all addresses (em0)",
        'jail.conf:1: ip4.addr: 10.0.0.2 is added without "/24 vhid 7"',
    )


def test_permissions_have_a_property_or_an_annotation() -> None:
    """In both directions."""
    made = imported("allow.nomlock; allow.sysvipc; allow.chflags = true; allow.nfsd; allow.norouting;")

    assert jail_of(made).allow == JailAllow(mlock=False, chflags=True)
    assert made.config["annotations"] == {
        "org.freebsd.jail.allow.sysvipc": "true",
        "org.freebsd.jail.allow.nfsd": "true",
        "org.freebsd.jail.allow.routing": "false",
    }


def test_mounts_are_read_from_fstab() -> None:
    """Paths are the jail's; blanks are escaped; what is not in the jail is told."""
    made = imported(
        'mount.fstab = /etc/fstab.web; mount = "/srv /jails/web/srv nullfs rw 0 0"; mount.fdescfs; mount.procfs;',
        files={"/etc/fstab.web": _FSTAB},
    )

    config = parse_config(json.dumps(made.config).encode(), "config.json")
    assert config.mounts == (
        Mount("/srv", "nullfs", "/srv", ()),
        Mount("/var/www", "nullfs", "/data/www files", ("ro",)),
        Mount("/tmp", "tmpfs", "tmpfs", ("size=64m",)),
        Mount("/dev/fd", "fdescfs", "fdescfs", ()),
        Mount("/proc", "procfs", "procfs", ()),
    )
    assert made.notes == ("/etc/fstab.web:5: /elsewhere is not in the jail, and is not mounted",)


def test_what_runs_on_the_host_becomes_hooks() -> None:
    """In the order of jail(8)."""
    made = imported(
        'exec.created = "c"; exec.prestart = "a", "b"; exec.poststart = "d"; exec.poststop = "e"; exec.release = "f";'
    )

    config = parse_config(json.dumps(made.config).encode(), "config.json")
    phases = config.hooks
    assert [each.args[2] for each in phases.create_runtime] == ["a", "b", "c"]
    assert [each.args[2] for each in phases.poststart] == ["d"]
    assert [each.args[2] for each in phases.poststop] == ["e", "f"]
    assert phases.poststop[0].env is not None
    assert "JAIL=web" in phases.poststop[0].env


def test_the_process_runs_the_commands_and_waits_to_be_told_to_end() -> None:
    """Told so, it runs what stops the jail, ends well, and leaves no process."""
    made = imported('exec.start = "echo one", "echo two"; exec.stop = "echo stopped";')
    process = made.config["process"]
    assert isinstance(process, dict)

    with subprocess.Popen(process["args"], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert [running.stdout.readline() for _ in range(2)] == ["one\n", "two\n"]
        running.terminate()
        assert running.stdout.readline() == "stopped\n"
        assert running.wait(10) == 0
        assert running.stdout.read() == ""  # at the end of the last who holds it


def test_a_jail_with_nothing_but_a_command_is_that_command() -> None:
    """Its life is the jail's."""
    for body, args in (
        ('command = "/usr/local/bin/serve -p 80";', ["/bin/sh", "-c", "exec /usr/local/bin/serve -p 80"]),
        ("command = /bin/serve, -p, 80;", ["/bin/serve", "-p", "80"]),
    ):
        process = imported(body).config["process"]
        assert isinstance(process, dict)
        assert process["args"] == args


def test_a_child_jail_names_its_parent() -> None:
    """By the dots of its name."""
    assert jail_of(imported("", name="pod.mail")).parent == "pod"


def test_whatever_is_not_carried_over_is_told_with_its_place() -> None:
    """And what to do instead, where that is known."""
    made = imported("securelevel = 3; exec.consolelog = /var/log/web; osrelease = 12; exec.jail_user = www;")

    assert [each.partition(": ")[2] for each in made.notes] == [
        'exec.jail_user: "www" is root; set process.user.uid and gid to the numbers in the jail',
        "securelevel: set kern.securelevel in the jail",
        "exec.consolelog: runjd keeps the output of every jail; runjctl logs shows it",
        "osrelease: has no place in a bundle",
    ]
    assert all(each.startswith("jail.conf:1: ") for each in made.notes)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("host = maybe;", 'host: found "maybe", expected one of new, inherit'),
        ("enforce_statfs = 3;", 'enforce_statfs: found "3", expected a number from 0 to 2'),
        ("sysvshm = yes;", 'sysvshm: found "yes"'),
        ("mount.fstab = /no/such;", "mount.fstab: /no/such: No such file or directory"),
        ('mount = "/srv /jails/web/srv";', "expected source, mount point, type and options"),
        ("allow.chflags = maybe;", 'allow.chflags: found "maybe", expected true or false'),
        ("path = relative;", 'the jail "web" has no path'),
    ],
)
def test_what_makes_no_sense_is_an_error_with_its_place(body: str, words: str) -> None:
    """File and line."""
    with pytest.raises(SpecError) as raised:
        imported(body)

    assert raised.value.file == "jail.conf:1"
    assert words in raised.value.reason


def test_a_line_of_fstab_may_say_nothing() -> None:
    """Comments and empty lines."""
    assert parse_fstab("", "f:1") is None
    assert parse_fstab("  # all of it", "f:1") is None


@pytest.mark.skipif(sys.platform == "win32", reason="there is no sh")
def test_every_script_is_one_that_sh_takes() -> None:
    """Also without commands."""
    process = imported("").config["process"]
    assert isinstance(process, dict)

    assert subprocess.run(["/bin/sh", "-n", "-c", process["args"][2]], check=False).returncode == 0


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ("", None),
        ("stop.timeout = 0;", 0),
        ("stop.timeout = 30;", 30),
        ("exec.stop = x;", 100),
        ("exec.stop = x; exec.timeout = 20; stop.timeout = 5;", 25),
        ("exec.stop = x; exec.timeout = 0;", 100),
    ],
)
def test_a_jail_gets_the_time_to_stop_that_it_had(body, seconds):
    """That of exec.stop, which is rc.shutdown(8)'s where nobody says otherwise, and of what it leaves."""
    assert imported(body).stop_timeout == seconds


def test_a_jail_in_a_jail_depends_on_it():
    """As jail(8) has it."""
    assert imported("depend = db;", "web.inner").depends == ("db", "web")
