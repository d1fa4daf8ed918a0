"""
Frozen values at the price of a tuple.

``typing`` costs 3 ms at start, ``collections`` 2 ms and each class of
``namedtuple`` 0.2 ms, as it compiles a constructor; ``runj`` would pay for dozens,
several times for each container.  So a type checker reads ``Value`` as
:class:`typing.NamedTuple`, and at run time a class is made of parts that are there
already, with the methods of a named tuple that we use.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import NamedTuple as Value
else:
    try:
        from _collections import _tuplegetter as _getter
    except ImportError:  # another Python than CPython
        from operator import itemgetter

        def _getter(index, doc):
            return property(itemgetter(index), doc=doc)

    class _ValueType(type):
        """Turns the annotations of a class body into the fields of a tuple."""

        def __new__(mcs, name, bases, body):
            fields = tuple(body.pop("__annotations__", ()))
            defaults = {field: body[field] for field in fields if field in body}
            for index, field in enumerate(fields):
                body[field] = _getter(index, None)
            body |= {"__slots__": (), "__match_args__": fields, "_fields": fields, "_field_defaults": defaults}
            return super().__new__(mcs, name, bases, body)

        @property
        def __signature__(cls):
            from inspect import Parameter, Signature  # for help() and the like

            kind, missing = Parameter.POSITIONAL_OR_KEYWORD, Parameter.empty
            return Signature([Parameter(f, kind, default=cls._field_defaults.get(f, missing)) for f in cls._fields])

    class Value(tuple, metaclass=_ValueType):
        """Base of all frozen values: ``class Point(Value): x: int; y: int = 0``."""

        def __new__(cls, /, *values, **named):
            if named or len(values) != len(cls._fields):
                values = _complete(cls, values, named)
            return tuple.__new__(cls, values)

        def _replace(self, /, **changes):
            changed = [changes.pop(field, value) for field, value in zip(self._fields, self, strict=True)]
            if changes:
                raise _no_field(type(self), changes)
            return tuple.__new__(type(self), changed)

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            shown = [f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True)]
            return f"{type(self).__name__}({', '.join(shown)})"

        def __getnewargs__(self):
            return tuple(self)

    def _complete(cls, values, named):
        """Return the values of all fields, in order, of what a constructor was called with."""
        fields, defaults = cls._fields, cls._field_defaults
        if len(values) > len(fields):
            raise TypeError(f"{cls.__name__} takes {len(fields)} values, and {len(values)} were given")
        made = list(values)
        for field in fields[len(values) :]:
            if field in named:
                made.append(named.pop(field))
            elif field in defaults:
                made.append(defaults[field])
            else:
                raise TypeError(f'{cls.__name__} needs a value for "{field}"')
        if named:
            raise _no_field(cls, named)
        return made

    def _no_field(cls, named):
        return TypeError(f'{cls.__name__} has no field, or has a value already for "{next(iter(named))}"')


__all__ = ["Value"]
