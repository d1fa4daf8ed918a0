"""
The program that decides about devices in version 2 of control groups. Pure.

The kernel runs it (BPF_PROG_TYPE_CGROUP_DEVICE) at each open(2) and mknod(2) of a
device, with ``struct bpf_cgroup_dev_ctx``: type and access in the halves of one
word, then major and minor.  It goes through the rules from the last to the first,
and takes out of the access that was asked for what a rule allows, until nothing
is left, or a rule or the end forbids the rest.
"""

from __future__ import annotations

import struct

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.spec.resources import DeviceRule

# linux/bpf.h, linux/bpf_common.h
LOAD_WORD = 0x61  # BPF_LDX | BPF_MEM | BPF_W
MOVE = 0xBC  # BPF_ALU | BPF_MOV | BPF_X
MOVE_NUMBER = 0xB4
AND_NUMBER = 0x54
SHIFT_RIGHT = 0x74
JUMP_EQUAL = 0x16  # BPF_JMP32 | BPF_JEQ | BPF_K
JUMP_NOT_EQUAL = 0x56
EXIT = 0x95

_RESULT, _CONTEXT, _TYPE, _ACCESS, _MAJOR, _MINOR = range(6)
_TYPES = {"b": 1, "c": 2}
_ACCESSES = {"m": 1, "r": 2, "w": 4}
_PACK = struct.Struct("=BBhi").pack


class Instruction(Value):
    """One instruction; ``skip`` is how many are left out by a jump."""

    code: int
    to: int = 0
    source: int = 0
    skip: int = 0
    number: int = 0

    def encoded(self) -> bytes:
        """Return it as ``struct bpf_insn``."""
        number = self.number - (1 << 32) if self.number >= 1 << 31 else self.number
        return _PACK(self.code, self.source << 4 | self.to, self.skip, number)


def assemble(rules: Sequence[DeviceRule]) -> list[Instruction]:
    """Return the program for rules of which the last that fits counts, and which forbid what none fits."""
    program = [
        Instruction(LOAD_WORD, _TYPE, _CONTEXT, 0),
        Instruction(MOVE, _ACCESS, _TYPE),
        Instruction(AND_NUMBER, _TYPE, number=0xFFFF),
        Instruction(SHIFT_RIGHT, _ACCESS, number=16),
        Instruction(LOAD_WORD, _MAJOR, _CONTEXT, 4),
        Instruction(LOAD_WORD, _MINOR, _CONTEXT, 8),
    ]
    for rule in reversed(rules):
        program += _block(rule)
        if _is_final(rule):
            # the verifier refuses what can never be reached
            return program
    return [*program, *_end(0)]


def encode(program: Sequence[Instruction]) -> bytes:
    """Return the program as the kernel takes it."""
    return b"".join([each.encoded() for each in program])


def _block(rule: DeviceRule) -> list[Instruction]:
    """Return what one rule does: each test that fails leaves out the rest."""
    mask = sum(_ACCESSES[letter] for letter in rule.access)
    tests = []
    if rule.type != "a":
        tests.append((_TYPE, _TYPES[rule.type]))
    if rule.major is not None:
        tests.append((_MAJOR, rule.major))
    if rule.minor is not None:
        tests.append((_MINOR, rule.minor))
    if _is_final(rule):
        return _end(1 if rule.allow else 0)
    if rule.allow:
        left = Instruction(AND_NUMBER, _ACCESS, number=7 & ~mask)
        body = [left, Instruction(JUMP_NOT_EQUAL, _ACCESS, skip=2), *_end(1)]
    else:
        asked = [Instruction(MOVE, _RESULT, _ACCESS), Instruction(AND_NUMBER, _RESULT, number=mask)]
        body = [*asked, Instruction(JUMP_EQUAL, _RESULT, skip=2), *_end(0)]
    block = body
    for register, number in reversed(tests):
        block = [Instruction(JUMP_NOT_EQUAL, register, skip=len(block), number=number), *block]
    return block


def _is_final(rule: DeviceRule) -> bool:
    return (rule.type, rule.major, rule.minor) == ("a", None, None) and set(rule.access) == set("rwm")


def _end(result: int) -> list[Instruction]:
    return [Instruction(MOVE_NUMBER, _RESULT, number=result), Instruction(EXIT)]
