"""Profiles to BPF: what the program says of each system call."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import RunjdError, RuntimeFailure
from runjd.kernel.libseccomp import Library
from runjd.runtime.linux.filter_cache import FilterCache
from runjd.runtime.linux.syscall_filter import ACTIONS, FLAGS, action_number, compile_filter
from runjd.spec.model import Seccomp, SeccompArgument, SeccompRule
from runjd.spec.parse_seccomp import OPERATORS
from tests.runtime.linux.bpf import I386, verdict
from tests.runtime.linux.filters import needs_libseccomp, needs_x86_64

pytestmark = [needs_libseccomp, needs_x86_64]

ALLOW = 0x7FFF0000
KILL = 0
EPERM = 0x00050000 | errno.EPERM
ENOSYS = 0x00050000 | errno.ENOSYS
READ, WRITE, UMASK, CHMOD, CHOWN32_I386, OPENAT2 = 0, 1, 95, 90, 212, 437

small = st.integers(0, 3) | st.sampled_from([2**32, 2**32 + 1, 2**64 - 1])


def rule(name: str, action: str, *args: SeccompArgument, errno_ret: int | None = None) -> SeccompRule:
    """Return a rule for one system call."""
    return SeccompRule((name,), action, errno_ret, args)


def compiled(*rules: SeccompRule, default: str = "SCMP_ACT_ALLOW", **more: object) -> bytes:
    """Return the program of a profile."""
    return compile_filter(Seccomp(default, syscalls=rules, **more))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("action", ACTIONS)
def test_a_rule_does_what_it_says(action: str) -> None:
    """Each action is what the kernel is told; what no rule is about gets the default."""
    program = compiled(
        rule("umask", action), default="SCMP_ACT_LOG" if action == "SCMP_ACT_ALLOW" else "SCMP_ACT_ALLOW"
    )

    assert verdict(program, UMASK) == action_number(action, None)
    assert verdict(program, READ) == (0x7FFC0000 if action == "SCMP_ACT_ALLOW" else ALLOW)


def test_numbers_of_errors() -> None:
    """An error is EPERM or the number that is given, of the default and of rules."""
    program = compiled(
        rule("umask", "SCMP_ACT_ERRNO", errno_ret=22),
        rule("write", "SCMP_ACT_TRACE", errno_ret=7),
        rule("chmod", "SCMP_ACT_ERRNO"),
        default="SCMP_ACT_ERRNO",
        default_errno_ret=38,
    )

    found = [verdict(program, number) for number in (UMASK, WRITE, CHMOD, READ)]
    assert found == [0x00050000 | 22, 0x7FF00000 | 7, EPERM, ENOSYS]


def holds(argument: SeccompArgument, value: int) -> bool:
    """Say what the specification says of one condition."""
    wanted = argument.value
    return {
        "SCMP_CMP_NE": value != wanted,
        "SCMP_CMP_LT": value < wanted,
        "SCMP_CMP_LE": value <= wanted,
        "SCMP_CMP_EQ": value == wanted,
        "SCMP_CMP_GE": value >= wanted,
        "SCMP_CMP_GT": value > wanted,
        "SCMP_CMP_MASKED_EQ": value & wanted == argument.value_two,
    }[argument.op]


@given(st.sampled_from(OPERATORS), small, small, small, st.integers(0, 5))
def test_conditions_compare_as_they_say(operator: str, value: int, second: int, given: int, index: int) -> None:
    """All operators compare all 64 bits of the argument that they are about."""
    argument = SeccompArgument(index, operator, value, second & value)
    args = [0] * 6
    args[index] = given

    assert verdict(compiled(rule("chmod", "SCMP_ACT_ERRNO", argument)), CHMOD, args) == (
        EPERM if holds(argument, given) else ALLOW
    )


@given(st.lists(st.tuples(st.integers(0, 2), small), min_size=1, max_size=3), st.tuples(small, small, small))
def test_conditions_of_one_rule(wanted: list[tuple[int, int]], given: tuple[int, int, int]) -> None:
    """All conditions must hold; of several on one argument, as with runc, any."""
    conditions = [SeccompArgument(index, "SCMP_CMP_EQ", value) for index, value in wanted]
    held = [given[index] == value for index, value in wanted]
    is_repeated = len({index for index, _value in wanted}) < len(wanted)

    program = compiled(rule("chmod", "SCMP_ACT_ERRNO", *conditions))

    assert verdict(program, CHMOD, given) == (EPERM if (any if is_repeated else all)(held) else ALLOW)


def test_unknown_system_calls_are_left_out() -> None:
    """A name that the library does not know is no error, and the others of its rule count."""
    rules = SeccompRule(("not_a_call", "umask"), "SCMP_ACT_ERRNO")

    assert verdict(compiled(rules), UMASK) == EPERM


def test_a_rule_that_changes_nothing_is_left_out() -> None:
    """A rule with the action of the default is no error."""
    assert verdict(compiled(rule("umask", "SCMP_ACT_ALLOW")), UMASK) == ALLOW


def test_architectures() -> None:
    """Rules count for the architectures that are listed and our own; a call of any other ends the process."""
    chown = rule("chown32", "SCMP_ACT_ERRNO")
    listed = compiled(chown, architectures=("SCMP_ARCH_X86",))

    assert verdict(listed, CHOWN32_I386, architecture=I386) == EPERM
    assert verdict(listed, READ) == ALLOW
    assert verdict(compiled(chown), CHOWN32_I386, architecture=I386) == KILL


def test_newer_system_calls_are_absent() -> None:
    """Where the default refuses, a call beyond all that the profile names is absent, so that programs fall back."""
    allowed = rule("umask", "SCMP_ACT_ALLOW")

    refusing = compiled(allowed, default="SCMP_ACT_ERRNO")
    assert [verdict(refusing, number) for number in (READ, UMASK, OPENAT2)] == [EPERM, ALLOW, ENOSYS]
    killing = compiled(allowed, default="SCMP_ACT_KILL_PROCESS")
    assert [verdict(killing, number) for number in (READ, OPENAT2)] == [0x80000000, ENOSYS]
    tracing = compiled(allowed, default="SCMP_ACT_TRACE")
    assert verdict(tracing, OPENAT2) == 0x7FF00001


def test_flags() -> None:
    """The flags are those of seccomp(2); TSYNC is for processes that have threads."""
    assert compile_filter(Seccomp("SCMP_ACT_ALLOW", flags=tuple(FLAGS)))[1] == 0b110
    assert compile_filter(Seccomp("SCMP_ACT_ALLOW"))[1] == 0


def test_an_architecture_that_the_library_lacks_is_named() -> None:
    """An architecture is refused by its path where the library does not know it."""
    with pytest.raises(RunjdError) as caught:
        compiled(architectures=("SCMP_ARCH_X86", "SCMP_ARCH_VAX"))

    assert caught.value.details["path"] == "linux.seccomp.architectures[1]"


def test_a_program_that_was_made_is_made_once(private_dir: str) -> None:
    """What is kept is what would be made anew; another profile is another program."""
    cache = FilterCache(f"{private_dir}/filters")
    first, second = Seccomp("SCMP_ACT_ALLOW"), Seccomp("SCMP_ACT_KILL", flags=("SECCOMP_FILTER_FLAG_LOG",))
    made = [compile_filter(each) for each in (first, second)]

    for _ in range(2):
        assert [compile_filter(each, cache=cache) for each in (first, second)] == made


def test_a_missing_library_is_told() -> None:
    """Where the library is missing, the error names the property and the package to install."""
    with pytest.raises(RuntimeFailure, match=r"install the package libseccomp2 \(Debian") as caught:
        compile_filter(Seccomp("SCMP_ACT_ALLOW"), lambda: Library("libnothing.so.2"))

    assert caught.value.path == "linux.seccomp"
    assert "no such file" not in str(caught.value).lower(), "engines take that for a missing program"


def test_a_filter_that_is_too_long_is_refused() -> None:
    """More than the kernel's 4096 instructions are an error, and not for the child to find."""
    args = [SeccompArgument(0, "SCMP_CMP_EQ", value) for value in range(4096)]

    with pytest.raises(RunjdError, match="longer than the kernel allows") as caught:
        compiled(*[rule("chmod", "SCMP_ACT_ERRNO", each) for each in args])
    assert caught.value.details["path"] == "linux.seccomp"
