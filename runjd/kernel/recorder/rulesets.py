"""The rules of devfs in memory; 1 to 5 are those that /etc/rc.d/devfs loads from /etc/defaults/devfs.rules."""

from __future__ import annotations

import fnmatch
import stat

from runjd.kernel.freebsd.devfs import Rule, pack
from runjd.kernel.recorder.refusal import refusal
from runjd.kernel.recorder.state import Mounted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.recorder.files import Files
    from runjd.kernel.recorder.state import Node, State

_BASIC = ("null", "zero", "crypto", "random", "urandom")
_TERMINALS = tuple(f"{kind}{letter}*" for kind in ("pty", "tty") for letter in "pqrsPQRSlmnoLMNO")
_LOGIN = (*_TERMINALS, "ptmx", "pts", "pts/*", "fd", "fd/*", "stdin", "stdout", "stderr")
_STEP = 100


def usual() -> dict[int, list[Rule]]:
    """Return the rulesets of a machine that was started as usual."""
    return {
        1: [Rule(hide=True, number=100)],
        2: _numbered([Rule(pattern, hide=False) for pattern in _BASIC]),
        3: _numbered([Rule(pattern, hide=False) for pattern in _LOGIN]),
        4: _numbered(
            [*(Rule(include=number) for number in (1, 2, 3)), *(Rule(name, hide=False) for name in ("fuse", "zfs"))]
        ),
        5: _numbered([Rule(include=4), Rule("pf", hide=False)]),
    }


def _numbered(rules: list[Rule]) -> list[Rule]:
    return [rule._replace(number=_STEP * (index + 1)) for index, rule in enumerate(rules)]


class Rulesets:
    """What the ioctls of a devfs do."""

    def __init__(self, state: State, files: Files) -> None:
        self._state = state
        self._files = files

    def use_ruleset(self, directory: int, ruleset: int) -> None:
        self._mount(directory).ruleset = ruleset

    def apply_ruleset(self, directory: int, ruleset: int) -> None:
        apply_ruleset(self._state, self._mount(directory), ruleset)

    def apply_rule(self, directory: int, rule: Rule) -> None:
        pack(rule)
        mount = self._mount(directory)
        if rule.include is not None and rule.include not in self._state.rulesets:
            raise refusal("ESRCH")
        _apply(self._state, mount, rule)

    def add_rule(self, directory: int, ruleset: int, rule: Rule) -> None:
        pack(rule, ruleset)
        self._mount(directory)
        rules = self._state.rulesets.setdefault(ruleset, [])
        if any(each.number == rule.number for each in rules):
            raise refusal("EEXIST")
        last = max((each.number for each in rules), default=0)
        number = rule.number or (last // _STEP + 1) * _STEP
        rules.append(rule._replace(number=number))
        rules.sort(key=lambda each: each.number)

    def delete_rule(self, directory: int, ruleset: int, number: int) -> None:
        self._mount(directory)
        rules = self._state.rulesets.get(ruleset, [])
        found = [each for each in rules if each.number == number]
        if not found:
            raise refusal("ENOENT")
        rules.remove(found[0])
        if not rules:
            del self._state.rulesets[ruleset]

    def rulesets(self, directory: int) -> list[int]:
        self._mount(directory)
        return sorted(number for number in self._state.rulesets if number)

    def rules(self, directory: int, ruleset: int) -> list[Rule]:
        self._mount(directory)
        return list(self._state.rulesets.get(ruleset, []))

    def _mount(self, directory: int) -> Mounted:
        place = self._files.directory_of(directory)
        if place.mount.type != "devfs" or not place.node.is_directory():
            raise refusal("ENOTTY")
        if self._state.me.jid or not self._state.is_root():
            raise refusal("EPERM")
        return place.mount


def apply_ruleset(state: State, mount: Mounted, ruleset: int) -> None:
    """Use a ruleset for a mount, and apply it to the devices that are there; one that is not loaded does nothing."""
    mount.ruleset = ruleset
    for rule in state.rulesets.get(ruleset, []):
        _apply(state, mount, rule)


def _apply(state: State, mount: Mounted, rule: Rule) -> None:
    if rule.include is not None:
        for each in state.rulesets.get(rule.include, []):
            _apply(state, mount, each)
    for name, node in _devices(mount.root, ""):
        if not rule.pattern or fnmatch.fnmatchcase(name, rule.pattern):
            _change(node, rule)


def _devices(directory: Node, prefix: str) -> list[tuple[str, Node]]:
    found = []
    for name, node in directory.children.items():
        found.append((prefix + name, node))
        if node.kind == stat.S_IFDIR:
            found += _devices(node, f"{prefix}{name}/")
    return found


def _change(node: Node, rule: Rule) -> None:
    if rule.hide is not None:
        node.hidden = rule.hide
    node.mode = node.mode if rule.mode is None else rule.mode
    node.uid = node.uid if rule.uid is None else rule.uid
    node.gid = node.gid if rule.gid is None else rule.gid


def show_by_rules(state: State, mount: Mounted, device: str) -> None:
    """Do to a device that appears what the ruleset of its mount says, and to the folder it is in."""
    names = {device, device.rpartition("/")[0]}
    for rule in _flat(state, mount.ruleset):
        for name, node in _devices(mount.root, ""):
            if name in names and (not rule.pattern or fnmatch.fnmatchcase(name, rule.pattern)):
                _change(node, rule)


def _flat(state: State, ruleset: int) -> list[Rule]:
    found: list[Rule] = []
    for rule in state.rulesets.get(ruleset, []):
        found += [rule] if rule.include is None else _flat(state, rule.include)
    return found
