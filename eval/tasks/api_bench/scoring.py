"""The verdict of Gorilla's `eval/eval-scripts/ast_eval_{hf,tf,th}.py` on an answer, which is parsed and never run.

The authors' rules, kept with their quirks: the call is what stands between `api_call` and `api_provider`; it is parsed
by tree-sitter; the first API of the database whose arguments all stand in the sub-tree that begins with the API's name
is taken as what was called (where no sub-tree begins so, the last one visited is looked at); no API at all is a
hallucination; the answer is right when that API's domain is the domain of the question's own API.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from eval.tasks.api_bench.questions import Question, database

MAX_ANSWER_CHARACTERS = 100_000
"""Longer answers are wrong unread; the longest of the authors' own has under 6,000."""


@dataclass(frozen=True)
class Verdict:
    """What scoring says of one answer."""

    right: bool
    hallucinated: bool
    reason: str
    """`right`, `hallucination` (no API of the database), `wrong_domain`, `no_api_call`, `empty` or `too_long`."""
    matched: str | None
    """The database's call that the answer was taken for."""


@dataclass(frozen=True)
class Reference:
    """One API of a database, as the match wants it."""

    name: bytes
    arguments: tuple[str, ...]
    api_call: str
    domain: str


def judge(question: Question, answer: str) -> Verdict:
    """Score one answer; never raises on what a model writes, and evaluates none of it."""
    if not answer.strip():
        # The authors' loops count an empty text of Hugging Face and TensorFlow Hub as a hallucination.
        return Verdict(False, question.hub != "torchhub", "empty", None)
    if len(answer) > MAX_ANSWER_CHARACTERS:
        return Verdict(False, True, "too_long", None)
    call = written_call(answer, question.hub)
    if call is None:
        return Verdict(False, False, "no_api_call", None)
    found = match(call, references(question.hub))
    if found is None:
        return Verdict(False, True, "hallucination", None)
    right = found.domain == question.domain
    return Verdict(right, False, "right" if right else "wrong_domain", found.api_call)


def written_call(answer: str, hub: str) -> str | None:
    """The text that the authors take for the API call; None where they find none (Torch Hub alone)."""
    parts = answer.split("api_call")
    if len(parts) == 1:
        return None if hub == "torchhub" else answer
    part = parts[1].split("api_provider")[0]
    start = max(part.find(":"), 0)
    end = part.rfind(")") if ")" in part else -2
    return part[start + 2 : end + 1]


def match(call: str, known: Iterable[Reference]) -> Reference | None:
    """The first known API that the call holds."""
    first, last = _sub_trees(call, longest_name=max((len(item.name) for item in known), default=0))
    return next((item for item in known if _holds(first.get(item.name, last), item)), None)


def _holds(text: str, item: Reference) -> bool:
    return bool(item.arguments) and all(argument in text for argument in item.arguments)


def _sub_trees(call: str, longest_name: int) -> tuple[dict[bytes, str], str]:
    """Text of the first sub-tree visited for each text of a first child, and the text of the last one visited."""
    root = _parse(call)
    first: dict[bytes, str] = {}
    stack, last = [root], root
    while stack:
        last = stack.pop()
        if last.child_count:
            head = last.children[0]
            if head.end_byte - head.start_byte <= longest_name:
                first.setdefault(head.text, _text(last))
        stack.extend(child for child in last.children if child.child_count)
    return first, _text(last)


@cache
def references(hub: str) -> tuple[Reference, ...]:
    """The database of a hub, parsed; APIs that no answer can match are left out, as the authors' loop skips them."""
    return tuple(item for row in database(hub) if (item := reference(row, hub)) is not None)


def reference(row: dict[str, Any], hub: str) -> Reference | None:
    """One API as the match wants it: the first node of the call, and its arguments by the rule of the hub's script."""
    root = _parse(row["api_call"])
    if not root.child_count or not root.children[0].child_count or not root.children[0].children[0].child_count:
        return None
    call = root.children[0].children[0]
    children = call.children[1].children if call.child_count > 1 else []
    arguments = tuple(argument for child in children if (argument := _argument(child, hub)) is not None)
    return Reference(call.children[0].text, arguments, row["api_call"], row["domain"])


def _argument(child: Any, hub: str) -> str | None:
    text = _text(child)
    named = {
        "huggingface": "=" in text,
        "tensorflow": "model=" in text or "model =" in text,
        "torchhub": "repo_or_dir" in text or "model" in text,
    }[hub]
    if named:
        # `name=value`: the third child is the value. The authors' parser would stop on a text without three parts.
        value = _text(child.children[2]) if child.child_count > 2 else text
    elif hub == "torchhub" or text in ("(", ")", ","):
        return None
    else:
        value = text
    return value.lstrip("'").rstrip("'")


def _parse(code: str) -> Any:
    return _parser().parse(code.encode("utf-8", "replace")).root_node


@cache
def _parser() -> Any:
    import tree_sitter_python
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_python.language()))


def _text(node: Any) -> str:
    return node.text.decode("utf-8", "replace")
