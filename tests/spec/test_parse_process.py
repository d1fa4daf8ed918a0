"""Tests of runjd.spec.parse_process."""

import json

import pytest

from runjd.errors import SpecError
from runjd.spec.model import Capabilities, ConsoleSize, CpuAffinity, IoPriority, Process, Rlimit, Scheduler, User
from runjd.spec.parse import parse_config
from runjd.spec.parse_process import parse_process, process_to_json
from tests.spec.documents import check_fault, encoded, good, with_process

EVERY = Process(
    args=("/usr/sbin/nginx", "-g", "daemon off;", ""),
    cwd="/var/www",
    env=("PATH=/usr/sbin:/usr/bin", "EMPTY=", "NAME=größe=1"),
    terminal=True,
    console_size=ConsoleSize(50, 132),
    user=User(101, 102, 0o022, (5, 2**32 - 2)),
    rlimits=(Rlimit("RLIMIT_NOFILE", 1024, 4096), Rlimit("RLIMIT_CORE", 0, 2**64 - 1)),
    capabilities=Capabilities(
        bounding=("CAP_KILL", "CAP_NET_BIND_SERVICE"),
        effective=("CAP_KILL",),
        inheritable=("CAP_CHOWN",),
        permitted=("CAP_KILL", "CAP_FUTURE_1"),
        ambient=("CAP_NET_BIND_SERVICE",),
    ),
    no_new_privileges=True,
    oom_score_adj=-500,
    apparmor_profile="web",
    selinux_label="system_u:system_r:svirt_lxc_net_t:s0:c1,c2",
    scheduler=Scheduler("SCHED_BATCH", 5),
    io_priority=IoPriority("IOPRIO_CLASS_IDLE", 4),
    exec_cpu_affinity=CpuAffinity((0, 1)),
)


def test_every_property_of_the_process_is_read() -> None:
    """The process of a bundle comes out as it is written."""
    assert parse_config(encoded(good("every-linux-property")), "config.json").process == EVERY


def test_a_process_document_is_read_by_the_same_rules() -> None:
    """The document of an exec has the form of the bundle's process, in bytes or as JSON values."""
    document = good("every-linux-property")["process"]
    assert parse_process(document) == EVERY
    assert parse_process(encoded(document), "process.json") == EVERY


def test_a_process_travels_as_json() -> None:
    """What is written of a process is read back as the same."""
    assert parse_process(json.loads(json.dumps(process_to_json(EVERY)))) == EVERY
    assert Process(("true",)) == parse_process(process_to_json(Process(("true",))))


def test_no_capabilities_are_not_the_same_as_none_named() -> None:
    """An empty object asks for no capability at all; its absence asks for nothing."""
    for capabilities in (None, Capabilities()):
        process = Process(("true",), capabilities=capabilities)
        assert process == parse_process(process_to_json(process))


