"""Frozen values: what of a named tuple they keep."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.values import Value
from tests.cli.program import PATIENCE, ROOT


class Point(Value):
    """A place."""

    x: int
    y: int = 0
    name: str = ""

    @property
    def shown(self) -> str:
        return f"{self.x}/{self.y}"


Named = namedtuple("Named", ["x", "y", "name"], defaults=[0, ""])


def test_a_value_is_a_tuple_with_names() -> None:
    """Fields are read by name, by position and by pattern, and two values with equal fields are one."""
    point = Point(1, name="here")
    assert (point.x, point.y, point.name, point.shown) == (1, 0, "here", "1/0")
    assert point == (1, 0, "here")
    assert len({point, Point(1, 0, "here")}) == 1
    assert repr(point) == "Point(x=1, y=0, name='here')"
    assert Point.__doc__ == "A place."
    match point:
        case Point(1, y):
            assert y == 0
        case _:
            pytest.fail("the pattern does not fit")


@pytest.mark.parametrize("attribute", ["x", "shown", "other"])
def test_a_value_is_frozen(attribute: str) -> None:
    """No attribute can be set, and there is no room for others."""
    with pytest.raises(AttributeError):
        setattr(Point(1), attribute, 2)
    assert not hasattr(Point(1), "__dict__")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Point(),  # type: ignore[call-arg]
        lambda: Point(1, 2, "", 4),  # type: ignore[call-arg]
        lambda: Point(1, x=2),  # type: ignore[misc]
        lambda: Point(1, z=2),  # type: ignore[call-arg]
        lambda: Point(1)._replace(z=2),  # type: ignore[call-arg]
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], Point]) -> None:
    """A value that is missing, one too many, a field given twice and one that does not exist are all errors."""
    with pytest.raises(TypeError, match="Point"):
        make()


def test_a_value_can_be_copied_and_pickled() -> None:
    """Copies of a value are values of its class."""
    point = Point(1, 2, "there")
    for made in (copy.copy(point), copy.deepcopy(point), pickle.loads(pickle.dumps(point))):
        assert type(made) is Point
        assert made == point


@given(st.lists(st.integers(), max_size=3), st.sets(st.sampled_from(["x", "y", "name"])), st.integers())
def test_a_value_is_made_as_a_named_tuple_is(positional: list[int], by_name: set[str], change: int) -> None:
    """Whatever a named tuple can be made of makes the same value, and so do its changes; else both refuse."""
    named = dict.fromkeys(by_name, 7)
    try:
        expected = Named(*positional, **named)  # type: ignore[arg-type]
    except TypeError:
        with pytest.raises(TypeError):
            Point(*positional, **named)  # type: ignore[arg-type]
        return
    made = Point(*positional, **named)  # type: ignore[arg-type]
    assert tuple(made) == tuple(expected)
    assert made._asdict() == expected._asdict()
    assert tuple(made._replace(y=change)) == tuple(expected._replace(y=change))


def test_a_value_says_what_it_is_made_of() -> None:
    """The signature of the class names the fields and their defaults, as help() shows them."""
    assert str(inspect.signature(Point)) == "(x, y=0, name='')"


def test_values_load_no_module() -> None:
    """Making classes of values imports neither collections nor typing."""
    script = f"import sys; sys.path.append({ROOT!r}); import runjd.values; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, timeout=PATIENCE, check=True)
    assert {"collections", "typing"}.isdisjoint(done.stdout.decode().split())
