"""
Which devices a jail may use: the rules of the bundle, in their order, the last that fits counts. Pure.

Before them everything is forbidden, and behind them stand the devices that
programs cannot do without, as with runc; making a device file is no use of it.
"""

from __future__ import annotations

from runjd.errors import Unsupported
from runjd.spec.resources import DeviceRule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: config-linux.md, "Default Devices", pseudo terminals, and mknod(2) of any device
DEFAULT_RULES = (
    DeviceRule(True, "c", access="m"),
    DeviceRule(True, "b", access="m"),
    DeviceRule(True, "c", 1, 3),  # null
    DeviceRule(True, "c", 1, 5),  # zero
    DeviceRule(True, "c", 1, 7),  # full
    DeviceRule(True, "c", 1, 8),  # random
    DeviceRule(True, "c", 1, 9),  # urandom
    DeviceRule(True, "c", 5, 0),  # tty
    DeviceRule(True, "c", 5, 2),  # ptmx
    DeviceRule(True, "c", 136, None),  # pts/*
)
_PATH = "linux.resources.devices"


def is_allowed(rules: Sequence[DeviceRule], kind: str, major: int, minor: int, access: str) -> bool:
    """Return what the rules say of one use: this is what they mean, whichever way the kernel is told."""
    for letter in access:
        for rule in reversed(rules):
            if _fits(rule, kind, major, minor) and letter in rule.access:
                if not rule.allow:
                    return False
                break
        else:
            return False
    return True


def version1_writes(rules: Sequence[DeviceRule]) -> list[tuple[str, str, str]]:
    """
    Return the rules as version 1 takes them: (file, value, JSON path) in order.

    The kernel keeps exceptions from one default, and takes an exception back only if it is named
    exactly as it was made.  What a hole in a wider rule would need it ignores, so that is refused.

    :raise Unsupported: naming the rule that it would ignore.
    """
    default = False
    exceptions: dict[tuple[str, int | None, int | None], set[str]] = {}
    for index, rule in enumerate((*rules, *DEFAULT_RULES)):
        where = f"{_PATH}[{index}]" if index < len(rules) else _PATH
        if rule.type == "a":
            if set(rule.access) != set("rwm") or (rule.major, rule.minor) != (None, None):
                raise Unsupported(f"{where}.type", "a rule for devices of every type counts for all of them")
            default, exceptions = rule.allow, {}
        elif rule.allow != default:
            exceptions.setdefault((rule.type, rule.major, rule.minor), set()).update(rule.access)
        else:
            _take_back(exceptions, rule, where)
    made = [("devices.deny", "a", _PATH)]
    if default:
        made.append(("devices.allow", "a", _PATH))
    file = "devices.deny" if default else "devices.allow"
    for (kind, major, minor), access in exceptions.items():
        letters = "".join(letter for letter in "rwm" if letter in access)
        if letters:
            made.append((file, f"{kind} {_word(major)}:{_word(minor)} {letters}", _PATH))
    return made


def _take_back(exceptions: dict[tuple[str, int | None, int | None], set[str]], rule: DeviceRule, where: str) -> None:
    for (kind, major, minor), access in exceptions.items():
        if kind != rule.type or not access & set(rule.access):
            continue
        covered = rule.major in (None, major) and rule.minor in (None, minor)
        if covered:
            access -= set(rule.access)
        elif (major is None or rule.major in (None, major)) and (minor is None or rule.minor in (None, minor)):
            raise Unsupported(
                where,
                "control groups of version 1 cannot make an exception from a wider rule before it; "
                "name the devices one by one instead",
            )


def _fits(rule: DeviceRule, kind: str, major: int, minor: int) -> bool:
    return rule.type in ("a", kind) and rule.major in (None, major) and rule.minor in (None, minor)


def _word(number: int | None) -> str:
    return "*" if number is None else str(number)