@pytest.mark.parametrize(
    ("properties", "path", "words"),
    [
        ({"args": None}, "args", "found null, expected an array of strings"),
        ({"args": "ls -l"}, "args", "expected an array of strings"),
        ({"args": []}, "args", "is empty"),
        ({"args": ["", "-l"]}, "args[0]", "is empty"),
        ({"args": ["ls", 5]}, "args[1]", "found 5, expected a string"),
        ({"args": ["ls", "a\0"]}, "args[1]", "without NUL"),
        ({"args": ["\udc80"]}, "args[0]", "half a surrogate pair"),
        ({"cwd": ""}, "cwd", "expected an absolute path"),
        ({"cwd": "tmp"}, "cwd", 'found "tmp", expected an absolute path'),
        ({"cwd": 7}, "cwd", "found 7, expected an absolute path"),
        ({"env": ["A=1", "HOME"]}, "env[1]", 'found "HOME", expected NAME=value'),
        ({"env": ["=1"]}, "env[0]", "expected NAME=value"),
        ({"env": {"A": "1"}}, "env", "found an object, expected an array of strings"),
        ({"terminal": "true"}, "terminal", 'found "true", expected true or false'),
        ({"terminal": True, "consoleSize": {"height": 1}}, "consoleSize.width", "is missing"),
        ({"terminal": True, "consoleSize": {"height": 1, "width": 65536}}, "consoleSize.width", "from 0 to 65535"),
        ({"user": 0}, "user", "found 0, expected an object"),
        ({"user": {"gid": 5}}, "user.uid", "is missing"),
        ({"user": {"uid": -1, "gid": 5}}, "user.uid", "found -1"),
        ({"user": {"uid": 2**32 - 1, "gid": 5}}, "user.uid", "from 0 to 4294967294"),
        ({"user": {"uid": True, "gid": 5}}, "user.uid", "found true"),
        ({"user": {"uid": 1, "gid": 1e3}}, "user.gid", "found 1000.0, expected a whole number"),
        ({"user": {"uid": 1, "gid": 10**40}}, "user.gid", "found a number that is far too large"),
        ({"user": {"uid": 1, "gid": 1, "umask": 644}}, "user.umask", "decimal: 18 is 022"),
        ({"user": {"uid": 1, "gid": 1, "additionalGids": [1, "2"]}}, "user.additionalGids[1]", 'found "2"'),
        ({"user": {"uid": 1, "gid": 1, "additionalGids": 5}}, "user.additionalGids", "an array of whole numbers"),
        ({"rlimits": {}}, "rlimits", "expected an array of objects"),
        ({"rlimits": [{"type": "NOFILE", "soft": 1, "hard": 1}]}, "rlimits[0].type", "as RLIMIT_NOFILE"),
        ({"rlimits": [{"type": "RLIMIT_", "soft": 1, "hard": 1}]}, "rlimits[0].type", "as RLIMIT_NOFILE"),
        ({"rlimits": [{"soft": 1, "hard": 1}]}, "rlimits[0].type", "is missing"),
        ({"rlimits": [{"type": "RLIMIT_AS", "soft": 1}]}, "rlimits[0].hard", "is missing"),
        ({"rlimits": [{"type": "RLIMIT_AS", "soft": 1, "hard": -1}]}, "rlimits[0].hard", "which is no limit"),
        ({"rlimits": [{"type": "RLIMIT_AS", "soft": 2, "hard": 1}]}, "rlimits[0].soft", "no more than hard"),
        ({"rlimits": [{"type": "RLIMIT_AS", "soft": 1, "hard": 1}] * 2}, "rlimits[1].type", "RLIMIT_AS appears twice"),
        ({"capabilities": ["CAP_KILL"]}, "capabilities", "expected an object"),
        ({"capabilities": {"bounding": ["CAP_KILL", "kill"]}}, "capabilities.bounding[1]", "a name as CAP_KILL"),
        ({"capabilities": {"ambient": "CAP_KILL"}}, "capabilities.ambient", "expected an array of strings"),
        ({"oomScoreAdj": 1001}, "oomScoreAdj", "from -1000 to 1000"),
        ({"noNewPrivileges": 1}, "noNewPrivileges", "expected true or false"),
        ({"apparmorProfile": {}}, "apparmorProfile", "expected a string"),
        ({"selinuxLabel": None}, "selinuxLabel", "found null"),
        ({"ioPriority": 4}, "ioPriority", "found 4, expected an object"),
    ],
)
def test_a_wrong_property_is_named_by_its_path(properties: dict[str, object], path: str, words: str) -> None:
    """A wrong property is named below ``process`` in a bundle, and by itself in a process document."""
    document = with_process(**properties)
    check_fault(document, f"process.{path}", words)
    check_fault(document["process"], path, words, parse_process)


@pytest.mark.parametrize("name", ["args", "cwd"])
def test_what_is_required_must_be_there(name: str) -> None:
    """A process has a program and a working directory."""
    document = {"args": ["true"], "cwd": "/"}
    del document[name]
    check_fault(document, name, "is missing", parse_process)


def test_the_console_size_is_ignored_without_a_terminal() -> None:
    """Without a terminal its size is not even looked at, as the specification wants it."""
    assert parse_process({"args": ["true"], "cwd": "/", "consoleSize": {"height": "tall"}}).console_size is None


@pytest.mark.parametrize("document", [[], None, "ls", 5, b"[]", b"", b"{"])
def test_a_document_that_is_no_object_is_refused(document: object) -> None:
    """A process document is an object."""
    with pytest.raises(SpecError, match=r"^process\.json"):
        parse_process(document, "process.json")
