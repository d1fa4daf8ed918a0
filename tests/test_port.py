"""What comes for FreeBSD beside the programs: a port to start from, the rc.d script, rules of devfs."""

import configparser
import re
import subprocess
from pathlib import Path

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
    script = ETC / "freebsd" / "runjd.rc"

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
    for line in (ETC / "freebsd" / "devfs.rules").read_text().splitlines():
        if line.startswith("["):
            numbers.append(int(re.fullmatch(r"\[\w+=(\d+)\]", line).group(1)))
        elif line and not line.startswith("#"):
            assert re.fullmatch(r"add (include \$\w+|path ('[^']+'|\S+) (un)?hide)", line)

    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > 5
