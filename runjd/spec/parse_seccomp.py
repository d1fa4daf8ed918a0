"""
The ``linux.seccomp`` object of ``config.json``.

Specification: config-linux.md, "Seccomp".  Names of system calls are not checked:
which there are is a matter of the library and the kernel, and a name that they
do not know is no fault, as profiles are written for newer ones, too.
"""

from __future__ import annotations

from runjd.spec.model import Seccomp, SeccompArgument, SeccompRule
from runjd.spec.quote import quoted
from runjd.spec.reader import UINT64_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from runjd.spec.reader import Reader

ACTIONS = (
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
)
OPERATORS = (
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
)
ARCHITECTURES = (
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_LOONGARCH64",
)
FLAGS = (
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
)

#: actions that carry a number, and the highest that the kernel hands on
_NUMBERED = {"SCMP_ACT_ERRNO": 4095, "SCMP_ACT_TRACE": 65535}
#: a system call has six arguments
_INDEX_MAX = 5


def read_seccomp(reader: Reader) -> Seccomp:
    """Return the object; what is wrong is noted in the reader's faults."""
    default = _read_action(reader, "defaultAction")
    listener = reader.path_text("listenerPath") if reader.fields.get("listenerPath") != "" else ""
    if "listenerMetadata" in reader.fields and not listener and "listenerPath" not in reader.fields:
        reader.fault("listenerMetadata", "is for the listener, but there is no listenerPath")
    return Seccomp(
        default_action=default,
        default_errno_ret=_read_number(reader, "defaultErrnoRet", default),
        architectures=_read_words(reader, "architectures", ARCHITECTURES),
        flags=_read_words(reader, "flags", FLAGS),
        listener_path=listener,
        listener_metadata=reader.text("listenerMetadata"),
        syscalls=tuple([_read_rule(each) for each in reader.objects("syscalls")]),
    )


def _read_rule(reader: Reader) -> SeccompRule:
    names: tuple[str, ...] = ()
    if reader.require("names", "an array with the names of system calls"):
        names = reader.texts("names")
        if reader.fields["names"] == []:
            reader.fault("names", "is empty; expected at least one name of a system call")
        for index, each in enumerate(names):
            if not each:
                reader.fault_at("names", index, "is empty; expected the name of a system call")
    action = _read_action(reader, "action")
    return SeccompRule(
        names=names,
        action=action,
        errno_ret=_read_number(reader, "errnoRet", action),
        args=tuple([_read_argument(each) for each in reader.objects("args")]),
    )


def _read_argument(reader: Reader) -> SeccompArgument:
    expected = f"one of {', '.join(OPERATORS)}"
    return SeccompArgument(
        number=reader.required_integer("index", 0, _INDEX_MAX),
        op=reader.choice("op", OPERATORS) if reader.require("op", expected) else "",
        value=reader.required_integer("value", 0, UINT64_MAX),
        value_two=reader.integer("valueTwo", 0, UINT64_MAX) or 0,
    )


def _read_action(reader: Reader, name: str) -> str:
    return reader.choice(name, ACTIONS) if reader.require(name, "an action, as SCMP_ACT_ERRNO") else ""


def _read_number(reader: Reader, name: str, action: str) -> int | None:
    """Return the number of an error, which only some actions carry."""
    number = reader.integer(name, 0, _NUMBERED.get(action, 65535))
    if number is not None and action in ACTIONS and action not in _NUMBERED:
        # "When the action doesn't support an errno, the runtime MUST print and error and fail"
        reader.fault(name, f"found {number}, but {action} returns no number of an error")
    return number


def _read_words(reader: Reader, name: str, known: Collection[str]) -> tuple[str, ...]:
    words = reader.texts(name)
    for index, each in enumerate(words):
        if each not in known:
            reader.fault_at(name, index, f"found {quoted(each)}, expected one of {', '.join(known)}")
    return words
