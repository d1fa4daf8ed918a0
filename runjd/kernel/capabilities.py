"""Capabilities of Linux: their numbers, capget(2) and capset(2)."""

from __future__ import annotations

import struct

from runjd.kernel.libc import check, create_string_buffer, libc

_VERSION_3 = 0x20080522

_NAMES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)

#: ``CAP_KILL`` and so on to the kernel's number
NUMBERS = {f"CAP_{name}": number for number, name in enumerate(_NAMES.split())}


def mask(numbers: tuple[int, ...]) -> int:
    """Return a set of capabilities as the kernel's 64-bit mask."""
    bits = 0
    for number in numbers:
        bits |= 1 << number
    return bits


def capget() -> tuple[int, int, int]:
    """Return our effective, permitted and inheritable masks."""
    header = create_string_buffer(struct.pack("=Ii", _VERSION_3, 0))
    data = create_string_buffer(24)
    check(libc.capget(header, data), "capget")
    words = struct.unpack("=6I", data.raw[:24])
    return words[0] | words[3] << 32, words[1] | words[4] << 32, words[2] | words[5] << 32


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """Set our effective, permitted and inheritable masks; bits that the kernel does not know are dropped by it."""
    header = struct.pack("=Ii", _VERSION_3, 0)
    low = 0xFFFFFFFF
    words = (effective & low, permitted & low, inheritable & low, effective >> 32, permitted >> 32, inheritable >> 32)
    check(libc.capset(header, struct.pack("=6I", *words)), "capset")
