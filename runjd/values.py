"""
Frozen values at the price of a tuple.

``typing`` costs 3 ms at start, which ``runj`` pays several times for each
container.  A type checker reads ``Value`` as :class:`typing.NamedTuple`; at run
time it is built on :func:`collections.namedtuple`, which ``json`` has loaded
anyway.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import NamedTuple as Value
else:
    from collections import namedtuple

    _MADE_BY_TYPE = frozenset({"__annotations__", "__dict__", "__module__", "__qualname__", "__weakref__"})

    class _ValueType(type):
        """Turns the annotations of a class body into a named tuple."""

        def __new__(mcs, name, bases, body):
            if not bases:
                return super().__new__(mcs, name, bases, body)
            fields = list(body.get("__annotations__", ()))
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            made.__qualname__ = body["__qualname__"]
            for key, member in body.items():
                if key not in _MADE_BY_TYPE and key not in fields:
                    setattr(made, key, member)
            return made

    class Value(metaclass=_ValueType):
        """Base of all frozen values: ``class Point(Value): x: int; y: int = 0``."""


__all__ = ["Value"]
