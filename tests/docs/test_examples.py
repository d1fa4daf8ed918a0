"""The examples of the manual pages do what the pages say."""

import json

import pytest

from runjd.spec.example import minimal_config
from tests.docs.examples import commands_of
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


def bundle(reader, path, *command):
    """Write a bundle with a busybox that answers to the names that are needed here."""
    config = minimal_config(list(command), root=f"{path}/rootfs")
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
    assert reader.type(stop) == ("", 0)
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
