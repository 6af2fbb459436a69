"""YAML mappings into frozen dataclasses: every key, type and range is checked before any work."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import types
import typing
from typing import Any, TypeVar

from records.errors import UserError

T = TypeVar("T")


def build(cls: type[T], values: Any, file: str, key: str = "") -> T:
    """Make a dataclass from a mapping; nested dataclasses from nested mappings.

    Args:
        cls: the dataclass.
        values: what YAML gave for it.
        file: the recipe file, named in errors.
        key: dotted path of `values` in the file, "" at the top.

    Raises:
        UserError: unknown or missing key, wrong type, or a ValueError of the class's own `__post_init__`.
    """
    if not isinstance(values, dict):
        raise UserError(f"{file}: {key or 'the recipe'} must be a mapping, not {values!r}")
    hints = typing.get_type_hints(cls)
    known = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise UserError(f"{file}: unknown key {_join(key, str(name))}; {_nearest(str(name), known)}")
    parts = {}
    for name, field in known.items():
        if name in values:
            parts[name] = _convert(hints[name], values[name], file, _join(key, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise UserError(f"{file}: key {_join(key, name)} is missing")
    try:
        return cls(**parts)
    except ValueError as error:
        raise UserError(f"{file}: {key or 'the recipe'}: {error}") from None


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _nearest(name: str, known: typing.Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known keys: {', '.join(sorted(known))}"


def _convert(hint: Any, value: Any, file: str, key: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type[Any], hint), value, file, key)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        return _convert(next(a for a in arguments if a is not type(None)), value, file, key)
    if origin is typing.Literal:
        if value not in arguments:
            raise UserError(f"{file}: {key} is {value!r}; it must be one of {', '.join(map(repr, arguments))}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise UserError(f"{file}: {key} must be a list, not {value!r}")
        return tuple(_convert(arguments[0], item, file, f"{key}[{n}]") for n, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise UserError(f"{file}: {key} must be a mapping, not {value!r}")
        return {str(name): _convert(arguments[1], item, file, _join(key, str(name))) for name, item in value.items()}
    return _plain(hint, value, file, key)


def _plain(hint: Any, value: Any, file: str, key: str) -> Any:
    # YAML writes 1e-4 as a string and 1 for 1.0; a bool is no number.
    if hint is float and isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise UserError(f"{file}: {key} must be {hint.__name__}, not {value!r}")
    return value
