"""What comes for FreeBSD beside the programs: a port to start from, the rc.d script, rules of devfs."""

import configparser
import re
import subprocess
from pathlib import Path

import pytest

import runjd

CHECKOUT = Path(__file__).parent.parent
ETC = CHECKOUT / "etc"


def test_the_port_has_the_version_dependencies_and_pages_of_the_package():
    """What setup.cfg asks for, the port asks for; every manual page is in its list."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    wanted = re.findall(r"^([A-Za-z.-]+)\S* >= (\S+)", setup["options"]["install_requires"], re.MULTILINE)
    port = (ETC / "port" / "Makefile").read_text()

    assert re.search(rf"^DISTVERSION=\t{re.escape(runjd.__version__.partition('.dev')[0])}$", port, re.MULTILINE)
    for name, version in wanted:
        assert f"${{PYTHON_PKGNAMEPREFIX}}{name.lower()}>={version}:" in port
    listed = set(re.findall(r"share/man/man\d/(\S+)\.gz", port))
    assert listed == {page.name for page in (CHECKOUT / "man").glob("*.[1-9]")}


def test_the_rc_script_is_one_that_sh_takes():
    """And it has what rc(8) reads."""
    script = ETC / "rc.d" / "runjd"

    assert subprocess.run(["/bin/sh", "-n", str(script)], check=False).returncode == 0
    text = script.read_text()
    for word in (
        "# PROVIDE: runjd",
        "# KEYWORD: shutdown",
        "rcvar=runjd_enable",
        "required_modules=",
        "run_rc_command",
    ):
        assert word in text


def test_rules_of_devfs_are_numbered_beyond_the_systems_own():
    """devfs.rules(5): a name and a number in brackets, then lines that add something."""
    numbers = []
    for line in (ETC / "devfs.rules").read_text().splitlines():
        if line.startswith("["):
            numbers.append(int(re.fullmatch(r"\[\w+=(\d+)\]", line).group(1)))
        elif line and not line.startswith("#"):
            assert re.fullmatch(r"add (include \$\w+|path ('[^']+'|\S+) (un)?hide)", line)

    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > 5


RC_SUBR = """
load_rc_config() { :; }
checkyesno() { eval "test \\$$1 = YES"; }
warn() { echo "$@"; }
run_rc_command() {
    eval "precmd=\\${$1_precmd:-:} cmd=\\${$1_cmd:-echo ${command} ${command_args}}"
    $precmd && $cmd
}
"""


@pytest.mark.parametrize(
    ("verb", "settings", "status", "done"),
    [
        ("reload", "", 0, ["runjctl reload"]),
        ("start", "", 0, ["daemon"]),
        ("start", "runjd_config=/e/runjd.toml", 0, ["runjctl check /e/runjd.toml", "daemon"]),
        ("start", "runjd_config=/e/runjd.toml", 78, ["runjctl check /e/runjd.toml"]),
        ("restart", "runjd_config=/e/runjd.toml", 78, ["runjctl check /e/runjd.toml"]),
        ("stop", "", 0, ["daemon"]),
        ("stop", "rc_shutdown=reboot", 0, ["runjctl shutdown --stop", "daemon"]),
        (
            "stop",
            "rc_shutdown=reboot",
            1,
            ["runjctl shutdown --stop", "the jails could not be stopped in order", "daemon"],
        ),
        ("stop", "runjd_keep=NO", 0, ["runjctl shutdown --stop", "daemon"]),
    ],
)
def test_the_rc_script_does_what_is_asked_of_it(tmp_path, verb, settings, status, done):
    """
    A configuration that is wrong is told before anything is stopped or started; reload asks the daemon.

    Jails are stopped with the system, or where it is said so, and whatever becomes of that the daemon is.
    """
    (tmp_path / "rc.subr").write_text(RC_SUBR)
    (tmp_path / "runjctl").write_text(f'#!/bin/sh\necho runjctl "$@"\nexit {status}\n')
    (tmp_path / "runjctl").chmod(0o755)
    script = (ETC / "rc.d" / "runjd").read_text()
    script = script.replace("/etc/rc.subr", f"{tmp_path}/rc.subr").replace(
        "/usr/local/bin/runjctl", f"{tmp_path}/runjctl"
    )

    ran = subprocess.run(
        ["/bin/sh", "-c", f"{settings}\n{script}", "runjd", verb], capture_output=True, text=True, check=False
    )

    assert [line.partition(" -P")[0].replace("/usr/sbin/", "") for line in ran.stdout.splitlines()] == done
    if verb == "start" and "daemon" in done:
        assert ("--config /e/runjd.toml" in ran.stdout) is bool(settings)


def test_jails_have_less_time_to_stop_than_the_system_gives():
    """rc.shutdown(8) is killed after 90 seconds; a jail that hangs must not cost others their end."""
    script = (ETC / "rc.d" / "runjd").read_text()

    assert 0 < int(re.search(r"runjd_patience:=(\d+)", script).group(1)) < 90
    assert 'timeout "${runjd_patience}" /usr/local/bin/runjctl shutdown --stop' in script


def test_the_port_installs_what_it_lists():
    """Each file of its list is put there by a rule, and each sample is there to be installed."""
    port = (ETC / "port" / "Makefile").read_text()
    for installed, source in re.findall(
        r"^\t\$\{INSTALL_(?:DATA|SCRIPT)\} (?:\$\{WRKSRC\})/(\S+)(.*)", port, re.MULTILINE
    ):
        assert (CHECKOUT / installed).exists(), source
    for listed in re.findall(r"etc/\S+?(?=\"| \\)", port[port.index("PLIST_FILES") : port.index("PLIST_DIRS")]):
        assert f"${{STAGEDIR}}${{PREFIX}}/{listed}" in port


def test_the_port_says_how_an_upgrade_goes_on():
    """Whoever upgrades the package is told the command, and the rc.d script has it."""
    assert "service runjd upgrade" in (ETC / "port" / "pkg-message").read_text()
    assert 'extra_commands="reload upgrade"' in (ETC / "rc.d" / "runjd").read_text()
