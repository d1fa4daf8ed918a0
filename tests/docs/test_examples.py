"""The examples of the manual pages do what the pages say."""

import json
import re

import pytest

from runjd.config.load import load
from runjd.spec.example import minimal_config, plain_config
from tests.docs.examples import commands_of
from tests.docs.pages import CHECKOUT
from tests.docs.reader import Reader

pytestmark = [pytest.mark.linux, pytest.mark.root]

#: they need other machines; tests/peers has what they need here
FAR = ("runj demo ", "skopeo ", "ctr ")


@pytest.fixture
def reader():
    """Return somebody with a daemon, and the bundles that the pages speak of."""
    with Reader() as made:
        made.start_daemon()
        yield made


def bundle(reader, path, *command, plain=False):
    """Write a bundle with a busybox that answers to the names that are needed here; a plain one is not isolated."""
    config = plain_config(list(command), root="/") if plain else minimal_config(list(command), root=f"{path}/rootfs")
    assert reader.type(f"mkdir -p {path}/rootfs/bin {path}/rootfs/etc && cp /bin/busybox {path}/rootfs/bin").status == 0
    names = "sh sleep tar sort true echo"
    assert reader.type(f"for name in {names}; do ln -s busybox {path}/rootfs/bin/$name; done").output == ""
    reader.type(f"echo jail > {path}/rootfs/etc/hostname")
    reader.write(f"{path}/config.json", json.dumps(config) + "\n")


def near(page):
    """Return the commands of a page that this machine can do."""
    return [each for each in commands_of(page) if not each.startswith(FAR)]


def test_of_runjctl(reader):
    """They run and enter jails, and tell of them."""
    bundle(reader, "/srv/bundles/job", "/bin/echo", "done")
    bundle(reader, "/srv/bundles/web", "/bin/sleep", "1000")
    bundle(reader, "/srv/bundles/crash", "/bin/sh", "-c", "exit 1")
    run, shell, copy, held_off, stop = near("runjctl.8")

    assert reader.type(run) == ("done\n", 0)
    assert reader.type("runjctl run -d --name web /srv/bundles/web").status == 0
    typed = f"echo 'echo $((6 * 7)); exit' | script -qec '{shell}' /dev/null"
    assert "42" in reader.type(typed).output
    reader.type(f"cd /mnt && {copy}; cd /")
    assert reader.type("cat /mnt/etc/hostname") == ("jail\n", 0)
    reader.type("runjctl run -d --restart always --name crash /srv/bundles/crash")
    until = f'until found=$({held_off}); [ -n "$found" ]; do sleep 0.1; done; echo $found'
    assert reader.type(until) == ("crash\n", 0)
    assert reader.type(stop).status == 0
    assert reader.type("runjctl status --json | jq -r '.[].status'").output == "stopped\n" * 2


def test_of_runj(reader):
    """From create to delete."""
    bundle(reader, "/srv/web", "/bin/sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done")
    create, state, start, kill, delete = near("runj.8")

    assert reader.type(create + " </dev/null >/mnt/output").output == ""
    assert json.loads(reader.type(state).output)["status"] == "created"
    assert reader.type(start) == ("", 0)
    assert reader.type("until grep -q up /mnt/output; do sleep 0.1; done; kill -0 $(cat /run/web.pid)").status == 0
    assert reader.type(kill) == ("", 0)
    assert reader.type("while kill -0 $(cat /run/web.pid) 2>/dev/null; do sleep 0.1; done").status == 0
    assert reader.type(delete) == ("", 0)
    assert reader.type(state).status == 1


def test_of_the_daemon():
    """One of one's own has nothing outside of its directories."""
    make, start, status = near("runjd.8")
    with Reader() as reader:
        reader.type("mkdir /mnt/home; export HOME=/mnt/home")

        assert reader.type(make) == ("", 0)
        reader.type(f"{start} --keeper /run/programs/runjd-keeper >/mnt/words 2>&1 &")
        wait = "until [ -S ~/jails/run/control ] || ! kill -0 $!; do sleep 0.1; done"
        assert reader.type(wait).status == 0, reader.type("cat /mnt/words").output
        assert reader.type(status) == ("", 0)
        assert reader.type("ls -d /run/runjd /var/log/runjd /var/lib/runjd").status == 2


def test_of_the_protocol(reader):
    """As a script says it to the socket."""
    bundle(reader, "/srv/bundles/web", "/bin/sleep", "1000")
    reader.type("runjctl run -d --name web /srv/bundles/web")
    ask, sort = near("runjd-control.7")

    greeting, web, end = reader.type(ask).output.splitlines()
    assert greeting.startswith("! 0 ev=hello proto=1 server=runjd/")
    assert web.startswith("* jail=web want=up status=running phase=running ready=yes ")
    assert end == "+ n=1"
    reader.type("cd /mnt; printf 'b\\nc\\na\\n' > names")
    assert reader.type(sort) == ("a\nb\nc\n", 0)


def test_of_what_a_program_can_do(reader):
    """The lines of the page come on one connection, but for numbers and times."""
    page = (CHECKOUT / "man/runjd-control.7").read_text()
    lines = page.partition("What a program can do, on one connection:\n")[2].partition(".Ed")[0].splitlines()[1:]
    asked = [line for line in lines if line[0].isdigit()]
    said = "echo listening; echo panic: no database >&2; exec sleep 1000"
    bundle(reader, "/srv/bundles/web", "/bin/sh", "-c", said, plain=True)
    reader.type("runjctl run -d --runtime plain --name web /srv/bundles/web")
    reader.type("until [ $(runjctl logs web | wc -l) = 2 ] || ! kill -0 $daemon; do sleep 0.1; done")

    typed = "; sleep 0.3; ".join(f"echo '{each}'" for each in [*asked[:1], *reversed(asked[1:])])
    heard = reader.type(f"{{ {typed}; sleep 1; }} | timeout 5 nc -UN /var/run/runjd/control").output.splitlines()

    def kind(line):
        return re.sub(r"\d+", "N", re.sub(r"by=\S+|took\S+|(?<=F )\S+| notice=.*", "", line))

    assert [kind(each) for each in lines if each not in asked and kind(each) not in {kind(one) for one in heard}] == []


def test_of_the_keeper():
    """One that somebody started is the one that a daemon uses."""
    keep, serve, read, look = near("runjd-keeper.8")
    with Reader() as reader:
        reader.type(f"mkdir -m 755 -p /srv/try; {keep} </dev/null >/mnt/said 2>&1 &")
        reader.type("until [ -S /srv/try/keeper/socket ] || ! kill -0 $!; do sleep 0.1; done")
        reader.type(f"{serve} --keeper /bin/false </dev/null >/mnt/words 2>&1 &")
        wait = "until [ -S /srv/try/control ] || ! kill -0 $!; do sleep 0.1; done; runjctl -s /srv/try/control whoami"
        assert reader.type(wait).status == 0, reader.type("cat /mnt/said /mnt/words").output
        assert "is here" in reader.type(read.replace("/var/run/runjd", "/srv/try")).output
        assert reader.type(look.replace("/var/run/runjd", "/srv/try")) == ("", 0)


def test_of_the_configuration(tmp_path):
    """It is one that nothing is wrong with."""
    page = (CHECKOUT / "man/runjd.toml.5").read_text()
    shown = page.partition(".Sh EXAMPLES\n")[2].partition("-offset indent\n")[2].partition(".Ed")[0]
    path = tmp_path / "runjd.toml"
    path.write_text(shown)

    assert {jail.id for jail in load(str(path), platform="linux").jails} == {"db", "web"}
