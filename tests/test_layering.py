"""The house keeps its order: who may import what, and what no file may become."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
PACKAGE = CHECKOUT / "runjd"

# Each room may import from the rooms before it, and from itself.
ROOMS = (
    "light_os",
    "bytecode",
    "pack",
    "errors", "values", "ancestry",
    "spec", "policy", "config", "interfaces", "logs", "kernel", "runtime", "container", "keeper",
    "protocols", "access", "supervise", "containerd", "web", "cli", "tap",
)  # fmt: skip
PURE_ROOMS = {"errors", "values", "ancestry", "spec", "policy", "config", "logs", "kernel", "runtime", "container",
              "keeper", "cli"}  # fmt: skip
# zope interfaces are for the daemon's rooms, whatever their place in the order.
DAEMON_ROOMS = set(ROOMS) - PURE_ROOMS
FRAMEWORKS = {"twisted", "zope", "attr", "attrs", "automat", "OpenSSL", "cryptography", "service_identity"}
TLS = {"OpenSSL", "cryptography", "service_identity", "ssl", "twisted.internet.ssl", "twisted.protocols.tls"}
BANNED_NAMES = {"util", "utils", "helper", "helpers", "common", "base", "manager", "handler", "processor", "engine",
                "component", "misc"}  # fmt: skip
LINES = 500

MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((CHECKOUT / "tests").rglob("*.py"))


def name_of(path: Path) -> str:
    """Return a path of the checkout as people write it."""
    return str(path.relative_to(CHECKOUT))


def room_of(module: str) -> str:
    """Return the room a dotted name of ours lives in; empty for the package itself."""
    return module.split(".")[1] if "." in module else ""


def tree_of(path: Path) -> ast.Module:
    """Return the parsed source."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports_of(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Yield line, dotted name and whether only type checkers see it, for every import at any depth."""
    tree = tree_of(path)
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: write imports in full"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}", id(node) in typing_only


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_from_rooms_above_its_own(path):
    """A room knows the rooms above it in the design's order and none below, inside functions and for types, too."""
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room == "__init__":
        return
    allowed = {each for each in ROOMS[: ROOMS.index(room) + 1] if each != "interfaces" or room in DAEMON_ROOMS}
    wrong = [
        f"{name_of(path)}:{line}: {name}"
        for line, name, _ in imports_of(path)
        if name.startswith("runjd.") and room_of(name) in ROOMS and room_of(name) not in allowed
    ]

    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_rooms_of_the_daemon_know_twisted_and_zope(path):
    """What runj, runjctl and the keeper are made of imports nothing but the standard library."""
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    wrong = [
        f"{name_of(path)}:{line}: {name}"
        for line, name, _ in imports_of(path)
        if room in PURE_ROOMS and name.split(".")[0] in FRAMEWORKS
    ]

    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_tls_stays_in_the_room_of_access(path):
    """cryptography costs 13 MB of memory, so only access/ imports what leads to it."""
    room = path.relative_to(PACKAGE).parts[0]
    wrong = [
        f"{name_of(path)}:{line}: {name}"
        for line, name, typing_only in imports_of(path)
        if room != "access" and not typing_only and (name.split(".")[0] in TLS or name.rpartition(".")[0] in TLS)
    ]

    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_public_function_says_what_it_does(path):
    """Modules, public classes and public functions have docstrings; methods may inherit theirs."""
    tree = tree_of(path)
    found: list[tuple[int, str]] = []
    if path.name != "__init__.py" and not ast.get_docstring(tree):
        found.append((1, "the module"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not node.name.startswith("_") and not ast.get_docstring(node):
                found.append((node.lineno, node.name))

    assert [f"{name_of(path)}:{line}: {what} has no docstring" for line, what in found] == []


@pytest.mark.parametrize("path", [path for path in TESTS if path.name.startswith("test_")], ids=name_of)
def test_every_test_states_a_behaviour(path):
    """Each test function's docstring is the sentence that it proves."""
    wrong = [
        f"{name_of(path)}:{node.lineno}: {node.name}"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert wrong == []


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=name_of)
def test_no_file_grows_too_long(path):
    """A file that has more than 500 lines has more than one purpose."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_named_after_what_it_holds(path):
    """Names that could mean anything are not used for modules."""
    assert not set(path.stem.split("_")) & BANNED_NAMES


def test_every_folder_of_the_package_is_a_room():
    """A new room is put into the order before it is built."""
    parts = {path for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    rooms = {path.stem for path in parts if not path.name.startswith("__")}

    assert rooms <= set(ROOMS)


# What costs a program at every start.  enum is not here, as json brings it along.
COSTLY = {
    "typing", "dataclasses", "argparse", "inspect", "socket", "subprocess", "asyncio", "logging", "pathlib",
    "tempfile", "shutil", "selectors", "signal", "twisted", "zope", "attr", "site",
}  # fmt: skip


@pytest.mark.parametrize(
    ("module", "argument"),
    [
        ("runjd.cli.runj", "--version"),
        ("runjd.cli.runjctl", "--help"),
        ("runjd.keeper.main", "--help"),
        ("runjd.cli.shim.main", "-info"),
    ],
)
def test_a_program_starts_with_few_modules(module, argument):
    """runj, runjctl and the keeper load nothing that is known to be slow or large."""
    script = f"""
import sys
sys.path.append({str(CHECKOUT)!r})
from {module} import main
try:
    status = main([{argument!r}])
except SystemExit as end:
    status = end.code
sys.stderr.write("\\n" + " ".join(sys.modules))
sys.exit(status)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, errors="replace", check=False
    )

    assert done.returncode == 0, done.stderr
    assert COSTLY & set(done.stderr.splitlines()[-1].split()) == set()
