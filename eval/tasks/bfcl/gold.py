"""Right answers written from BFCL's gold: what a perfect model would say."""

from __future__ import annotations

from typing import Any

from eval.tasks.bfcl.questions import Question
from records.calls import Call


def gold_calls(question: Question) -> list[Call]:
    """One call per gold entry, each argument with its first accepted value."""
    described = {function["name"]: function["parameters"]["properties"] for function in question.functions}
    required = {function["name"]: function["parameters"].get("required", []) for function in question.functions}
    calls = []
    for entry in question.gold:
        for name, accepted in entry.items():
            values = {
                key: _first(options) for key, options in accepted.items() if _given(options) or key in required[name]
            }
            if question.category == "simple_java":
                values = {key: as_java(value, described[name][key]) for key, value in values.items()}
            if question.category == "simple_javascript":
                values = {key: as_javascript(value, described[name][key]) for key, value in values.items()}
            calls.append(Call(name, values))
    return calls


def _given(options: list[Any]) -> bool:
    """BFCL marks what may be left out with an empty string among the accepted values."""
    return not isinstance(options, (list, str)) or "" not in options


def _first(options: list[Any]) -> Any:
    if not isinstance(options, list):  # some nested gold of the live sets is a value, not a list of accepted ones
        return _plain(options)
    return _plain(next((option for option in options if option != ""), [] if not options else ""))


def _plain(value: Any) -> Any:
    """Dictionaries of gold hold lists of accepted values, too."""
    if isinstance(value, dict):
        return {key: _first(options) for key, options in value.items() if _given(options)}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value


def as_java(value: Any, schema: dict[str, Any]) -> str:
    """A value in Java's notation for the parameter's type."""
    kind = schema["type"]
    if isinstance(value, str):
        return value
    if kind == "ArrayList":
        parts = ", ".join(_java_element(part, schema["items"]["type"]) for part in value)
        return f"new ArrayList<>(Arrays.asList({parts}))" if value else "new ArrayList<>()"
    if kind == "Array":  # the checker keeps quotes of elements here, so right answers have none
        return f"new Object[]{{{', '.join(map(_number, value))}}}"
    if kind == "HashMap":
        puts = " ".join(f'put("{key}", {_java_element(part, None)});' for key, part in value.items())
        return f"new HashMap<>() {{{{ {puts} }}}}" if value else "new HashMap<>()"
    return _number(value) + {"long": "L", "float": "f"}.get(kind, "")


def _java_element(value: Any, kind: str | None) -> str:
    if isinstance(value, str):
        return f'"{value}"' if kind in (None, "String", "char") else value
    return _number(value) + {"long": "L", "float": "f"}.get(kind or "", "")


def as_javascript(value: Any, schema: dict[str, Any]) -> str:
    """A value in JavaScript's notation for the parameter's type."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{', '.join(_js_element(part) for part in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_js_element(part)}' for key, part in value.items())}}}"
    return _number(value) + ("n" if schema["type"] == "Bigint" else "")


def _js_element(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(_js_element(part) for part in value)}]"
    return _number(value)


def _number(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
