"""Frozen dataclasses as JSON and back, every type checked on the way back.

What stands in a record is simple: words, numbers, None, other records, tuples of these, and
dictionaries with words for keys. A field that is None is left out of the JSON.
"""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def to_json(record: Any) -> dict[str, Any]:
    """Return a record's fields, JSON-ready; those that are None are left out."""
    found = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: _plain(value) for name, value in found.items() if value is not None}


def from_json(kind: type[Record], facts: Any) -> Record:
    """Return the record that was written as JSON.

    Parameters
    ----------
    kind : type
        A dataclass.
    facts : object
        What the JSON was: anything, in a file that is damaged.

    Raises
    ------
    ValueError
        If a field is missing, unknown or of another type; it says which.
    """
    record: Record = _record(kind, facts, "it")
    return record


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return to_json(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _record(kind: Any, facts: Any, where: str) -> Any:
    if not isinstance(facts, dict):
        raise _wrong(where, facts, "an object")
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}
    for name in facts:
        if name not in known:
            raise ValueError(f"{where} has an unknown field {name!r}")
    for name, field in known.items():
        if name not in facts and field.default is MISSING:
            raise ValueError(f"{where} has no field {name!r}")
    return kind(**{name: _typed(hints[name], value, name) for name, value in facts.items()})


def _typed(kind: Any, value: Any, where: str) -> Any:
    """Return a value of JSON as one of a type, or raise a ValueError."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin is UnionType:  # with None: what is None is not in the JSON
        (kind,) = set(parts) - {NoneType}
        return _typed(kind, value, where)
    if is_dataclass(kind):
        return _record(kind, value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise _wrong(where, value, "an object")
        return {key: _typed(parts[1], item, f"{where}.{key}") for key, item in value.items()}
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong(where, value, "a list")
        kinds = parts[:1] * len(value) if parts[-1] is Ellipsis else parts
        if len(kinds) != len(value):
            raise _wrong(where, value, f"a list of {len(kinds)}")
        return tuple(_typed(k, item, where) for k, item in zip(kinds, value, strict=True))
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise _wrong(where, value, kind.__name__)
    return value


def _wrong(where: str, value: Any, expected: str) -> ValueError:
    text = repr(value)
    found = text if len(text) <= 40 else f"{text[:37]}..."
    return ValueError(f"{where} is {found}, expected {expected}")
