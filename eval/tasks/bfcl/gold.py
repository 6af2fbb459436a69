"""Right answers written from BFCL's gold: what a perfect model would say."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from eval.benchmarks import END, Gold, gold_answers
from eval.tasks.bfcl.multi_turn_entries import MULTI_TURN, Entry, entries
from eval.tasks.bfcl.multi_turn_episode import BfclEpisode
from eval.tasks.bfcl.questions import Question, category_of, questions
from records.calls import Call, format_calls

CLOSING = "Done."
"""What stands for the words that end a turn, which the benchmark does not give."""


def golds(task: str, indices: Sequence[int]) -> list[Gold]:
    """Gold answers of a task's questions; of a conversation one for each turn with calls."""
    category = category_of(task)
    if category in MULTI_TURN:
        asked = entries(category)
        return [gold for number in indices for gold in conversation_golds(asked[number])]
    return gold_answers([GoldQuestion(question) for question in questions(category)], indices)


class GoldQuestion:
    """A question whose gold answer is text in our call format."""

    def __init__(self, question: Question) -> None:
        self.question = question

    def prompt(self) -> str:
        """The text a model reads."""
        return self.question.prompt()

    def gold(self) -> str:
        """The gold calls; empty in categories without."""
        return format_calls(gold_calls(self.question)) if self.question.gold else ""


def conversation_golds(entry: Entry) -> Iterator[Gold]:
    """The gold calls of each turn in one answer, behind the turns before with their gold calls and true results."""
    episode = BfclEpisode(entry)
    for calls in conversation_calls(entry):
        step = episode.step()
        assert step is not None
        if calls:
            yield Gold(step.prompt, format_calls(calls) + END)
            episode.take(format_calls(calls))
        episode.take(CLOSING)


def conversation_calls(entry: Entry) -> list[list[Call]]:
    """The gold calls by turn, positional arguments under the names of their parameters."""
    described = [*entry.functions, *[function for added in entry.added.values() for function in added]]
    names = {function["name"]: list(function["parameters"]["properties"]) for function in described}
    return [[_call(text, names) for text in turn] for turn in entry.gold]


def _call(text: str, names: dict[str, list[str]]) -> Call:
    """One gold call, parsed and never run."""
    node: Any = ast.parse(text, mode="eval").body
    given = dict(zip(names[node.func.id], map(ast.literal_eval, node.args), strict=False))
    return Call(node.func.id, given | {str(part.arg): ast.literal_eval(part.value) for part in node.keywords})


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
