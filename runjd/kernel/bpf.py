"""
bpf(2), as far as control groups of version 2 need it for devices.

The program stays with the group when all descriptors are closed.
"""

from __future__ import annotations

import os
import struct

from runjd.kernel.libc import addressof, c_int, c_uint, check, create_string_buffer, syscall

_NR_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "loongarch64": 280, "ppc64le": 361, "s390x": 351}
_PROG_LOAD = 5
_PROG_ATTACH = 8
_TYPE_CGROUP_DEVICE = 15
_ATTACH_CGROUP_DEVICE = 6
_ALLOW_MULTI = 2
_INSTRUCTION = 8


def load_device_program(instructions: bytes) -> int:
    """
    Return a descriptor of a program for devices, once the kernel has verified it.

    :param instructions: ``struct bpf_insn``, one after the other.
    """
    program = create_string_buffer(instructions, len(instructions))
    licence = create_string_buffer(b"")
    attributes = struct.pack(
        "=IIQQIIQII16s",
        _TYPE_CGROUP_DEVICE,
        len(instructions) // _INSTRUCTION,
        addressof(program),
        addressof(licence),
        0,
        0,
        0,
        0,
        0,
        b"runj_devices",
    )
    return _bpf(_PROG_LOAD, attributes, "BPF_PROG_LOAD")


def attach_device_program(group: int, program: int) -> None:
    """
    Let a program decide about the devices of a group and those below it; all that are attached must agree.

    :param group: descriptor of the group's directory.
    """
    attributes = struct.pack("=IIIII", group, program, _ATTACH_CGROUP_DEVICE, _ALLOW_MULTI, 0)
    _bpf(_PROG_ATTACH, attributes, "BPF_PROG_ATTACH")


def _bpf(command: int, attributes: bytes, what: str) -> int:
    number = _NR_BPF[os.uname().machine]
    return check(syscall(number, c_int(command), attributes, c_uint(len(attributes))), what)
