"""
Rules of devfs(5): which devices a mount of devfs shows, by ioctls of a directory in it.

A ruleset that is not loaded hides nothing, without any error (seen on 13.2):
ask :func:`rulesets` first.  Only the host's root may do this, never a jail's.
"""

from __future__ import annotations

import errno
import fcntl
import struct

from runjd.values import Value

DEVFSIO_RADD = 0xC0EC4400
DEVFSIO_RDEL = 0x80044401
DEVFSIO_RAPPLY = 0x80EC4402
DEVFSIO_RGETNEXT = 0xC0EC4404
DEVFSIO_SUSE = 0x8002440A
DEVFSIO_SAPPLY = 0x8002440B
DEVFSIO_SGETNEXT = 0xC002440C

_MAGIC = 0xDB0A087A
# magic, id, icond, dswflags, pattern, iacts, bacts, uid, gid, mode, incset
_RULE = struct.Struct("=IIii200siiIIHH")
_NUMBER = struct.Struct("=H")
_ID = struct.Struct("=I")
_PATTERN_SIZE = 200

# conditions
_DSWFLAGS = 1
_PATTERN = 2
# actions
_BACTS, _UID, _GID, _MODE, _INCLUDE = 1, 2, 4, 8, 0x10
_HIDE, _UNHIDE = 1, 2


class Rule(Value):
    """
    One rule: the devices whose path matches the pattern, all of them if it is empty.

    :ivar hide: True hides, False shows, None leaves it.
    :ivar include: a ruleset to go through instead.
    :ivar number: place in its ruleset; 0 lets the kernel choose.
    """

    pattern: str = ""
    hide: bool | None = None
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    include: int | None = None
    number: int = 0


def pack(rule: Rule, ruleset: int = 0) -> bytes:
    """
    Return a ``struct devfs_rule``.

    :raise ValueError: the pattern is too long.
    """
    pattern = rule.pattern.encode("utf-8", "surrogateescape")
    if len(pattern) >= _PATTERN_SIZE or b"\0" in pattern:
        raise ValueError(f"{rule.pattern!r} is no pattern of less than {_PATTERN_SIZE} bytes")
    actions = 0
    for value, bit in (
        (rule.hide, _BACTS), (rule.uid, _UID), (rule.gid, _GID), (rule.mode, _MODE), (rule.include, _INCLUDE),
    ):  # fmt: skip
        actions |= 0 if value is None else bit
    hiding = {None: 0, True: _HIDE, False: _UNHIDE}[rule.hide]
    return _RULE.pack(
        _MAGIC, ruleset << 16 | rule.number, _PATTERN if pattern else 0, 0, pattern, actions, hiding,
        rule.uid or 0, rule.gid or 0, rule.mode or 0, rule.include or 0,
    )  # fmt: skip


def unpack(record: bytes) -> tuple[Rule, int]:
    """Return the rule of a ``struct devfs_rule``, and its ruleset."""
    _, number, conditions, _, pattern, actions, hiding, uid, gid, mode, include = _RULE.unpack(record)
    return Rule(
        pattern.partition(b"\0")[0].decode("utf-8", "surrogateescape") if conditions & _PATTERN else "",
        bool(hiding & _HIDE) if actions & _BACTS and hiding else None,
        mode if actions & _MODE else None,
        uid if actions & _UID else None,
        gid if actions & _GID else None,
        include if actions & _INCLUDE else None,
        number & 0xFFFF,
    ), number >> 16


def use_ruleset(directory: int, ruleset: int) -> None:
    """Choose the ruleset for devices that appear in a mount from now on."""
    fcntl.ioctl(directory, DEVFSIO_SUSE, _NUMBER.pack(ruleset))


def apply_ruleset(directory: int, ruleset: int) -> None:
    """Apply a ruleset to the devices that a mount has now."""
    fcntl.ioctl(directory, DEVFSIO_SAPPLY, _NUMBER.pack(ruleset))


def apply_rule(directory: int, rule: Rule) -> None:
    """Apply one rule, once, to this mount only; that it matches nothing is no error."""
    fcntl.ioctl(directory, DEVFSIO_RAPPLY, pack(rule))


def add_rule(directory: int, ruleset: int, rule: Rule) -> None:
    """
    Add a rule to a ruleset, which is made where there is none.

    :raise FileExistsError: the number is taken.
    """
    fcntl.ioctl(directory, DEVFSIO_RADD, pack(rule, ruleset))


def delete_rule(directory: int, ruleset: int, number: int) -> None:
    """
    Delete a rule.

    :raise FileNotFoundError: there is no such rule.
    """
    fcntl.ioctl(directory, DEVFSIO_RDEL, _ID.pack(ruleset << 16 | number))


def rulesets(directory: int) -> list[int]:
    """Return the numbers of the rulesets that are loaded."""
    found = [0]
    while True:
        try:
            found += _NUMBER.unpack(fcntl.ioctl(directory, DEVFSIO_SGETNEXT, _NUMBER.pack(found[-1])))
        except OSError as error:
            if error.errno == errno.ENOENT:
                return found[1:]
            raise


def rules(directory: int, ruleset: int) -> list[Rule]:
    """Return the rules of a ruleset in order; none where it is not loaded."""
    found: list[Rule] = []
    number = 0
    while True:
        try:
            record = fcntl.ioctl(directory, DEVFSIO_RGETNEXT, pack(Rule(number=number), ruleset))
        except OSError as error:
            if error.errno == errno.ENOENT:
                return found
            raise
        rule, _ = unpack(record)
        found.append(rule)
        number = rule.number
