"""Processes that the keeper knows."""

from __future__ import annotations

import os

from runjd.keeper.children import Child, Children, Exit


def ended(children: Children, jail: str, name: str, terminal: bool) -> tuple[Child, int]:
    """Return a process that ended, and the descriptor of its output."""
    out, other = os.pipe()
    os.close(other)
    child = Child(jail, name, out, 1, terminal=terminal)
    child.hold({"tty" if terminal else "out": out})
    children.add(child)
    children.end(child, Exit(0, None, 0.0, False))
    return child, out


def is_open(descriptor: int) -> bool:
    """Whether a descriptor is open."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_the_terminals_of_a_jail_that_goes_are_let_go() -> None:
    """Those of its processes that ended; what others have, and other output, is kept until it is dealt with."""
    children = Children()
    init, on_init = ended(children, "web", "", True)
    _, on_exec = ended(children, "web", "e1", True)
    _, on_output = ended(children, "web", "e2", False)
    _, on_other = ended(children, "db", "", True)

    children.release_terminals("web")

    assert [is_open(each) for each in (on_init, on_exec, on_output, on_other)] == [False, False, True, True]
    assert init.streams() == {}
    for each in list(children):
        children.forget(each.jail, each.exec, each.pid)
    assert not is_open(on_output)
