"""Tests of runjd.spec.parse_seccomp."""

import pytest

from runjd.spec.model import Seccomp, SeccompArgument, SeccompRule
from runjd.spec.parse import parse_config
from runjd.spec.parse_seccomp import ACTIONS, ARCHITECTURES, FLAGS, OPERATORS
from tests.spec.documents import bundle, check_fault, encoded


def read(**properties: object) -> Seccomp:
    """Parse a document with these properties of ``linux.seccomp``."""
    document = bundle(linux={"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", **properties}})
    linux = parse_config(encoded(document), "config.json").linux
    assert linux is not None
    assert linux.seccomp is not None
    return linux.seccomp


def test_every_property_is_read() -> None:
    """The object comes out as it is written."""
    argument = {"index": 1, "value": 2**64 - 1, "valueTwo": 7, "op": "SCMP_CMP_MASKED_EQ"}

    assert read(
        defaultErrnoRet=38,
        architectures=list(ARCHITECTURES),
        flags=list(FLAGS),
        listenerPath="/run/agent.sock",
        listenerMetadata="web",
        syscalls=[
            {"names": ["chmod", "not_a_call"], "action": "SCMP_ACT_TRACE", "errnoRet": 65535, "args": [argument]},
            {"names": ["open"], "action": "SCMP_ACT_ALLOW"},
        ],
    ) == Seccomp(
        "SCMP_ACT_ERRNO",
        38,
        ARCHITECTURES,
        FLAGS,
        "/run/agent.sock",
        "web",
        (
            SeccompRule(
                ("chmod", "not_a_call"),
                "SCMP_ACT_TRACE",
                65535,
                (SeccompArgument(1, "SCMP_CMP_MASKED_EQ", 2**64 - 1, 7),),
            ),
            SeccompRule(("open",), "SCMP_ACT_ALLOW"),
        ),
    )


def test_what_may_be_absent() -> None:
    """A default action is all that must be there; it returns EPERM where nothing else is said."""
    assert read() == Seccomp("SCMP_ACT_ERRNO")
    assert read(listenerPath="", architectures=[], syscalls=[]) == read()


@pytest.mark.parametrize("action", ACTIONS)
def test_actions(action: str) -> None:
    """Every action of the specification may be the default and that of a rule."""
    made = read(defaultAction=action, syscalls=[{"names": ["open"], "action": action}])

    assert (made.default_action, made.syscalls[0].action) == (action, action)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators(operator: str) -> None:
    """Every operator of the specification may compare an argument; the second value may be absent."""
    made = read(
        syscalls=[{"names": ["x"], "action": "SCMP_ACT_KILL", "args": [{"index": 5, "value": 0, "op": operator}]}]
    )

    assert made.syscalls[0].args == (SeccompArgument(5, operator, 0, 0),)


def rule(**properties: object) -> dict[str, object]:
    """Return properties of a filter with one rule, changed; None leaves one out."""
    made = {"names": ["open"], "action": "SCMP_ACT_ALLOW"} | properties
    return {"syscalls": [{name: value for name, value in made.items() if value is not None}]}


def argument(**properties: object) -> dict[str, object]:
    """Return properties of a filter with one argument of a rule, changed; None leaves one out."""
    made = {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"} | properties
    return rule(args=[{name: value for name, value in made.items() if value is not None}])


@pytest.mark.parametrize(
    ("properties", "path", "words"),
    [
        ({"defaultAction": "SCMP_ACT_DENY"}, "defaultAction", 'found "SCMP_ACT_DENY", expected one of SCMP_ACT_KILL'),
        ({"defaultAction": 1}, "defaultAction", "found 1"),
        ({"defaultErrnoRet": -1}, "defaultErrnoRet", "from 0 to 4095"),
        ({"defaultErrnoRet": 4096}, "defaultErrnoRet", "from 0 to 4095"),
        (
            {"defaultAction": "SCMP_ACT_KILL", "defaultErrnoRet": 1},
            "defaultErrnoRet",
            "SCMP_ACT_KILL returns no number of an error",
        ),
        ({"architectures": "SCMP_ARCH_X86"}, "architectures", "expected an array of strings"),
        ({"architectures": ["SCMP_ARCH_X86", "x86_64"]}, "architectures[1]", "expected one of SCMP_ARCH_X86"),
        ({"flags": ["LOG"]}, "flags[0]", "expected one of SECCOMP_FILTER_FLAG_TSYNC"),
        ({"listenerPath": "agent.sock"}, "listenerPath", "expected an absolute path"),
        ({"listenerMetadata": "x"}, "listenerMetadata", "there is no listenerPath"),
        ({"syscalls": {}}, "syscalls", "expected an array of objects"),
        (rule(names=None), "syscalls[0].names", "is missing"),
        (rule(names=[]), "syscalls[0].names", "is empty"),
        (rule(names="open"), "syscalls[0].names", "expected an array of strings"),
        (rule(names=["open", ""]), "syscalls[0].names[1]", "is empty"),
        (rule(action=None), "syscalls[0].action", "is missing"),
        (rule(action="ALLOW"), "syscalls[0].action", "expected one of SCMP_ACT_KILL"),
        (rule(errnoRet=1), "syscalls[0].errnoRet", "SCMP_ACT_ALLOW returns no number of an error"),
        (rule(action="SCMP_ACT_TRACE", errnoRet=65536), "syscalls[0].errnoRet", "from 0 to 65535"),
        (rule(args={}), "syscalls[0].args", "expected an array of objects"),
        (argument(index=6), "syscalls[0].args[0].index", "from 0 to 5"),
        (argument(index=None), "syscalls[0].args[0].index", "is missing"),
        (argument(value=2**64), "syscalls[0].args[0].value", "from 0 to 18446744073709551615"),
        (argument(value=None), "syscalls[0].args[0].value", "is missing"),
        (argument(valueTwo="1"), "syscalls[0].args[0].valueTwo", "expected a whole number"),
        (argument(op=None), "syscalls[0].args[0].op", "is missing"),
        (argument(op="=="), "syscalls[0].args[0].op", "expected one of SCMP_CMP_NE"),
    ],
)
def test_a_wrong_property_is_named_by_its_path(properties: dict[str, object], path: str, words: str) -> None:
    """One wrong property gives one fault, at its path."""
    filter = {"defaultAction": "SCMP_ACT_ERRNO", **properties}

    check_fault(bundle(linux={"seccomp": filter}), f"linux.seccomp.{path}", words)


def test_the_default_action_must_be_there() -> None:
    """An object without it is refused."""
    check_fault(bundle(linux={"seccomp": {}}), "linux.seccomp.defaultAction", "is missing")
