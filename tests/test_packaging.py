"""What is installed is whole, and works as installed."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import runjd
from runjd.keeper import messages
from tests.keeper.running import RunningKeeper

CHECKOUT = Path(__file__).parent.parent
PROGRAMS = {
    "runj": "runjd.cli.runj",
    "runjctl": "runjd.cli.runjctl",
    "runjd-keeper": "runjd.keeper.main",
    "containerd-shim-runj-v1": "runjd.cli.shim.main",
}
HELLO = [
    ("runj", "--version", "runj version "),
    ("runjctl", "--version", "runjctl "),
    ("runjd-keeper", "--help", "usage: "),
    ("containerd-shim-runj-v1", "-v", "containerd-shim-runj-v1:\n"),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return a wheel built from the checkout's files, with what is in the environment already."""
    pytest.importorskip("setuptools", "70.1", reason="setuptools builds wheels from 70.1 on")
    source = tmp_path_factory.mktemp("source")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    for name in ("runjd", "twisted", "bin"):
        shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"))
    run("pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(source / "dist"), str(source))
    (made,) = (source / "dist").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return a virtual environment, in a directory with a space, that has the wheel and sees our Twisted."""
    prefix = tmp_path_factory.mktemp("an installation") / "prefix"
    venv.create(prefix, symlinks=True)
    run("pip", "--python", str(prefix / "bin/python3"), "install", "-q", "--no-deps", "--no-index", str(wheel))
    (packages,) = prefix.glob("lib/python3*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    # This adds directories to the path; .pth files in those, which would let the checkout in, are not read.
    (packages / "ours.pth").write_text("".join(f"{path}\n" for path in ours))
    return prefix


def run(module, *arguments):
    """Run a module of our own environment."""
    subprocess.run([sys.executable, "-m", module, *arguments], check=True, stdin=subprocess.DEVNULL)


def call(program, *arguments, **options):
    """Run an installed program outside of the checkout."""
    options = {"cwd": "/", "text": True, "stdin": subprocess.DEVNULL, **options}
    return subprocess.run([str(program), *arguments], capture_output=True, check=False, **options)


def test_every_package_of_the_tree_is_listed():
    """setup.cfg lists the packages one by one, and none is missing."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    tree = {str(init.parent.relative_to(CHECKOUT)).replace("/", ".") for init in CHECKOUT.glob("runjd/**/__init__.py")}

    assert set(setup["options"]["packages"].split()) == tree | {"twisted.plugins"}


def test_every_folder_with_code_is_a_package():
    """A folder without __init__.py would be left out of the wheel."""
    bare = {path.parent for path in CHECKOUT.glob("runjd/**/*.py") if not (path.parent / "__init__.py").exists()}

    assert bare == set()


def test_the_plugin_does_not_make_a_package_of_twisted():
    """An __init__.py in twisted/ would hide the real Twisted."""
    assert list(CHECKOUT.glob("twisted/**/__init__.py")) == []


@pytest.mark.parametrize(("program", "module"), PROGRAMS.items())
def test_the_programs_start_in_one_way(program, module):
    """The scripts differ only in what they import, and are executable; that of the shim may end before."""
    path = CHECKOUT / "bin" / program
    text = path.read_text()

    assert os.access(path, os.X_OK)
    assert text.count(f"from {module} import main\n") == 1
    without = re.sub(r"# A container that was deleted.*?(?=# Starts the interpreter)", "", text, flags=re.S)
    assert without.replace(module, "runjd.cli.runj") == (CHECKOUT / "bin/runj").read_text()


@pytest.mark.parametrize("cwd", ["/", "/usr", str(CHECKOUT)])
def test_twistd_knows_the_plugin_everywhere(installed, cwd):
    """An installed runjd is listed by twistd whatever the working directory is."""
    script = "from twisted.scripts.twistd import run; run()"
    done = call(installed / "bin/python3", "-c", script, "--help", cwd=cwd)

    assert "    runjd " in done.stdout, done.stderr


@pytest.mark.parametrize(("program", "option", "answer"), HELLO)
def test_an_installed_program_runs(installed, program, option, answer):
    """Every program works from a regular installation."""
    done = call(installed / "bin" / program, option)

    assert (done.returncode, done.stderr, done.stdout[: len(answer)]) == (0, "", answer)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_interpreter_is_bare(installed, program, tmp_path):
    """It is the installation's own, isolated and without site, and the code comes from there by an absolute path."""
    module = PROGRAMS[program].partition(".")[2].replace(".", "/") + ".py"
    (packages,) = installed.glob("lib/python3*/site-packages")
    copy = tmp_path / "prefix"
    shutil.copytree(installed, copy, symlinks=True)
    report = "import sys\ndef main(words):\n    print(sys.flags, __file__, words, *sys.modules)\n    return 3\n"
    (copy / packages.relative_to(installed) / "runjd" / module).write_text(report)
    done = call(f"bin/{program}", "a b", "", cwd=copy)

    assert (done.returncode, done.stderr) == (3, "")
    assert f"{copy}/lib/" in done.stdout
    assert "['a b', '']" in done.stdout
    assert "isolated=1" in done.stdout
    assert "site" not in done.stdout.split()


@pytest.mark.parametrize("link", ["absolute", "relative", "twice", "directory"])
def test_a_program_is_found_through_links(installed, tmp_path, link):
    """A symbolic link to a program, or to the directory it lies in, starts the same installation."""
    real, name = installed / "bin/runj", tmp_path / "short name"
    if link == "directory":
        name.symlink_to(real.parent)
        name = name / "runj"
    elif link == "relative":
        name.symlink_to(os.path.relpath(real, tmp_path))
    elif link == "absolute":
        name.symlink_to(real)
    else:
        (tmp_path / "other").symlink_to(real)
        name.symlink_to("other")

    assert runjd.__version__ in call(name, "--version").stdout


@pytest.mark.parametrize("argv0", ["./runj", "runj", "../bin/runj", ".//runj"])
def test_a_program_is_found_by_a_relative_name(installed, argv0):
    """The name may be relative; what is imported is found by an absolute one, for the program may change directory."""
    done = call("/bin/sh", argv0, "--version", cwd=installed / "bin")

    assert runjd.__version__ in done.stdout, done.stderr


@pytest.mark.parametrize(("program", "option", "answer"), HELLO)
def test_a_program_ignores_the_callers_python(installed, tmp_path, program, option, answer):
    """Hostile PYTHON variables, modules in the working directory and a user's site change nothing."""
    trap = "import os; os.write(1, b'trapped'); os._exit(99)"
    for name in ("os.py", "json.py", "runjd.py", "sitecustomize.py", "usercustomize.py"):
        (tmp_path / name).write_text(trap)
    hostile = {
        "PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "os.py"),
        "PYTHONINSPECT": "1", "PYTHONUSERBASE": str(tmp_path), "ENV": str(tmp_path / "os.py"), "PATH": str(tmp_path),
    }  # fmt: skip
    done = call(installed / "bin" / program, option, cwd=tmp_path, env=hostile)

    assert (done.returncode, done.stderr, done.stdout[: len(answer)]) == (0, "", answer)


def test_a_program_takes_the_interpreter_that_has_the_package(installed, tmp_path):
    """Where several versions share a prefix, as in /usr/local, python3 may be one that does not have it."""
    prefix = tmp_path / "local"
    shutil.copytree(installed, prefix, symlinks=True)
    (prefix / "bin/python3").unlink()
    (prefix / "bin/python3").symlink_to("/bin/false")
    (prefix / "lib/python3.99").mkdir()

    assert runjd.__version__ in call(prefix / "bin/runj", "--version").stdout


def test_a_program_without_its_package_says_so(installed, tmp_path):
    """A script that was copied away names the interpreter that it found, and shows no traceback."""
    shutil.copy(installed / "bin/runj", tmp_path)
    (tmp_path / "python3").symlink_to("/usr/bin/python3")
    done = call(tmp_path / "runj", "--version")

    assert done.returncode == 1
    assert done.stderr == f"runj: {tmp_path}/python3 has no package runjd; install it again\n"


def test_output_that_cannot_be_written_is_an_error(installed):
    """A full disk under standard output makes the exit status 74, though the interpreter is not torn down."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [str(installed / "bin/runj"), "--version"], stdout=full, stderr=subprocess.PIPE, text=True
        )

    assert done.returncode == 74
    assert done.stderr == "standard output: No space left on device\n"


def test_an_installed_keeper_is_replaced_by_what_is_installed(installed, private_dir):
    """Its script of sh(1) does not run in its place, which would wait for its children; and so once more."""
    keeper = RunningKeeper(private_dir, program=str(installed / "bin/runjd-keeper"))
    try:
        daemon = keeper.greeted()
        daemon.run("web", keeper.bundle("web", "/bin/sh", "-c", "sleep 1; exit 7"))
        for _ in range(2):
            daemon.do(messages.ask_upgrade)
        assert daemon.exit("web")["status"] == 7
    finally:
        keeper.end()
