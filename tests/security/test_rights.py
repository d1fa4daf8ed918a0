"""
CVE-2022-29162 and its like: rights that a process of a jail was not given, and ids that are not what they seem.
"""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from runjd.errors import RunjdError
from runjd.kernel import credentials
from runjd.kernel.capabilities import NUMBERS
from tests.security.hostile import DEFAULT_CAPABILITIES, Hostile

pytestmark = pytest.mark.root

SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
STATUS = ["grep", "-E", "^(Cap|Uid|Gid|Groups|NoNewPrivs)", "/proc/self/status"]

Status = dict[str, list[str]]


def _status(text: str) -> Status:
    return {line.partition(":")[0]: line.partition(":")[2].split() for line in text.splitlines()}


def _mask(*names: str) -> str:
    return f"{sum(1 << NUMBERS[name] for name in names):016x}"


@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("no_new_privileges", [False, True])
def test_no_set_has_more_than_was_given(hostile: Hostile, uid: int, no_new_privileges: bool) -> None:
    """Init and exec, root and user: all five sets are within what the bundle says, and nothing is inherited."""
    sets = {"bounding": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"]}
    changes = {"capabilities": sets, "noNewPrivileges": no_new_privileges}
    os.chmod(hostile.directory, 0o755)
    out = hostile.runj.ok("run", "-b", hostile.jails.bundle(STATUS, uid=uid, gid=uid, process=changes), "once")
    hostile.runj.create("web", ["sleep", "60"], uid=uid, gid=uid, process=changes)
    hostile.runj.ok("start", "web")

    for text in (out, hostile.runj.ok("exec", "web", *STATUS)):
        status = _status(text)
        assert status["CapInh"] == status["CapAmb"] == [_mask()]
        assert status["CapBnd"] == [_mask("CAP_KILL", "CAP_CHOWN")]
        # by execve(2) root gets what the bounding set lets it have, unless it may not get more; a user loses all
        expected = _mask() if uid else _mask("CAP_KILL", *(() if no_new_privileges else ("CAP_CHOWN",)))
        assert status["CapPrm"] == status["CapEff"] == [expected]
        assert status["Uid"] == status["Gid"] == [str(uid)] * 4
        assert status["Groups"] == []


def test_what_exec_adds_is_not_inherited(hostile: Hostile) -> None:
    """--cap adds to the bounding, permitted and effective sets alone (CVE-2022-29162)."""
    hostile.runj.create("web", ["sleep", "60"], process={"capabilities": {}})
    hostile.runj.ok("start", "web")

    status = _status(hostile.runj.ok("exec", "--cap", "CAP_NET_RAW", "web", *STATUS))

    assert [status[name] for name in SETS] == [
        [_mask()],
        [_mask("CAP_NET_RAW")],
        [_mask("CAP_NET_RAW")],
        [_mask("CAP_NET_RAW")],
        [_mask()],
    ]


def test_inheritable_rights_of_the_caller_end_with_him(hostile: Hostile) -> None:
    """A caller that has inheritable and ambient capabilities leaves none of them to the jail."""
    bundle = hostile.jails.bundle(STATUS, uid=1000, gid=1000)
    generous = [
        "setpriv",
        "--inh-caps",
        "+chown,+kill,+sys_admin",
        "--ambient-caps",
        "+chown,+kill,+sys_admin",
        *hostile.runj.argv("run", "-b", bundle, "web"),
    ]

    done = subprocess.run(generous, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)

    status = _status(done.stdout)
    assert [status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [[_mask()]] * 4


@pytest.mark.parametrize(
    "user",
    ["4294967295", "0:4294967295", "4294967296", "-1", "1000:-1", "18446744073709551615", "99999999999999999999", "",
     "root", "\u0660", "1000:", ":0", "0x0", "1e3", " 0", "+0", "1000:1000:0"],
)  # fmt: skip
def test_no_id_becomes_root_by_arithmetic(hostile: Hostile, user: str) -> None:
    """Whatever is no id of a user is refused; above all nobody stays root because of (uid_t)-1."""
    hostile.runj.create("web", ["sleep", "60"], uid=1000, gid=1000)
    hostile.runj.ok("start", "web")

    done = hostile.runj("exec", f"--user={user}", "web", "id")

    assert "uid=0" not in done.stdout
    assert done.returncode != 0 or (user == "" and "uid=1000" in done.stdout)


@pytest.mark.parametrize("field", ["uid", "gid", "additionalGids"])
@pytest.mark.parametrize("id", [-1, 2**32 - 1, 2**32, 2**64 - 1, 1e3, "0", None, True])
def test_no_document_becomes_root_by_arithmetic(hostile: Hostile, field: str, id: object) -> None:
    """The same in config.json and in --process."""
    user = {"uid": 1000, "gid": 1000, field: [id] if field == "additionalGids" else id}
    hostile.runj.create("web", ["sleep", "60"])
    hostile.runj.ok("start", "web")
    path = f"{hostile.directory}/process.json"
    with open(path, "w") as file:
        json.dump({"args": ["id"], "cwd": "/", "user": user}, file)

    assert f"user.{field}" in hostile.runj.fails("exec", "-p", path, "web")
    assert f"user.{field}" in hostile.runj.fails("run", "-b", hostile.jails.bundle(["id"], process={"user": user}), "b")


@pytest.mark.parametrize("id", [-1, 2**32 - 1, 2**32])
def test_the_kernel_is_never_told_to_leave_an_id(id: int) -> None:
    """However an id came there, the last step before the system call refuses what would leave us as we are."""
    for call in (credentials.set_user, credentials.set_group, lambda each: credentials.set_groups([each])):
        with pytest.raises(OSError, match="is no id of a user or group"):
            call(id)


def test_groups_of_the_caller_do_not_get_in(hostile: Hostile) -> None:
    """Supplementary groups are those of the bundle, none where it names none; they are set while we still may."""
    bundle = hostile.jails.bundle(STATUS, uid=1000, gid=1000)
    many = ["setpriv", "--groups", "0,4,6,27", *hostile.runj.argv("run", "-b", bundle, "web")]

    done = subprocess.run(many, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)

    assert _status(done.stdout)["Groups"] == []
    more = {"user": {"uid": 1000, "gid": 1001, "additionalGids": [1002, 5]}}
    out = hostile.runj.ok("run", "-b", hostile.jails.bundle(STATUS, process=more), "web")
    assert _status(out)["Groups"] == ["5", "1002"]


def test_the_umask_is_the_jails(hostile: Hostile) -> None:
    """Whatever the caller's is, files of a jail are made with 022, or with what the bundle says."""
    bundle = hostile.jails.bundle(["sh", "-c", "umask"])
    before = os.umask(0)
    try:
        assert hostile.runj.ok("run", "-b", bundle, "web") == "0022\n"
    finally:
        os.umask(before)


KEYS = """
KEYCTL = 250
def describe(key):
    buffer = ctypes.create_string_buffer(256)
    result = call(KEYCTL, ctypes.c_long(6), ctypes.c_long(key), buffer, ctypes.c_long(256))
    return buffer.value.decode() if result >= 0 else errno.errorcode[-result]
found = call(KEYCTL, ctypes.c_long(10), ctypes.c_long(-3), b"user", b"runjd-secret", ctypes.c_long(0))
tell([describe(-3), found])
"""


def test_the_keys_of_the_caller_stay_outside(hostile: Hostile) -> None:
    """The session keyring of a jail is a new and empty one; a key of the caller's session is not found."""
    if os.uname().machine != "x86_64":
        pytest.skip("the number of keyctl(2) is that of x86_64")
    bundle = hostile.jails.write(hostile.config(hostile.python(KEYS)))
    script = (
        "import ctypes, os, sys; c = ctypes.CDLL(None).syscall; "
        "c(250, 1, None); c(248, b'user', b'runjd-secret', b'swordfish', 9, -3); os.execvp(sys.argv[1], sys.argv[1:])"
    )

    subprocess.run(
        ["python3", "-c", script, *hostile.runj.argv("run", "-b", bundle, "web")], check=True, stdin=subprocess.DEVNULL
    )

    description, found = hostile.heard()  # type: ignore[misc]
    assert description.startswith("keyring;0;0;") or description in ("EPERM", "ENOSYS")
    assert found < 0


def test_who_enters_leaves_no_core(hostile: Hostile) -> None:
    """Our processes are not dumpable once they enter, so no signal makes the kernel write down their memory."""
    pid = hostile.runj.create("web", ["sleep", "60"])

    # files of a process that is not dumpable are root's; this one waits as the user it will be
    user = hostile.runj.create("other", ["sleep", "60"], uid=1000, gid=1000)

    assert os.stat(f"/proc/{user}/environ").st_uid == 0
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        assert file.read().strip(b"\0") == b""


def test_an_init_that_moved_away_is_not_followed(hostile: Hostile) -> None:
    """Where the init process made itself a user namespace, and so mounts of its own, exec does not run its programs."""
    program = """
uid, gid = os.getuid(), os.getgid()
result = libc.unshare(0x10000000 | 0x20000)
open("/told/moved", "w").close()
time.sleep(60)
"""
    config = hostile.config(hostile.python(program), capabilities=DEFAULT_CAPABILITIES, uid=1000, gid=1000)
    hostile.start("web", config)
    hostile.until_marked("moved")

    assert "has left for a user namespace of its own" in hostile.runj.fails("exec", "-u", "0", "web", "true")


def test_errors_do_not_command_the_terminal(hostile: Hostile) -> None:
    """The name of a program that does not exist is the image's, and may be full of escapes."""
    message = hostile.runj.fails("run", "-b", hostile.jails.bundle(["\x1b]0;evil\x07\x9b2J\u202e"]), "web")

    assert message.isprintable()
    assert "\\x1b" in message


def test_a_group_that_is_none_is_told() -> None:
    """The error is ours, not one of packing bytes."""
    with pytest.raises((OSError, RunjdError)):
        credentials.set_groups([2**40])
