"""Which devices a jail may use: what the rules mean, and what each version of control groups is told."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import Unsupported
from runjd.kernel.bpf import attach_device_program, load_device_program
from runjd.runtime.linux.cgroup import device_program as bpf
from runjd.runtime.linux.cgroup.device_rules import DEFAULT_RULES, is_allowed, version1_writes
from runjd.spec.resources import DeviceRule

NUMBERS = st.none() | st.sampled_from([0, 1, 3, 136, (1 << 32) - 1])
ACCESS = st.sampled_from(["r", "w", "m", "rw", "rm", "wm", "rwm"])
RULES = st.lists(
    st.builds(DeviceRule, st.booleans(), st.sampled_from("bc"), NUMBERS, NUMBERS, ACCESS)
    | st.builds(DeviceRule, st.booleans()),
    max_size=6,
)
USES = st.tuples(st.sampled_from("bc"), *[st.sampled_from([0, 1, 3, 136, (1 << 32) - 1])] * 2, ACCESS)


@given(RULES, USES)
def test_program_means_what_the_rules_mean(rules: list[DeviceRule], use: tuple[str, int, int, str]) -> None:
    """For any rules and any use of a device, the program decides as the rules do."""
    assert execute(bpf.assemble(rules), *use) is is_allowed(rules, *use)


@given(RULES, USES)
def test_version_1_means_what_the_rules_mean(rules: list[DeviceRule], use: tuple[str, int, int, str]) -> None:
    """What is written to version 1 decides as the rules do, or the rules are refused."""
    try:
        writes = version1_writes(rules)
    except Unsupported:
        return

    for letter in use[3]:
        single = (*use[:3], letter)
        assert kernel_of_version_1(writes, *single) is is_allowed((*rules, *DEFAULT_RULES), *single)


def test_default_devices_cannot_be_lost() -> None:
    """Whatever the rules say, programs have null, zero, full, random, urandom, tty, ptmx and their terminals."""
    rules = (DeviceRule(True), DeviceRule(False), *DEFAULT_RULES)

    for major, minor in [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (136, 77)]:
        assert is_allowed(rules, "c", major, minor, "rwm")
    assert is_allowed(rules, "b", 8, 0, "m")
    assert not is_allowed(rules, "b", 8, 0, "r")


def test_holes_are_refused_by_version_1() -> None:
    """An exception from a wider rule, which that kernel would ignore, names the rule."""
    rules = [DeviceRule(False), DeviceRule(True, "c", 4), DeviceRule(False, "c", 4, 64)]

    with pytest.raises(Unsupported) as caught:
        version1_writes(rules)

    assert caught.value.path == "linux.resources.devices[2]"
    assert not is_allowed(rules, "c", 4, 64, "r")


@pytest.mark.root
@pytest.mark.parametrize(
    "rules",
    [
        [],
        [DeviceRule(False), *DEFAULT_RULES],
        [DeviceRule(True)],
        [DeviceRule(True), DeviceRule(False, "b", (1 << 32) - 1, None, "w"), DeviceRule(True, access="r")],
        [DeviceRule(True, "c", number, number) for number in range(300)],
    ],
    ids=["none", "default", "all", "odd", "many"],
)
def test_kernel_accepts_the_program(rules: list[DeviceRule]) -> None:
    """The verifier of this kernel finds nothing wrong with what is assembled, and it can be attached."""
    mount = next((each for each in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup") if _is_version_2(each)), "")
    if not mount:
        pytest.skip("this host has no control groups of version 2")
    program = load_device_program(bpf.encode(bpf.assemble(rules)))
    path = f"{mount}/runjd-test-{os.getpid()}"
    os.mkdir(path)
    try:
        group = os.open(path, os.O_RDONLY)
        attach_device_program(group, program)
        os.close(group)
    finally:
        os.rmdir(path)
        os.close(program)


def execute(program: list[bpf.Instruction], kind: str, major: int, minor: int, access: str) -> bool:
    """Interpret a program as the kernel does."""
    asked = sum({"m": 1, "r": 2, "w": 4}[letter] for letter in access)
    context = {0: asked << 16 | {"b": 1, "c": 2}[kind], 4: major, 8: minor}
    registers = {1: 0}
    at = 0
    while True:
        each = program[at]
        at += 1
        match each.code:
            case bpf.LOAD_WORD:
                registers[each.to] = context[each.skip]
            case bpf.MOVE:
                registers[each.to] = registers[each.source]
            case bpf.MOVE_NUMBER:
                registers[each.to] = each.number
            case bpf.AND_NUMBER:
                registers[each.to] &= each.number
            case bpf.SHIFT_RIGHT:
                registers[each.to] >>= each.number
            case bpf.JUMP_EQUAL:
                at += each.skip if registers[each.to] == each.number else 0
            case bpf.JUMP_NOT_EQUAL:
                at += each.skip if registers[each.to] != each.number else 0
            case bpf.EXIT:
                return registers[0] == 1


def kernel_of_version_1(writes: list[tuple[str, str, str]], kind: str, major: int, minor: int, access: str) -> bool:
    """Decide as the device controller does, after these writes."""
    allows, exceptions = True, []
    for file, text, _path in writes:
        allow = file == "devices.allow"
        if text == "a":
            allows, exceptions = allow, []
            continue
        assert allow is not allows, "a rule that agrees with the default changes nothing"
        a_kind, numbers, letters = text.split()
        exceptions.append((a_kind, *numbers.split(":"), letters))
    hit = any(
        each[0] == kind and each[1] in ("*", str(major)) and each[2] in ("*", str(minor)) and access in each[3]
        for each in exceptions
    )
    return allows is not hit


def _is_version_2(mount: str) -> bool:
    return os.path.exists(f"{mount}/cgroup.controllers")
