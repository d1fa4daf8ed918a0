"""What is handed out: an sdist that has everything, an editable installation, and how a release is made."""

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import runjd

CHECKOUT = Path(__file__).parent.parent
BUILD = "import sys; from setuptools import build_meta as b; d = sys.argv[1]; b.build_sdist(d); b.build_wheel(d)"
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Somebody"), ("EMAIL", "somebody@example.org"))
}

pytestmark = pytest.mark.skipif(
    shutil.which("git") is None or not (CHECKOUT / ".git").exists(), reason="needs git and a checkout"
)


def files():
    """Return what belongs to the checkout."""
    command = ["git", "-C", str(CHECKOUT), "ls-files", "--cached"]
    named = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    return [name for name in named if name and (CHECKOUT / name).is_file() and not (CHECKOUT / name).is_symlink()]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return a copy of the checkout."""
    pytest.importorskip("setuptools", "70.1", reason="setuptools builds wheels from 70.1 on")
    made = tmp_path_factory.mktemp("source")
    for name in files():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, made / name)
    return made


def run(*command, **options):
    """Run something that has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def modules(wheel):
    """Return the names in a wheel."""
    with zipfile.ZipFile(wheel) as opened:
        return sorted(opened.namelist())


def test_an_sdist_has_everything_and_builds_the_same_wheel(source, tmp_path):
    """No file of the checkout is missing in it; what is built of it, without git, has the same files."""
    run(sys.executable, "-c", BUILD, str(tmp_path / "first"), cwd=source)
    [sdist] = (tmp_path / "first").glob("*.tar.gz")
    (tmp_path / "unpacked").mkdir()
    run("tar", "-xzf", str(sdist), "-C", str(tmp_path / "unpacked"))
    [unpacked] = (tmp_path / "unpacked").iterdir()

    assert [name for name in files() if not (unpacked / name).exists()] == []
    run(sys.executable, "-c", BUILD, str(tmp_path / "second"), cwd=unpacked)
    first, second = (next((tmp_path / each).glob("*.whl")) for each in ("first", "second"))
    assert (first.name, modules(first)) == (second.name, modules(second))


@pytest.mark.parametrize("cwd", ["/", "/usr"])
def test_an_editable_installation_is_found_by_twistd(source, tmp_path, cwd):
    """From everywhere, by ``pip install -e`` without further options; changes of the sources are there at once."""
    prefix = tmp_path / "prefix"
    venv.create(prefix, symlinks=True)
    python = str(prefix / "bin/python3")
    (packages,) = prefix.glob("lib/python3*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "ours.pth").write_text("".join(f"{path}\n" for path in ours))
    install = ["-q", "--no-deps", "--no-index", "--no-build-isolation", "-e", str(source)]
    run(sys.executable, "-m", "pip", "--python", python, "install", *install)

    script = "from twisted.scripts.twistd import run; run()"
    # nor may it be found by where the tests themselves are
    options = {"cwd": cwd, "env": {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}}
    assert "    runjd " in run(python, "-c", script, "--help", **options)
    assert run(python, "-c", "import runjd; print(runjd.__file__)", **options) == f"{source}/runjd/__init__.py\n"


def test_a_release_is_what_its_tag_names(source, tmp_path):
    """Version, NEWS, tag and what is built agree; the checkout goes on with the next number."""
    pytest.importorskip("towncrier", reason="towncrier is not installed (make venv installs it)")
    checkout = tmp_path / "checkout"
    shutil.copytree(source, checkout, ignore=shutil.ignore_patterns("build", "dist", "*.egg-info"))
    options = {"cwd": checkout, "env": {**os.environ, **IDENTITY}}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        run("git", *command, **options)

    said = run(sys.executable, ".ci/release", "7.8.9", **options)

    assert "dist/runjd-7.8.9.tar.gz\n" in said
    assert (checkout / "dist/runjd-7.8.9-py3-none-any.whl").exists()
    assert run("git", "show", "v7.8.9:runjd/__init__.py", **options).endswith('__version__ = "7.8.9"\n')
    news = run("git", "show", "v7.8.9:NEWS", **options)
    assert re.search(r"^runjd 7\.8\.9 \(20\d\d-\d\d-\d\d\)$", news, re.MULTILINE)
    assert os.listdir(checkout / "newsfragments") == ["README.md"]
    assert run("git", "status", "--porcelain", **options) == ""
    assert '__version__ = "7.8.10.dev0"' in (checkout / "runjd/__init__.py").read_text()
    again = subprocess.run([sys.executable, ".ci/release", "7.8.9"], capture_output=True, check=False, **options)
    assert (again.returncode, again.stderr) == (1, b"there is a v7.8.9 already\n")


def test_the_debian_package_has_the_version_and_dependencies_of_the_package():
    """Its example in etc/debian does not lag behind; its scripts are such as sh takes."""
    debian = CHECKOUT / "etc/debian"
    wanted = re.findall(r"^ +([A-Za-z.-]+)\S* >= (\S+)", (CHECKOUT / "setup.cfg").read_text(), re.MULTILINE)
    [twisted] = [version for name, version in wanted if name == "Twisted"]

    assert (debian / "changelog").read_text().startswith(f"runjd ({runjd.__version__.replace('.dev', '~dev')}) ")
    assert (debian / "control").read_text().count(f"python3-twisted (>= {twisted})") == 2
    for name in ("runjd.postinst", "runjd.prerm", "runjd.postrm"):
        run("/bin/sh", "-n", str(debian / name))
    for line in (debian / "runjd.examples").read_text().split():
        assert (CHECKOUT / line).exists()
